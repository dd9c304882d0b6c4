#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "cli/journal.h"

#define RECORD_MAX (6 * ERROR_MESSAGE_MAX + 128) /* every byte of the message as \u00xx */

/* base/log.h hands lines to a plain function, and main reports after everything else is gone: the destination has to be
 * the program's. Written once, by report_open. */
static struct {
        int fd; /* log file or socket; -1: standard error alone */
        const struct journal *journal;
        const char *name; /* for journald and syslog */
        enum report_format format;
        bool level_asked;
} report = {.fd = -1};

static const char *const level_names[] = {
        [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_DEBUG] = "debug"};

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none: a message may hold any byte of a file name, or
 * be cut in the middle of a character, and JSON must stay JSON. */
static size_t utf8_length(const unsigned char *p)
{
        static const struct {
                unsigned char mask, lead;
                unsigned length, least;
        } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

        for (size_t i = 0; i < ELEMENTS(forms); i++) {
                unsigned code = *p & (unsigned char)~forms[i].mask;

                if ((*p & forms[i].mask) != forms[i].lead)
                        continue;
                for (unsigned k = 1; k < forms[i].length; k++) {
                        if ((p[k] & 0xc0) != 0x80)
                                return 0;
                        code = code << 6 | (p[k] & 0x3f);
                }
                if (code < forms[i].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                        return 0;
                return forms[i].length;
        }
        return 0;
}

/* The inside of a JSON string; logrus quotes its text records in nearly the same way. */
static size_t append_escaped(char *out, size_t size, const char *text)
{
        size_t used = 0;

        for (const unsigned char *p = (const unsigned char *)text; *p && used + 8 < size;) {
                size_t length = utf8_length(p);

                if (*p == '"' || *p == '\\')
                        used += (size_t)snprintf(out + used, size - used, "\\%c", *p);
                else if (*p == '\n')
                        used += (size_t)snprintf(out + used, size - used, "\\n");
                else if (control_character((const char *)p))
                        used += (size_t)snprintf(out + used, size - used, "\\u%04x", length > 1 ? p[1] : *p);
                else if (length == 0)
                        used += (size_t)snprintf(out + used, size - used, "\xef\xbf\xbd");
                else
                        used += (size_t)snprintf(out + used, size - used, "%.*s", (int)length, (const char *)p);
                p += length ? length : 1;
        }
        return used;
}

void report_record(enum report_format format, enum log_level level, const char *message, const char *time, char *record,
                   size_t size)
{
        size_t used;

        if (format == REPORT_JSON)
                used = (size_t)snprintf(record, size, "{\"level\":\"%s\",\"msg\":\"", level_names[level]);
        else
                used = (size_t)snprintf(record, size, "time=\"%s\" level=%s msg=\"", time, level_names[level]);
        used += append_escaped(record + used, size - used - TIMESTAMP_SIZE - 16, message);
        if (format == REPORT_JSON)
                snprintf(record + used, size - used, "\",\"time\":\"%s\"}", time);
        else
                snprintf(record + used, size - used, "\"");
}

static void write_record(int fd, enum report_format format, enum log_level level, const char *message)
{
        char record[RECORD_MAX], time[TIMESTAMP_SIZE];
        size_t length;

        timestamp_now(time);
        report_record(format, level, message, time, record, sizeof(record) - 1);
        length = strlen(record);
        record[length++] = '\n';
        write_all(fd, record, length); /* nobody is left to tell when this fails */
}

/* For a person: the message alone, on one line, because engines put their own "berth:" before what they read here; on a
 * terminal the name of the program stands in front. Control characters that a container smuggled into a name do not
 * reach the terminal. */
static void write_words(enum log_level level, const char *message)
{
        char line[ERROR_MESSAGE_MAX + 64];
        int n = snprintf(line, sizeof(line) - 1, "%s%s%s%s%s",
                         isatty(STDERR_FILENO) ? program_invocation_short_name : "", isatty(STDERR_FILENO) ? ": " : "",
                         level == LOG_LEVEL_ERROR ? "" : level_names[level], level == LOG_LEVEL_ERROR ? "" : ": ",
                         message);
        size_t length = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;

        line[length] = '\0';
        for (char *end = line; (end = strchr(end, '\n'));)
                *end = ' ';
        text_make_printable(line, "\t", '?');
        line[length++] = '\n';
        write_all(STDERR_FILENO, line, length);
}

static void write_log(enum log_level level, const char *message)
{
        if (report.journal)
                report.journal->send(report.fd, report.name, level, message);
        else if (report.fd >= 0)
                write_record(report.fd, report.format, level, message);
        else if (report.format == REPORT_JSON)
                write_record(STDERR_FILENO, REPORT_JSON, level, message);
        else
                write_words(level, message);
}

/* Warnings that nobody asked for are for standard error, not for a log that a program reads. */
static void sink(enum log_level level, const char *message)
{
        if (report.level_asked || (report.fd < 0 && report.format == REPORT_TEXT))
                write_log(level, message);
}

void report_error(const char *message)
{
        write_log(LOG_LEVEL_ERROR, message);
        if (report.fd >= 0)
                write_words(LOG_LEVEL_ERROR, message);
}

static int parse_level(const struct report_options *options, enum log_level *level)
{
        *level = LOG_LEVEL_WARNING; /* the sink decides */
        report.level_asked = options->debug || options->level;
        if (options->level) {
                size_t i = 0;

                while (i < ELEMENTS(level_names) && strcmp(level_names[i], options->level) != 0)
                        i++;
                if (i == ELEMENTS(level_names))
                        return refuse(EINVAL, "invalid log-level: '%s': expected error, warning or debug",
                                      options->level);
                *level = (enum log_level)i;
        }
        if (options->debug)
                *level = LOG_LEVEL_DEBUG;
        return 0;
}

static int open_destination(const char *destination)
{
        const char *colon = strchr(destination, ':');

        report.journal = colon ? journal_find(destination, (size_t)(colon - destination)) : NULL;
        if (report.journal) {
                report.name = colon[1] ? colon + 1 : "berth";
                report.fd = report.journal->open();
                if (report.fd < 0)
                        report.journal = NULL;
                return report.fd < 0 ? report.fd : 0;
        }
        if (strncmp(destination, "file:", 5) == 0)
                destination += 5;
        /* A pipe that nobody reads is an error at once; one that is read may take its time. */
        report.fd = open(destination, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
        if (report.fd < 0 || fcntl(report.fd, F_SETFL, O_APPEND) < 0)
                return fail(errno, "open log file %s", destination);
        return 0;
}

int report_open(const struct report_options *options)
{
        enum log_level level;
        int r;

        if (options->format && strcmp(options->format, "json") == 0)
                report.format = REPORT_JSON;
        else if (options->format && strcmp(options->format, "text") != 0)
                return refuse(EINVAL, "invalid log-format: '%s': expected text or json", options->format);
        r = parse_level(options, &level);
        if (r < 0)
                return r;
        if (options->destination) {
                r = open_destination(options->destination);
                if (r < 0)
                        return r;
        }
        log_set_sink(sink, level);
        return 0;
}
