#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/undo.h"

#define VALUE_MOST     ((size_t)64 * 1024)
#define UNDO_TEXT_MOST 512

enum outcome { OUTCOME_MISSING, OUTCOME_WRITTEN };

/* "No such file" and "the scheduler of this device does not use it" are the same answer: not this way. */
static bool is_not_this_way(int r)
{
        return r == -ENOENT || r == -EOPNOTSUPP;
}

static int explain_missing(const struct cgroup_write *write)
{
        const char *controller = cgroup_controller_name(write->controller);

        if (controller[0])
                return refuse(ENOENT,
                              "%s: the cgroup has no file %s: the %s controller is not enabled for it, or the kernel "
                              "does not have this limit",
                              write->field, write->file, controller);
        return refuse(ENOENT, "%s: the cgroup has no file %s", write->field, write->file);
}

/* Returns an outcome. before: whether the write in front of this one was made. */
static int make_write(int cgroup_fd, const struct cgroup_write *write, enum outcome before)
{
        int r = write_file_at(cgroup_fd, write->file, write->value);

        if (r == 0)
                return OUTCOME_WRITTEN;
        if (is_not_this_way(r) && (write->may_be_missing || (write->unless_before && before == OUTCOME_WRITTEN))) {
                log_debug("%s: %s is not used here", write->field, write->file);
                return OUTCOME_MISSING;
        }
        if (r == -ENOENT)
                return explain_missing(write);
        if (r == -EOPNOTSUPP && strcmp(write->file, "io.weight") == 0)
                return refuse(EOPNOTSUPP,
                              "%s: write \"%s\" to cgroup file %s: nothing weighs the requests of this device (neither "
                              "is its scheduler bfq nor is it enabled in io.cost.qos)",
                              write->field, write->value, write->file);
        return fail(-r, "%s: write \"%s\" to cgroup file %s", write->field, write->value, write->file);
}

static int apply_new(int cgroup_fd, const struct cgroup_writes *writes)
{
        int outcome = OUTCOME_MISSING;

        for (size_t i = 0; i < writes->n; i++) {
                outcome = make_write(cgroup_fd, &writes->v[i], (enum outcome)outcome);
                if (outcome < 0)
                        return outcome;
        }
        return 0;
}

struct live {
        size_t n;
        char **before; /* by index of the write; NULL: could not be read */
        size_t *order;
};

static void live_release(struct live *live)
{
        for (size_t i = 0; live->before && i < live->n; i++)
                free(live->before[i]);
        free(live->before);
        free(live->order);
}

static int live_read(struct live *live, int cgroup_fd, const struct cgroup_writes *writes)
{
        live->n = writes->n;
        live->before = calloc(writes->n, sizeof(*live->before));
        live->order = calloc(writes->n, sizeof(*live->order));
        if (!live->before || !live->order)
                return fail(ENOMEM, "read the limits in force");
        for (size_t i = 0; i < writes->n; i++) {
                size_t size;
                int r = read_file_at(cgroup_fd, writes->v[i].file, VALUE_MOST, &live->before[i], &size);

                if (r == -ENOMEM)
                        return fail(ENOMEM, "read the limits in force");
                /* Missing files are make_write's business; some files of `unified` can only be written. */
                if (r < 0)
                        live->before[i] = NULL;
                else if (size && live->before[i][size - 1] == '\n')
                        live->before[i][size - 1] = '\0';
        }
        cgroup_order_writes(writes, live->before, live->order);
        return 0;
}

/* A group with processes whose CPUs or memory nodes are given cannot be without any again (the kernel says ENOSPC): it
 * gets what it had, its parent's. */
static bool undo_text(int cgroup_fd, const struct cgroup_write *write, const char *before, char *text, size_t size)
{
        bool cpus = strcmp(write->file, "cpuset.cpus") == 0, mems = strcmp(write->file, "cpuset.mems") == 0;

        if (before[0] || (!cpus && !mems))
                return cgroup_undo_text(write->file, write->value, before, text, size);
        return read_small_file_at(cgroup_fd, cpus ? "../cpuset.cpus.effective" : "../cpuset.mems.effective", text,
                                  size) > 0;
}

static void put_back(int cgroup_fd, const struct cgroup_write *write, const char *before)
{
        char text[UNDO_TEXT_MOST];
        int r;

        if (!before || !undo_text(cgroup_fd, write, before, text, sizeof(text)))
                return;
        r = write_file_at(cgroup_fd, write->file, text);
        if (r < 0)
                log_warning("%s: could not put \"%s\" back into cgroup file %s: %s", write->field, text, write->file,
                            strerror(-r));
}

/* Every write to a group can cost a grace period: what is in force already is not written again. Of several writes to
 * one file (devices, unified after a field) none is skipped, an earlier one may have changed it. */
static bool is_in_force(const struct cgroup_writes *writes, size_t index, const char *before)
{
        if (!before || strcmp(before, writes->v[index].value) != 0)
                return false;
        for (size_t i = 0; i < writes->n; i++)
                if (i != index && strcmp(writes->v[i].file, writes->v[index].file) == 0)
                        return false;
        return true;
}

static int apply_live(int cgroup_fd, const struct cgroup_writes *writes)
{
        _cleanup_(live_release) struct live live = {0};
        int r = live_read(&live, cgroup_fd, writes);
        int outcome = OUTCOME_MISSING;

        for (size_t done = 0; r == 0 && done < writes->n; done++) {
                size_t index = live.order[done];

                if (is_in_force(writes, index, live.before[index])) {
                        outcome = OUTCOME_WRITTEN;
                        continue;
                }
                outcome = make_write(cgroup_fd, &writes->v[index], (enum outcome)outcome);
                if (outcome >= 0)
                        continue;
                while (done > 0) {
                        index = live.order[--done];
                        put_back(cgroup_fd, &writes->v[index], live.before[index]);
                }
                return outcome;
        }
        return r;
}

int cgroup_apply_writes(int cgroup_fd, const struct cgroup_writes *writes, bool undo_on_failure)
{
        if (writes->n == 0)
                return 0;
        return undo_on_failure ? apply_live(cgroup_fd, writes) : apply_new(cgroup_fd, writes);
}

int cgroup_writes_in_force(int cgroup_fd, const struct cgroup_writes *writes, struct arena *arena,
                           struct cgroup_writes *before)
{
        _cleanup_(live_release) struct live live = {0};
        int r = live_read(&live, cgroup_fd, writes);

        *before = (struct cgroup_writes){.controllers = writes->controllers};
        before->v = arena_array(arena, writes->n, sizeof(*before->v));
        if (r == 0 && !before->v)
                r = fail(ENOMEM, "read the limits in force");
        for (size_t i = 0; r == 0 && i < writes->n; i++) {
                const struct cgroup_write *write = &writes->v[i];
                char text[UNDO_TEXT_MOST];

                if (!live.before[i] || !undo_text(cgroup_fd, write, live.before[i], text, sizeof(text)))
                        continue;
                before->v[before->n] = *write;
                before->v[before->n].value = arena_strdup(arena, text);
                if (!before->v[before->n++].value)
                        r = fail(ENOMEM, "read the limits in force");
        }
        return r;
}
