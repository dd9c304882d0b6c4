/* One message chain per process: what went wrong, wrapped with what was being done as it rises.
 *
 * A function that can fail returns 0 (or a count) or a negative errno. The first one that can name the object calls
 * fail() or refuse(); callers that know more add to the front with fail_in(). Helpers in base that know no name
 * (write_all, receive_message...) return a bare negative errno and say so; their caller calls fail().
 * Only main prints the chain and exits. */
#pragma once

#include <stddef.h>

#define ERROR_MESSAGE_MAX 4096

/* Start a chain: "<text>: <strerror(err)>". err is a positive errno. Returns -err. */
int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Start a chain whose text says everything ("linux.namespaces[2]: duplicate namespace"). Returns -err. */
int refuse(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "<text>: " in front of the chain (or start one from -r when there is none). Returns r. */
int fail_in(int r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The chain, "" when there is none. Valid until the next call into this module. */
const char *error_message(void);

/* Forget the chain: for a failure that was expected and is dealt with. */
void error_clear(void);
