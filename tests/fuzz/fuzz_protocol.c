/* What comes over the connection between host and agent, which either side may write as it likes. The first byte says
 * in what pieces it comes. What is taken for a message must be safe to look through, and must come back unchanged when
 * it is made again of its parts. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "vmmode/agent/launch_request.h"
#include "vmmode/protocol/message.h"

#define MOST ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
        if (!holds)
                abort();
}

static void check_part(const struct message *message, const struct message_part *part)
{
        struct message_write write;
        const char *name, *content;
        size_t size;

        check(part->data >= message->bytes && part->data + part->size <= message->bytes + message->size);
        if (message_read_write(part, &write))
                check(strlen(write.file) + strlen(write.value) + strlen(write.field) + 3 + 8 == part->size);
        if (message_read_file(part, &name, &content, &size))
                check(strlen(name) + 1 + size == part->size);
}

static int look_through(const struct message *message)
{
        struct message_part part = {0};
        int64_t number;
        int n = 0;

        while (message_next(message, &part)) {
                const char *text = message_text(message, part.kind);

                check_part(message, &part);
                if (text)
                        check(strlen(text) < message->size);
                (void)message_number(message, part.kind, &number);
                n++;
        }
        return n;
}

static void read_as_launch(const struct message *message)
{
        struct launch_request request;

        if (launch_request_read(message, &request) == 0) {
                check(request.n_slots <= PLAN_SLOTS_MAX);
                check(launch_request_early_writes(&request) <= request.writes.n);
                check(launch_request_deadline_ms(&request) > 0);
        }
        launch_request_free(&request);
}

/* Made again of its parts it is the same, but for what stood in the padding. */
static void send_again(const struct message *message, int n, const int pair[2])
{
        struct message_part part = {0}, same = {0};
        struct message_builder builder;
        struct message again;

        message_begin(&builder, message->kind);
        while (message_next(message, &part))
                message_put(&builder, part.kind, part.data, part.size);
        check(message_send(pair[0], &builder, now_ms() + 1000) == 0);
        check(message_receive(pair[1], MESSAGE_MAX, &again, now_ms() + 1000) == 0);
        check(again.kind == message->kind && look_through(&again) == n);
        part = (struct message_part){0};
        while (message_next(message, &part)) {
                check(message_next(&again, &same));
                check(same.kind == part.kind && same.size == part.size && !memcmp(same.data, part.data, part.size));
        }
        message_free(&again);
}

static void take(const struct message *message)
{
        int pair[2], n = look_through(message);

        read_as_launch(message);
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        send_again(message, n, pair);
        close(pair[0]);
        close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct message_reader reader = {0};
        size_t piece = size ? 1 + (size_t)data[0] * 4 : 1;
        int pair[2], r = 0;

        if (size > MOST)
                return 0;
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        for (size_t at = 1; r >= 0 && at < size; at += piece) {
                struct message message;

                check(write_all(pair[0], data + at, piece < size - at ? piece : size - at) == 0);
                while ((r = message_read_some(&reader, pair[1], MOST, &message)) > 0) {
                        check(message.kind > MESSAGE_END && message.kind < MESSAGE_KINDS);
                        take(&message);
                        message_free(&message);
                }
        }
        message_reader_free(&reader);
        close(pair[0]);
        close(pair[1]);
        return 0;
}
