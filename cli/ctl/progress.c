#include "cli/ctl/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

#define PATIENCE_MS 1000
#define INTERVAL_MS 200

/* One line of one terminal: the program's own state, as the terminal is. */
static struct {
        int64_t began, shown;
        bool visible;
} progress;

void progress_show(const char *what, uint64_t bytes)
{
        int64_t now = now_ms();

        if (!progress.began)
                progress.began = now;
        if (now - progress.began < PATIENCE_MS || now - progress.shown < INTERVAL_MS || !isatty(STDERR_FILENO))
                return;
        progress.shown = now;
        progress.visible = true;
        if (bytes)
                fprintf(stderr, "\r\033[K%.60s: %" PRIu64 " MiB", what, bytes >> 20);
        else
                fprintf(stderr, "\r\033[K%.70s", what);
        fflush(stderr);
}

void progress_end(void)
{
        if (progress.visible)
                fputs("\r\033[K", stderr);
        progress.visible = false;
}
