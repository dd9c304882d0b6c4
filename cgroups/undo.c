#include "cgroups/undo.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgroups/files.h"

/* `inner` is planned just before or after `outer`. When inner shrinks it must be written on the side that the table
 * says, when it grows on the other:
 * - cpu.max.burst may never be above the quota: down before the quota goes down, up after it went up.
 * - memory.swap.max takes the pages that a lower memory.max pushes out: up before it, down after it. */
static const struct {
        const char *inner, *outer;
        bool shrinks_first;
} pairs[] = {
        {"cpu.max.burst", "cpu.max", true},
        {"memory.swap.max", "memory.max", false},
};

/* Files of one line per device, and the words that take a device's line away. */
static const struct {
        const char *file, *reset;
} keyed_files[] = {
        {"io.max", "rbps=max wbps=max riops=max wiops=max"},
        {"io.weight", "default"},
        {"io.bfq.weight", "default"},
        {"io.latency", "target=0"},
        {"rdma.max", "hca_handle=max hca_object=max"},
        {"misc.max", "max"},
};

static uint64_t amount(const char *text)
{
        const char *end;
        uint64_t value = 0;

        if (strncmp(text, "max", 3) == 0)
                return UINT64_MAX;
        (void)cgroup_scan_number(text, &value, &end);
        return value;
}

/* The planned write of a translated field; `unified` (which may repeat the file) keeps its place at the end. */
static size_t find_write(const struct cgroup_writes *writes, const char *file)
{
        for (size_t i = 0; i < writes->n; i++)
                if (strcmp(writes->v[i].file, file) == 0)
                        return i;
        return writes->n;
}

static size_t position_of(const size_t *order, size_t index)
{
        size_t position = 0;

        while (order[position] != index)
                position++;
        return position;
}

void cgroup_order_writes(const struct cgroup_writes *writes, char *const *before, size_t *order)
{
        for (size_t i = 0; i < writes->n; i++)
                order[i] = i;
        for (size_t p = 0; p < ELEMENTS(pairs); p++) {
                size_t inner = find_write(writes, pairs[p].inner);
                size_t outer = find_write(writes, pairs[p].outer);
                size_t first, second, at_first, at_second;
                bool shrinks;

                if (inner == writes->n || outer == writes->n || !before[inner])
                        continue;
                shrinks = amount(writes->v[inner].value) < amount(before[inner]);
                first = shrinks == pairs[p].shrinks_first ? inner : outer;
                second = first == inner ? outer : inner;
                at_first = position_of(order, first);
                at_second = position_of(order, second);
                if (at_first > at_second) {
                        order[at_second] = first;
                        order[at_first] = second;
                }
        }
}

static const char *reset_words(const char *file)
{
        for (size_t i = 0; i < ELEMENTS(keyed_files); i++)
                if (strcmp(keyed_files[i].file, file) == 0)
                        return keyed_files[i].reset;
        return NULL;
}

/* The line that starts with the same word, without its newline. */
static const char *find_line(const char *text, const char *key, size_t key_length, size_t *length)
{
        for (const char *line = text; *line;) {
                *length = strcspn(line, "\n");
                if (*length > key_length && memcmp(line, key, key_length) == 0 && line[key_length] == ' ')
                        return line;
                line += *length;
                line += *line == '\n';
        }
        return NULL;
}

static bool undo_keyed(const char *reset, const char *written, const char *before, char *text, size_t size)
{
        const char *key = strchr(written, ' ') ? written : "default"; /* a bare weight is the default's */
        size_t key_length = strcspn(key, " "), length;
        const char *line = find_line(before, key, key_length, &length);
        int n;

        if (line)
                n = snprintf(text, size, "%.*s", (int)length, line);
        else if (strcmp(key, "default") == 0) /* a kernel that prints the default as a bare number */
                n = snprintf(text, size, "%.*s", (int)strcspn(before, "\n"), before);
        else
                n = snprintf(text, size, "%.*s %s", (int)key_length, key, reset);
        return n > 0 && (size_t)n < size;
}

bool cgroup_undo_text(const char *file, const char *written, const char *before, char *text, size_t size)
{
        const char *reset = reset_words(file);
        int n;

        if (reset)
                return undo_keyed(reset, written, before, text, size);
        /* The weight of an idle group reads 0 and cannot be written; putting cpu.idle back restores it. */
        if (strcmp(file, "cpu.weight") == 0 && strcmp(before, "0") == 0)
                return false;
        if (strchr(before, '\n'))
                return false;
        n = snprintf(text, size, "%s", before[0] ? before : "\n");
        return n > 0 && (size_t)n < size;
}
