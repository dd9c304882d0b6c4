/* The parts that are more than a number or a text. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmmode/protocol/message.h"

struct write_numbers {
        uint32_t controller, bits;
};

void message_put_write(struct message_builder *builder, const struct message_write *write)
{
        const struct write_numbers numbers = {write->controller, write->bits};
        const char *texts[] = {write->file, write->value, write->field};
        size_t size = sizeof(numbers);
        char *bytes, *at;

        for (size_t i = 0; i < ELEMENTS(texts); i++)
                size += strlen(texts[i]) + 1;
        bytes = malloc(size);
        if (!bytes) {
                builder->failed = true;
                return;
        }
        memcpy(bytes, &numbers, sizeof(numbers));
        at = bytes + sizeof(numbers);
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                at = stpcpy(at, texts[i]) + 1;
        message_put(builder, PART_WRITE, bytes, size);
        free(bytes);
}

/* The text at *at, which must end before `end`; *at is behind it then. */
static const char *take_text(const char **at, const char *end)
{
        const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

        if (!nul)
                return NULL;
        *at = nul + 1;
        return text;
}

bool message_read_write(const struct message_part *part, struct message_write *write)
{
        const char *at = part->data + sizeof(struct write_numbers), *end = part->data + part->size;
        struct write_numbers numbers;

        if (part->kind != PART_WRITE || part->size < sizeof(numbers))
                return false;
        memcpy(&numbers, part->data, sizeof(numbers));
        *write = (struct message_write){.controller = numbers.controller, .bits = numbers.bits};
        write->file = take_text(&at, end);
        write->value = write->file ? take_text(&at, end) : NULL;
        write->field = write->value ? take_text(&at, end) : NULL;
        return write->field && at == end;
}

void message_put_file(struct message_builder *builder, const char *name, const void *content, size_t size)
{
        size_t length = strlen(name) + 1;
        char *bytes = malloc(length + size);

        if (!bytes) {
                builder->failed = true;
                return;
        }
        memcpy(bytes, name, length);
        if (size)
                memcpy(bytes + length, content, size);
        message_put(builder, PART_FILE, bytes, length + size);
        free(bytes);
}

bool message_read_file(const struct message_part *part, const char **name, const char **content, size_t *size)
{
        const char *at = part->data, *end = part->data + part->size;

        if (part->kind != PART_FILE)
                return false;
        *name = take_text(&at, end);
        if (!*name)
                return false;
        *content = at;
        *size = (size_t)(end - at);
        return true;
}
