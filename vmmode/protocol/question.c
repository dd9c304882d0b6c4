#include "vmmode/protocol/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "vmmode/protocol/resolver.h"

int tcp_text_set(struct tcp_text *text, const void *bytes, size_t size)
{
        tcp_text_free(text);
        if (size > RESOLVER_BYTES_MAX)
                return -EMSGSIZE;
        text->bytes = malloc(TCP_LENGTH_SIZE + size);
        if (!text->bytes)
                return -ENOMEM;
        text->bytes[0] = (unsigned char)(size >> 8);
        text->bytes[1] = (unsigned char)(size & 0xff);
        memcpy(text->bytes + TCP_LENGTH_SIZE, bytes, size);
        text->used = TCP_LENGTH_SIZE + size;
        return 0;
}

int tcp_text_send(struct tcp_text *text, int fd)
{
        while (text->sent < text->used) {
                ssize_t n = send(fd, text->bytes + text->sent, text->used - text->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno != EINTR)
                        return errno == EAGAIN ? 0 : -errno;
                text->sent += n > 0 ? (size_t)n : 0;
        }
        return 1;
}

/* The whole size as far as it is known. */
static size_t wanted(const struct tcp_text *text)
{
        return text->used < TCP_LENGTH_SIZE ? TCP_LENGTH_SIZE
                                            : TCP_LENGTH_SIZE + ((size_t)text->bytes[0] << 8 | text->bytes[1]);
}

int tcp_text_receive(struct tcp_text *text, int fd)
{
        if (!text->bytes)
                text->bytes = malloc(TCP_LENGTH_SIZE + RESOLVER_BYTES_MAX);
        if (!text->bytes)
                return -ENOMEM;
        while (text->used < wanted(text)) {
                ssize_t n = recv(fd, text->bytes + text->used, wanted(text) - text->used, MSG_DONTWAIT);

                if (n == 0)
                        return -ECONNRESET;
                if (n < 0 && errno != EINTR)
                        return errno == EAGAIN ? 0 : -errno;
                text->used += n > 0 ? (size_t)n : 0;
        }
        return 1;
}

void tcp_text_free(struct tcp_text *text)
{
        free(text->bytes);
        *text = (struct tcp_text){0};
}
