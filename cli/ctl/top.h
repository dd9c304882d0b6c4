/* The rows of top: what running containers use now, and at what rate. */
#pragma once

#include "cli/command.h"
#include "cli/ctl/text_table.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/usage.h"

struct top_row {
        char name[CTL_NAME_MAX + 1];
        enum ctl_state state;
        pid_t pid; /* 0: it does not run */
        struct usage usage;
        int64_t at_ns;                        /* CLOCK_MONOTONIC of the look */
        bool has_rates;                       /* there was a look before at the same run of it */
        double cpu;                           /* percent of one CPU */
        double read, written, received, sent; /* bytes a second */
};

enum top_key { TOP_CPU, TOP_MEMORY, TOP_PIDS, TOP_IO, TOP_NET, TOP_NAME, TOP_STATE };
#define TOP_KEYS (TOP_STATE + 1)

/* Words for --sort, and the keys at a terminal. */
extern const struct top_key_word {
        const char *word;
        char letter;
} top_key_words[TOP_KEYS];

/* One look at all containers. */
struct top_look {
        struct top_row *v; /* in the order of their names */
        size_t n, room;
        size_t all, running; /* containers on disk, and of them in any state but stopped */
};

/* What to look at. */
struct top_wish {
        const struct invocation *invocation; /* its arguments are names; none: all */
        bool stopped;                        /* those, too */
};

/* Takes a look; `before`, when it has one, is what rates are counted from. */
int top_look(const struct top_wish *wish, const struct top_look *before, struct top_look *look);
void top_release(struct top_look *look);

/* Rates since `before`, of the same run; pure. */
void top_count_rates(const struct top_row *before, struct top_row *row);

/* Most first (names and states: least first), and the other way round when `reverse`. Pure. */
void top_sort(struct top_look *look, enum top_key key, bool reverse);

/* Titles and rows into an empty table. */
int top_table(const struct top_look *look, struct text_table *table);

/* A person at the terminal, until he leaves or `count` (0: no end) pictures were shown. */
struct top_view {
        struct top_wish wish;
        enum top_key key;
        bool reverse;
        int64_t interval_ms, count;
};
int top_show(struct top_view *view);
