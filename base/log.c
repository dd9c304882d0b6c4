#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static log_sink current_sink;
static enum log_level current_most;
static bool currently_quiet;

void log_set_sink(log_sink sink, enum log_level most)
{
        current_sink = sink;
        current_most = most;
}

int log_debug_wanted(void)
{
        return current_sink && current_most >= LOG_LEVEL_DEBUG;
}

bool log_set_quiet(bool quiet)
{
        bool before = currently_quiet;

        currently_quiet = quiet;
        return before;
}

static void log_line(enum log_level level, const char *format, va_list args)
{
        char line[2048];

        if (!current_sink || level > current_most)
                return;
        vsnprintf(line, sizeof(line), format, args);
        current_sink(level, line);
}

void log_warning(const char *format, ...)
{
        va_list args;

        if (currently_quiet)
                return;
        va_start(args, format);
        log_line(LOG_LEVEL_WARNING, format, args);
        va_end(args);
}

void log_debug(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        log_line(LOG_LEVEL_DEBUG, format, args);
        va_end(args);
}
