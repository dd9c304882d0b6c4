#include "vmmode/host/writes_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static char *append(char *at, const char *text)
{
        size_t size = strlen(text) + 1;

        memcpy(at, text, size);
        return at + size;
}

static void put_write(struct message_builder *builder, const struct cgroup_write *write)
{
        const uint32_t numbers[] = {write->controller, (write->may_be_missing ? WRITE_PART_MAY_BE_MISSING : 0U) |
                                                               (write->unless_before ? WRITE_PART_UNLESS_BEFORE : 0U)};
        size_t size = sizeof(numbers) + strlen(write->file) + strlen(write->value) + strlen(write->field) + 3;
        _cleanup_free_ char *bytes = malloc(size);

        if (!bytes) {
                builder->failed = true;
                return;
        }
        memcpy(bytes, numbers, sizeof(numbers));
        append(append(append(bytes + sizeof(numbers), write->file), write->value), write->field);
        message_put(builder, PART_WRITE, bytes, size);
}

void writes_put(struct message_builder *builder, const struct cgroup_writes *writes)
{
        message_put_number(builder, PART_CONTROLLERS, writes->controllers);
        for (size_t i = 0; i < writes->n; i++)
                put_write(builder, &writes->v[i]);
}
