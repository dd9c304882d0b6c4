#include "runtime/core/channel.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"

int channel_send(int channel, enum channel_kind kind, int32_t number, const char *text, int fd)
{
        struct channel_message message;
        size_t length = text ? strnlen(text, sizeof(message.text) - 1) : 0;

        message.kind = kind;
        message.number = number;
        if (length)
                memcpy(message.text, text, length);
        message.text[length] = '\0';
        return send_message(channel, &message, offsetof(struct channel_message, text) + length + 1, &fd, fd >= 0);
}

int channel_receive(int channel, struct channel_message *message, int *fds, size_t room, int timeout_ms)
{
        ssize_t n = receive_message(channel, message, sizeof(*message), fds, room, timeout_ms);

        /* The other side ended with something of ours unread. The kernel tells that before it hands out what was sent
         * to us earlier, which is perhaps the reason. */
        if (n == -ECONNRESET)
                n = receive_message(channel, message, sizeof(*message), fds, room, timeout_ms);
        if (n == 0 || n == -ECONNRESET) {
                message->kind = CHANNEL_END;
                message->number = 0;
                message->text[0] = '\0';
                return 0;
        }
        if (n < 0)
                return (int)n;
        if ((size_t)n <= offsetof(struct channel_message, text))
                return -EBADMSG;
        ((char *)message)[n - 1] = '\0';
        return 0;
}
