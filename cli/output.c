#include "cli/output.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/printable.h"

static bool closed; /* as the program was started */

void output_is_closed(void)
{
        closed = true;
}

int output_check(void)
{
        return closed ? fail(EBADF, "write to standard output") : 0;
}

/* SIGPIPE is ignored only for the time of the write: an ignored signal survives execve, and a container's init would
 * inherit it. */
int output_write(const void *data, size_t size)
{
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
        int r = output_check();

        if (r < 0)
                return r;
        sigaction(SIGPIPE, &ignore, &before);
        r = write_all(STDOUT_FILENO, data, size);
        sigaction(SIGPIPE, &before, NULL);
        if (r == -EPIPE)
                raise(SIGPIPE);
        if (r < 0)
                return fail(-r, "write to standard output");
        return 0;
}

int output_text(const char *text)
{
        return output_write(text, strlen(text));
}

void output_printable(const char *text, FILE *out)
{
        for (size_t length; *text; text += length ? length : 1) {
                length = control_character(text);
                putc_unlocked(length ? '?' : *text, out);
        }
}

int output_begin(struct output *output)
{
        output->stream = open_memstream(&output->text, &output->size);
        if (!output->stream)
                return fail(errno, "collect the output");
        return 0;
}

int output_take(struct output *output, char **text, size_t *size)
{
        FILE *stream = take_ptr(&output->stream);

        if (fclose(stream) != 0)
                return fail(errno, "collect the output");
        *text = take_ptr(&output->text);
        *size = output->size;
        return 0;
}

int output_end(struct output *output)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = output_take(output, &text, &size);

        return r < 0 ? r : output_write(text, size);
}

void output_release(struct output *output)
{
        if (output->stream)
                fclose(output->stream);
        free(output->text);
}
