#include "vmmode/host/writes_message.h"

void writes_put(struct message_builder *builder, const struct cgroup_writes *writes)
{
        message_put_number(builder, PART_CONTROLLERS, writes->controllers);
        for (size_t i = 0; i < writes->n; i++) {
                const struct cgroup_write *from = &writes->v[i];
                const struct message_write write = {
                        .controller = from->controller,
                        .bits = (from->may_be_missing ? MESSAGE_WRITE_MAY_BE_MISSING : 0) |
                                (from->unless_before ? MESSAGE_WRITE_UNLESS_BEFORE : 0),
                        .file = from->file,
                        .value = from->value,
                        .field = from->field,
                };

                message_put_write(builder, &write);
        }
}
