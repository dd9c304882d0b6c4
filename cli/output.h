/* Standard output. What cannot be written is an error of the command: a full disk or a closed pipe must not look like
 * an empty answer. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Writes all. A pipe that nobody reads any more ends the program by SIGPIPE, as it ends every filter; where its caller
 * ignores the signal, it is -EPIPE with a message. */
int output_write(const void *data, size_t size);
int output_text(const char *text);

/* The program was started without standard output: writing is -EBADF from now on, and /dev/null only keeps the place.
 */
void output_is_closed(void);

/* -EBADF with a message when it is; for those who write to the descriptor themselves. */
int output_check(void);

/* A text that may be anybody's: control characters become "?". */
void output_printable(const char *text, FILE *out);

/* A stream into memory, for answers that are put together: output_begin, fprintf..., output_end. */
struct output {
        FILE *stream;
        char *text;
        size_t size;
};

int output_begin(struct output *output);

/* Gives what was collected to the caller, to be freed. */
int output_take(struct output *output, char **text, size_t *size);

/* Writes what was collected to standard output and releases it. */
int output_end(struct output *output);

/* Releases without writing; for _cleanup_output_. */
void output_release(struct output *output);
#define _cleanup_output_ _cleanup_(output_release)
