/* events: what happened to the containers. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/text_table.h"
#include "cli/output.h"
#include "cli/values.h"
#include "oci/json.h"
#include "runtime/ctl/event_log.h"

struct events_options {
        bool follow, json;
        const char *since;
};

static const struct option_spec events_specs[] = {
        OPTION(struct events_options, follow, "follow", 'f', NULL,
               "go on with what happens from now on; without --since nothing older"),
        OPTION(struct events_options, since, "since", 0, "TIME",
               "what happened since then: a duration such as 10m or 24h, or a time such as 2026-11-21T13:30 (UTC)"),
        OPTION(struct events_options, json, "json", 'j', NULL, "a line of JSON for each event"),
};

/* ---- --since ---- */

/* Two digits from least to most. */
static bool is_part(const char *text, int least, int most)
{
        int value = (text[0] - '0') * 10 + text[1] - '0';

        return value >= least && value <= most;
}

/* A beginning of "2026-11-21T13:30:00.123456789Z" that says at least the day, without its Z: what is recorded is in UTC
 * and of one form, so that times are compared as texts. */
static bool take_time(const char *text, char since[TIMESTAMP_SIZE])
{
        static const char form[] = "0000-00-00T00:00:00.000000000";
        size_t length = strlen(text);

        if (length > 0 && text[length - 1] == 'Z')
                length--;
        if (length < 10 || length > sizeof(form) - 1 || (length < 20 && strcspn(form + length, "-T:.0") != 0))
                return false;
        if (length != 10 && length != 16 && length != 19 && length < 21)
                return false;
        for (size_t i = 0; i < length; i++)
                if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
                        return false;
        snprintf(since, TIMESTAMP_SIZE, "%.*s", (int)length, text);
        return is_part(text + 5, 1, 12) && is_part(text + 8, 1, 31) && (length <= 10 || is_part(text + 11, 0, 23)) &&
               (length <= 10 || is_part(text + 14, 0, 59)) && (length <= 16 || is_part(text + 17, 0, 60));
}

static int parse_since(const char *text, char since[TIMESTAMP_SIZE])
{
        int64_t milliseconds, seconds;
        struct timespec now;

        if (take_time(text, since))
                return 0;
        if (parse_duration(text, &milliseconds) < 0)
                return refuse(EINVAL,
                              "invalid value '%s' for flag --since: expected a duration such as 10m or 24h, or a time "
                              "such as 2026-11-21 or 2026-11-21T13:30:00",
                              text);
        clock_gettime(CLOCK_REALTIME, &now);
        seconds = (int64_t)now.tv_sec - milliseconds / 1000;
        timestamp_format(seconds, (uint32_t)now.tv_nsec, since);
        return 0;
}

/* ---- printing ---- */

struct listener {
        const struct invocation *invocation;
        bool json;
        char since[TIMESTAMP_SIZE]; /* "": everything */
};

static const char *text_of(const struct json_node *event, const char *key)
{
        const struct json_node *node = json_member(event, key);

        return node && node->kind == JSON_STRING ? node->text : NULL;
}

static void print_rest(FILE *out, const struct json_node *event)
{
        for (const struct json_node *node = event->first; node; node = node->next) {
                if (strcmp(node->key, "time") == 0 || strcmp(node->key, "container") == 0 ||
                    strcmp(node->key, "event") == 0)
                        continue;
                if (node->kind != JSON_STRING && node->kind != JSON_INTEGER)
                        continue;
                fprintf(out, " %s=", node->key);
                if (node->kind == JSON_STRING)
                        output_printable(node->text, out);
                else
                        fprintf(out, "%" PRId64, node->integer);
        }
}

/* "2026-11-21 13:31:59.123  web                  stopped status=137 signal=KILL" */
static int print_event(const struct json_node *event, const char *time, const char *container, const char *kind)
{
        _cleanup_output_ struct output output = {0};
        int r = output_begin(&output);

        if (r < 0)
                return r;
        fprintf(output.stream, "%.10s %.12s  %-20s %s", time, time + 11, container, kind);
        print_rest(output.stream, event);
        fputc('\n', output.stream);
        return output_end(&output);
}

static bool is_named(const struct invocation *invocation, const char *name, const char *to)
{
        for (size_t i = 0; i < invocation->n_arguments; i++)
                if (strcmp(invocation->arguments[i], name) == 0 || (to && strcmp(invocation->arguments[i], to) == 0))
                        return true;
        return invocation->n_arguments == 0;
}

/* What is no event is the rest of a line that a crash has cut off. */
static int visit(const char *line, size_t size, void *data)
{
        const struct listener *listener = data;
        _cleanup_(arena_free) struct arena arena = {0};
        const char *time, *container, *kind;
        struct json_node *event;
        int r;

        if (json_parse(&arena, "event", line, size, &event) < 0) {
                error_clear();
                return 0;
        }
        time = text_of(event, "time");
        container = text_of(event, "container");
        kind = text_of(event, "event");
        if (!time || strlen(time) < 24 || !container || !kind || strcmp(time, listener->since) < 0 ||
            !is_named(listener->invocation, container, text_of(event, "to")))
                return 0;
        if (!listener->json)
                return print_event(event, time, container, kind);
        r = output_write(line, size);
        return r < 0 ? r : output_text("\n");
}

static int run_events(struct invocation *invocation)
{
        const struct events_options *options = invocation->options;
        _cleanup_event_reader_ struct event_reader reader = EVENT_READER_NONE;
        struct listener listener = {.invocation = invocation, .json = options->json};
        int r = 0;

        for (size_t i = 0; i < invocation->n_arguments; i++)
                if (!ctl_name_valid(invocation->arguments[i]))
                        return refuse(EINVAL, "'%.80s' is no name of a container", invocation->arguments[i]);
        if (options->since)
                r = parse_since(options->since, listener.since);
        if (r == 0 && options->follow)
                r = event_watch(invocation->ctl, &reader);
        if (r == 0)
                r = event_read(invocation->ctl, &reader, options->follow && !options->since ? NULL : visit, &listener);
        if (r == 0 && options->follow)
                r = event_follow(&reader, STDOUT_FILENO, visit, &listener);
        return r;
}

const struct command ctl_command_events = {
        .name = "events",
        .arguments = "[NAME...]",
        .summary = "what happened to containers",
        .description =
                "Prints what happened to all containers or to those that are named: created, started (with the pid, "
                "and the count of restarts when its policy did it), failed to start, stopped (with status and "
                "signal), oom (processes were killed for want of memory), paused, resumed, changed, renamed and "
                "destroyed. Events outlive their containers; the record keeps the last one or two MiB.",
        .examples = "berthctl events --since 24h web\n"
                    "berthctl events -f --json | jq -r 'select(.event == \"oom\") | .container'",
        .options = OPTION_TABLE(events_specs),
        .options_size = sizeof(struct events_options),
        .least = 0,
        .most = SIZE_MAX,
        .root = ROOT_READ,
        .run = run_events,
};
