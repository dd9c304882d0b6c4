/* The command line as data. Every command has one table of options; parsing, the text of --help and the words for shell
 * completion are made from it. The kind of an option follows from the type of the member that holds its value, so that
 * the two cannot disagree.
 *
 * Accepted spellings, the union of what runc (Go's flag package) and crun (argp) take:
 *   --name=value  --name value  -name=value  -name value  -n value  -nvalue  -n=value  clusters of flags (-aq)
 *   flags with an explicit value: --tty=false  -t=false
 * "--" ends the options. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
        OPTION_FLAG,     /* bool */
        OPTION_SWITCH,   /* struct option_switch: a flag of which it matters whether it was given */
        OPTION_STRING,   /* const char *; the last one wins */
        OPTION_LIST,     /* struct option_list: may be repeated */
        OPTION_NUMBER,   /* struct option_number, within least and most */
        OPTION_BYTES,    /* struct option_bytes: suffixes k, m, g, t; -1 */
        OPTION_DURATION, /* struct option_duration: "5s", "1m30s", "500ms" */
};

struct option_switch {
        bool set, value;
};

struct option_list {
        size_t n;
        const char **v; /* malloc'ed array of the caller's strings (options_release) */
};

struct option_number {
        bool set;
        int64_t value;
};

struct option_bytes {
        bool set;
        int64_t value;
};

struct option_duration {
        bool set;
        int64_t milliseconds; /* not negative, nor below least */
};

struct option_spec {
        const char *name;
        char letter; /* 0: none */
        enum option_kind kind;
        size_t offset;
        const char *placeholder; /* of the value in the help text; NULL for flags */
        const char *help;        /* NULL: accepted, but not shown */
        int64_t least, most;     /* of numbers; least of durations, too, in milliseconds */
};

#define OPTION_KIND(type, member)                                                                                      \
        _Generic(((type *)0)->member, bool                                                                             \
                 : OPTION_FLAG, struct option_switch                                                                   \
                 : OPTION_SWITCH, const char *                                                                         \
                 : OPTION_STRING, struct option_list                                                                   \
                 : OPTION_LIST, struct option_number                                                                   \
                 : OPTION_NUMBER, struct option_bytes                                                                  \
                 : OPTION_BYTES, struct option_duration                                                                \
                 : OPTION_DURATION)

/* A line of a table: --name_ (and -letter_), whose value goes into `member` of `type`. */
#define OPTION(type, member, name_, letter_, placeholder_, help_)                                                      \
        {                                                                                                              \
                .name = (name_), .letter = (letter_), .kind = OPTION_KIND(type, member),                               \
                .offset = offsetof(type, member), .placeholder = (placeholder_), .help = (help_)                       \
        }
/* The same for a number from least_ to most_. */
#define OPTION_BETWEEN(type, member, name_, letter_, placeholder_, least_, most_, help_)                               \
        {                                                                                                              \
                .name = (name_), .letter = (letter_), .kind = OPTION_KIND(type, member),                               \
                .offset = offsetof(type, member), .placeholder = (placeholder_), .help = (help_), .least = (least_),   \
                .most = (most_)                                                                                        \
        }

struct option_table {
        const struct option_spec *v;
        size_t n;
};

#define OPTION_TABLE(array)                                                                                            \
        {                                                                                                              \
                (array), ELEMENTS(array)                                                                               \
        }

/* Where the arguments go that are no options. */
struct option_positionals {
        const char **v; /* room for all arguments, the caller's */
        size_t n;
        bool stop_at_first; /* everything from the first positional on is positional (exec, ps, the global options) */
};

/* options_parse: --help or -h (or crun's --usage and -?) was given. */
#define OPTIONS_HELP 1

/* Parses argv[0..argc) into `values`, the structure that the table's offsets point into. 0, OPTIONS_HELP or -EINVAL
 * with a message that names the option; a missing value says "flag needs an argument: --name", which Podman looks for
 * to learn what a runtime can do. */
int options_parse(const struct option_table *table, int argc, char **argv, void *values,
                  struct option_positionals *positionals);

/* Frees the lists. */
void options_release(const struct option_table *table, void *values);
