/* What a question or an answer needs on a TCP connection (RFC 1035, 4.2.2: two bytes of length in front), without ever
 * waiting: it comes and goes in pieces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TCP_LENGTH_SIZE 2

struct tcp_text {
        unsigned char *bytes; /* malloc'ed, with the length in front; tcp_text_free */
        size_t used;          /* that have come, or are to go */
        size_t sent;
};

/* Something to send. -ENOMEM, -EMSGSIZE. */
int tcp_text_set(struct tcp_text *text, const void *bytes, size_t size);

/* Sends what can go. 1: all has gone; 0: there is more; a bare negative errno. */
int tcp_text_send(struct tcp_text *text, int fd);

/* Reads what has come. 1: it is whole; 0: there is more; a bare negative errno, -ECONNRESET at the end. */
int tcp_text_receive(struct tcp_text *text, int fd);

void tcp_text_free(struct tcp_text *text);
