/* Docker's resolver of names. On a network of a user it listens in the container's network namespace, at this address
 * of the loopback device, which no packet leaves: inside a machine the agent listens there, and the questions go to the
 * host over a connection of their own. */
#pragma once

#define RESOLVER_ADDRESS 0x7f00000bU /* 127.0.0.11 */
#define RESOLVER_PORT    53

/* A question or an answer, without the length that TCP puts in front. */
#define RESOLVER_BYTES_MAX   65535U
#define RESOLVER_MESSAGE_MAX ((size_t)80 * 1024)

/* How many questions are under way at most, and for how long; resolvers ask again after some seconds. */
#define RESOLVER_QUESTIONS_MAX 64
#define RESOLVER_PATIENCE_MS   10000
