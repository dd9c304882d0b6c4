#include "vmmode/protocol/message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

#define MAGIC 0x62727468U /* "htrb" in memory */

struct header {
        uint32_t magic, kind;
        uint32_t size; /* of the parts behind it */
        uint32_t unused;
};

struct part_header {
        uint32_t kind, size;
};

static size_t padded(size_t size)
{
        return (size + 7) & ~(size_t)7;
}

/* ---- making ---- */

static char *grow(struct message_builder *builder, size_t more)
{
        size_t need = builder->size + more, room = builder->room ? builder->room : 256;
        char *bytes, *at;

        if (builder->failed || need > MESSAGE_MAX) {
                builder->failed = true;
                return NULL;
        }
        while (room < need)
                room *= 2;
        if (room != builder->room) {
                bytes = realloc(builder->bytes, room);
                if (!bytes) {
                        builder->failed = true;
                        return NULL;
                }
                builder->bytes = bytes;
                builder->room = room;
        }
        at = builder->bytes + builder->size;
        memset(at, 0, more);
        builder->size = need;
        return at;
}

void message_begin(struct message_builder *builder, enum message_kind kind)
{
        struct header header = {.magic = MAGIC, .kind = kind};
        char *at;

        *builder = (struct message_builder){0};
        at = grow(builder, sizeof(header));
        if (at)
                memcpy(at, &header, sizeof(header));
}

void message_put(struct message_builder *builder, enum part_kind kind, const void *data, size_t size)
{
        struct part_header header = {kind, (uint32_t)size};
        char *at = size > MESSAGE_MAX ? NULL : grow(builder, sizeof(header) + padded(size));

        if (!at) {
                builder->failed = true;
                return;
        }
        memcpy(at, &header, sizeof(header));
        if (size)
                memcpy(at + sizeof(header), data, size);
}

void message_put_text(struct message_builder *builder, enum part_kind kind, const char *text)
{
        if (text)
                message_put(builder, kind, text, strlen(text) + 1);
}

void message_put_number(struct message_builder *builder, enum part_kind kind, int64_t number)
{
        message_put(builder, kind, &number, sizeof(number));
}

void message_drop(struct message_builder *builder)
{
        free(builder->bytes);
        *builder = (struct message_builder){0};
}

static int send_bytes(int fd, const char *bytes, size_t size, int64_t deadline)
{
        while (size) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0) {
                        bytes += n;
                        size -= (size_t)n;
                } else if (errno == EAGAIN) {
                        int r = wait_fd(fd, POLLOUT, until_ms(deadline));

                        if (r < 0)
                                return r;
                } else if (errno != EINTR) {
                        return -errno;
                }
        }
        return 0;
}

/* -ENOMEM when it could not be built. */
static int finish(struct message_builder *builder)
{
        uint32_t size = (uint32_t)(builder->size - sizeof(struct header));

        if (builder->failed)
                return -ENOMEM;
        memcpy(builder->bytes + offsetof(struct header, size), &size, sizeof(size));
        return 0;
}

int message_send(int fd, struct message_builder *builder, int64_t deadline)
{
        int r = finish(builder);

        if (r == 0)
                r = send_bytes(fd, builder->bytes, builder->size, deadline);
        message_drop(builder);
        return r;
}

int message_file(struct message_builder *builder, const char *name)
{
        int r = finish(builder);

        if (r == 0)
                r = memfd_sealed(name, builder->bytes, builder->size, false);
        message_drop(builder);
        return r;
}

int message_send_text(int fd, enum message_kind kind, int64_t number, const char *text, int64_t deadline)
{
        struct message_builder builder;

        message_begin(&builder, kind);
        message_put_number(&builder, PART_NUMBER, number);
        message_put_text(&builder, PART_TEXT, text);
        return message_send(fd, &builder, deadline);
}

/* ---- reading ---- */

/* Reads what has come, up to `room` bytes. 0: the end of the stream; -EAGAIN. */
static ssize_t read_now(int fd, char *into, size_t room)
{
        ssize_t n;

        do {
                n = recv(fd, into, room, MSG_DONTWAIT);
        } while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* Every part lies inside, and its padding too. */
static bool parts_are_whole(const char *bytes, size_t size)
{
        for (size_t at = 0; at < size;) {
                struct part_header part;

                if (size - at < sizeof(part))
                        return false;
                memcpy(&part, bytes + at, sizeof(part));
                at += sizeof(part);
                if (part.size > size - at || padded(part.size) > size - at)
                        return false;
                at += padded(part.size);
        }
        return true;
}

static int begin_body(struct message_reader *reader, size_t most)
{
        struct header header;

        memcpy(&header, reader->header, sizeof(header));
        if (header.magic != MAGIC || header.kind == MESSAGE_END || header.kind >= MESSAGE_KINDS)
                return -EBADMSG;
        if (header.size > most - sizeof(header))
                return -EMSGSIZE;
        reader->message.kind = (enum message_kind)header.kind;
        reader->message.size = header.size;
        reader->message.bytes = malloc(header.size + 1);
        return reader->message.bytes ? 0 : -ENOMEM;
}

int message_read_some(struct message_reader *reader, int fd, size_t most, struct message *message)
{
        _Static_assert(sizeof(struct header) == sizeof(reader->header), "the header's size");
        ssize_t n;

        while (reader->header_size < sizeof(reader->header)) {
                n = read_now(fd, reader->header + reader->header_size, sizeof(reader->header) - reader->header_size);
                if (n == 0 && reader->header_size == 0) {
                        *message = (struct message){.kind = MESSAGE_END};
                        return 1;
                }
                if (n <= 0)
                        return n == -EAGAIN ? 0 : n == 0 ? -ECONNRESET : (int)n;
                reader->header_size += (size_t)n;
                if (reader->header_size == sizeof(reader->header)) {
                        int r = begin_body(reader, most);

                        if (r < 0)
                                return r;
                }
        }
        while (reader->used < reader->message.size) {
                n = read_now(fd, reader->message.bytes + reader->used, reader->message.size - reader->used);
                if (n <= 0)
                        return n == -EAGAIN ? 0 : n == 0 ? -ECONNRESET : (int)n;
                reader->used += (size_t)n;
        }
        if (!parts_are_whole(reader->message.bytes, reader->message.size))
                return -EBADMSG;
        *message = reader->message;
        *reader = (struct message_reader){0};
        return 1;
}

void message_reader_free(struct message_reader *reader)
{
        free(reader->message.bytes);
        *reader = (struct message_reader){0};
}

int message_receive(int fd, size_t most, struct message *message, int64_t deadline)
{
        struct message_reader reader = {0};
        int r;

        *message = (struct message){0};
        while ((r = message_read_some(&reader, fd, most, message)) == 0) {
                r = wait_fd(fd, POLLIN, until_ms(deadline));
                if (r < 0)
                        break;
        }
        message_reader_free(&reader);
        return r < 0 ? r : 0;
}

void message_free(struct message *message)
{
        free(message->bytes);
        *message = (struct message){0};
}

bool message_next(const struct message *message, struct message_part *part)
{
        size_t at = part->data ? (size_t)(part->data - message->bytes) + padded(part->size) : 0;
        struct part_header header;

        if (at + sizeof(header) > message->size)
                return false;
        memcpy(&header, message->bytes + at, sizeof(header));
        *part = (struct message_part){
                .kind = (enum part_kind)header.kind, .data = message->bytes + at + sizeof(header), .size = header.size};
        return true;
}

bool message_part(const struct message *message, enum part_kind kind, struct message_part *part)
{
        *part = (struct message_part){0};
        while (message_next(message, part))
                if (part->kind == kind)
                        return true;
        return false;
}

const char *message_text(const struct message *message, enum part_kind kind)
{
        struct message_part part;

        if (!message_part(message, kind, &part) || part.size == 0 ||
            memchr(part.data, '\0', part.size) != part.data + part.size - 1)
                return NULL;
        return part.data;
}

bool message_number(const struct message *message, enum part_kind kind, int64_t *number)
{
        struct message_part part;

        if (!message_part(message, kind, &part) || part.size != sizeof(*number))
                return false;
        memcpy(number, part.data, sizeof(*number));
        return true;
}
