/* Where messages go: the one error of a failing command, warnings and debug lines.
 *
 * An error goes to --log and, in words, to standard error. Podman reads the whole log file as one JSON object, so
 * nothing but that one record may stand in it unless --debug or --log-level asks for more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

enum report_format { REPORT_TEXT, REPORT_JSON };

struct report_options {
        const char *destination; /* "file:PATH", a bare path, "journald:NAME", "syslog:NAME"; NULL: standard error */
        const char *format;      /* "text", "json"; NULL: text */
        const char *level;       /* "error", "warning", "debug"; NULL: error, on standard error warning */
        bool debug;
};

/* Opens the destination and becomes the sink of base/log.h. On failure the report goes to standard error. */
int report_open(const struct report_options *options);

/* Reports what made the command fail. */
void report_error(const char *message);

/* One record without its newline, as text cut to size. Pure; for tests. time: RFC 3339. */
void report_record(enum report_format format, enum log_level level, const char *message, const char *time, char *record,
                   size_t size);
