#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/ctl/top.h"

const struct top_key_word top_key_words[TOP_KEYS] = {
        [TOP_CPU] = {"cpu", 'c'}, [TOP_MEMORY] = {"memory", 'm'}, [TOP_PIDS] = {"pids", 'p'},   [TOP_IO] = {"io", 'i'},
        [TOP_NET] = {"net", 'n'}, [TOP_NAME] = {"name", 'a'},     [TOP_STATE] = {"state", 's'},
};

/* ---- looking ---- */

struct walk {
        const struct top_wish *wish;
        const struct top_look *before;
        struct top_look *look;
};

static bool is_named(const struct invocation *invocation, const char *name)
{
        for (size_t i = 0; i < invocation->n_arguments; i++)
                if (strcmp(invocation->arguments[i], name) == 0)
                        return true;
        return invocation->n_arguments == 0;
}

static int by_name(const void *a, const void *b)
{
        const struct top_row *left = a, *right = b;

        return strcmp(left->name, right->name);
}

static double rate(uint64_t before, uint64_t now, double seconds)
{
        return now > before ? (double)(now - before) / seconds : 0;
}

void top_count_rates(const struct top_row *before, struct top_row *row)
{
        double seconds = (double)(row->at_ns - before->at_ns) / 1e9;

        row->has_rates = row->pid && before->pid == row->pid && seconds > 0;
        if (!row->has_rates)
                return;
        row->cpu = rate(before->usage.cpu_ns, row->usage.cpu_ns, seconds) / 1e9 * 100;
        row->read = rate(before->usage.read, row->usage.read, seconds);
        row->written = rate(before->usage.written, row->usage.written, seconds);
        row->received = rate(before->usage.received, row->usage.received, seconds);
        row->sent = rate(before->usage.sent, row->usage.sent, seconds);
}

static int add_row(struct top_look *look, const struct top_row *row)
{
        if (look->n == look->room) {
                size_t room = look->room ? look->room * 2 : 64;
                struct top_row *bigger = reallocarray(look->v, room, sizeof(*bigger));

                if (!bigger)
                        return fail(ENOMEM, "look at the containers");
                look->v = bigger;
                look->room = room;
        }
        look->v[look->n++] = *row;
        return 0;
}

static int64_t clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One that ends between two looks at it is shown without numbers. */
static int visit(struct ctl_container *container, void *data)
{
        struct walk *walk = data;
        const struct top_look *before = walk->before;
        struct top_row row = {0}, *last;
        struct ctl_status status;
        int r;

        if (!is_named(walk->wish->invocation, container->name))
                return 0;
        r = ctl_state(walk->wish->invocation->ctl, container, &status);
        if (r < 0)
                return r;
        snprintf(row.name, sizeof(row.name), "%s", container->name);
        row.state = status.state;
        walk->look->all++;
        if (status.pid || status.state == CTL_RESTARTING)
                walk->look->running++;
        else if (!walk->wish->stopped)
                return 0;
        if (status.pid && usage_read(walk->wish->invocation->ctl, container, true, &row.usage) == 0)
                row.pid = status.pid;
        error_clear();
        row.at_ns = clock_ns();
        last = before && before->n ? bsearch(&row, before->v, before->n, sizeof(row), by_name) : NULL;
        if (last)
                top_count_rates(last, &row);
        return add_row(walk->look, &row);
}

/* ctl_each goes by the machine's order of names; what is looked up goes by bytes. */
int top_look(const struct top_wish *wish, const struct top_look *before, struct top_look *look)
{
        struct walk walk = {wish, before, look};
        bool quiet;
        int r;

        *look = (struct top_look){0};
        /* A damaged container is no news every two seconds. */
        quiet = log_set_quiet(before != NULL);
        r = ctl_each(wish->invocation->ctl, visit, &walk);
        (void)log_set_quiet(quiet);
        if (r < 0)
                top_release(look);
        else if (look->n)
                qsort(look->v, look->n, sizeof(*look->v), by_name);
        return r;
}

void top_release(struct top_look *look)
{
        free(look->v);
        *look = (struct top_look){0};
}

/* ---- sorting ---- */

static int by_number(double left, double right)
{
        return (left < right) - (left > right);
}

static int compare_by(enum top_key key, const struct top_row *left, const struct top_row *right)
{
        switch (key) {
        case TOP_CPU:
                return by_number(left->cpu, right->cpu);
        case TOP_MEMORY:
                return by_number((double)left->usage.memory, (double)right->usage.memory);
        case TOP_PIDS:
                return by_number((double)left->usage.pids, (double)right->usage.pids);
        case TOP_IO:
                return by_number(left->read + left->written, right->read + right->written);
        case TOP_NET:
                return by_number(left->received + left->sent, right->received + right->sent);
        case TOP_NAME:
                return 0;
        case TOP_STATE:
                return strcmp(ctl_state_name(left->state), ctl_state_name(right->state));
        }
        return 0;
}

struct order {
        enum top_key key;
        bool reverse;
};

/* Equal ones stand in the order of their names, so that rows do not dance. */
static int compare(const void *a, const void *b, void *data)
{
        const struct order *order = data;
        int r = compare_by(order->key, a, b);

        if (r == 0 && order->key != TOP_NAME)
                return by_name(a, b);
        r = r ? r : by_name(a, b);
        return order->reverse ? -r : r;
}

void top_sort(struct top_look *look, enum top_key key, bool reverse)
{
        struct order order = {key, reverse};

        if (look->n)
                qsort_r(look->v, look->n, sizeof(*look->v), compare, &order);
}

/* ---- showing ---- */

#define CELL 32

/* "-" for what the host does not count. */
static const char *count_text(bool has, uint64_t value, char text[CELL])
{
        if (!has || value == USAGE_UNLIMITED)
                return "-";
        snprintf(text, CELL, "%llu", (unsigned long long)value);
        return text;
}

static const char *bytes_text(bool has, double bytes, char text[CELL])
{
        return has ? size_short(bytes, text, CELL) : "-";
}

static int add_texts(const struct top_row *row, struct text_table *table)
{
        const struct usage *usage = &row->usage;
        bool memory = usage->has_memory, limit = memory && usage->memory_limit != USAGE_UNLIMITED;
        char cells[10][CELL], cpu[CELL] = "-";

        if (row->has_rates)
                snprintf(cpu, sizeof(cpu), "%.1f", row->cpu);
        return text_table_add(table, (const char *[]){
                                             row->name,
                                             ctl_state_name(row->state),
                                             cpu,
                                             bytes_text(memory, (double)usage->memory, cells[0]),
                                             bytes_text(limit, (double)usage->memory_limit, cells[1]),
                                             count_text(usage->has_pids, usage->pids, cells[2]),
                                             count_text(usage->has_pids, usage->pids_limit, cells[3]),
                                             bytes_text(row->has_rates, row->read, cells[4]),
                                             bytes_text(row->has_rates, row->written, cells[5]),
                                             bytes_text(row->has_rates, row->received, cells[6]),
                                             bytes_text(row->has_rates, row->sent, cells[7]),
                                     });
}

int top_table(const struct top_look *look, struct text_table *table)
{
        static const char *const titles[] = {"NAME",  "STATE",  "CPU%",    "MEMORY", "LIMIT", "PIDS",
                                             "LIMIT", "READ/S", "WRITE/S", "RECV/S", "SENT/S"};
        int r;

        table->n_columns = ELEMENTS(titles);
        r = text_table_add(table, titles);
        for (size_t i = 0; i < look->n && r == 0; i++)
                r = add_texts(&look->v[i], table);
        return r;
}
