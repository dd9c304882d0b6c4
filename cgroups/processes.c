#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/children.h"
#include "cgroups/files.h"

#define PROCS_MOST ((size_t)64 * 1024 * 1024)

struct pid_list {
        pid_t *v;
        size_t n, room;
};

static int add_pid(struct pid_list *list, pid_t pid)
{
        if (list->n == list->room) {
                size_t room = list->room ? list->room * 2 : 16;
                pid_t *bigger = reallocarray(list->v, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                list->v = bigger;
                list->room = room;
        }
        list->v[list->n++] = pid;
        return 0;
}

/* A process of a pid namespace that is not below ours is listed as 0. It is no pid for anyone: kill(0, ...) would hit
 * our own process group. */
static int add_pids(struct pid_list *list, const char *text)
{
        uint64_t pid;

        while (cgroup_scan_number(text, &pid, &text)) {
                if (pid > 0 && pid <= INT_MAX) {
                        int r = add_pid(list, (pid_t)pid);

                        if (r < 0)
                                return r;
                }
                text += *text == '\n';
        }
        return 0;
}

/* Of one group. */
static int collect(int cgroup_fd, struct pid_list *list)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_file_at(cgroup_fd, "cgroup.procs", PROCS_MOST, &text, &size);

        /* EOPNOTSUPP: a threaded group, whose processes the domain above it lists. */
        if (r < 0)
                return cgroup_is_gone(r) || r == -EOPNOTSUPP ? 0 : r;
        return add_pids(list, text);
}

/* A group whose processes are listed, and what is left to do of it. */
struct level {
        struct level *above;
        struct name *children;
};

struct name {
        struct name *next;
        char text[];
};

static int keep_name(int parent_fd, const char *text, void *data)
{
        struct name **names = data, *name = malloc(sizeof(*name) + strlen(text) + 1);

        (void)parent_fd;
        if (!name)
                return -ENOMEM;
        strcpy(name->text, text);
        name->next = *names;
        *names = name;
        return 0;
}

static void drop_name(struct level *level)
{
        struct name *name = level->children;

        level->children = name->next;
        free(name);
}

static void leave(struct level **level)
{
        struct level *left = *level;

        while (left->children)
                drop_name(left);
        *level = left->above;
        free(left);
}

/* Lists the group at `here` and makes it the lowest level. */
static int enter(int here, struct pid_list *list, struct level **level)
{
        struct level *entered = calloc(1, sizeof(*entered));
        int r;

        if (!entered)
                return -ENOMEM;
        entered->above = *level;
        *level = entered;
        r = collect(here, list);
        return r == 0 ? cgroup_each_child(here, keep_name, &entered->children) : r;
}

/* The next step through the tree: down into a child, or up. Groups of cgroup v2 are never moved, so ".." is where one
 * came from; when one that was entered goes away meanwhile, its parent is still there. */
static int step(int *here, struct pid_list *list, struct level **level)
{
        const char *name = (*level)->children ? (*level)->children->text : "..";
        bool down = (*level)->children;
        int next = openat(*here, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (next < 0 && !(down && cgroup_is_gone(-errno)))
                return -errno;
        if (down)
                drop_name(*level);
        else
                leave(level);
        if (next < 0)
                return 0;
        replace_fd(here, next);
        return down ? enter(next, list, level) : 0;
}

/* Not by recursion, as in remove.c: a container may nest its groups deeper than we have stack and descriptors. */
static int collect_all(int cgroup_fd, struct pid_list *list)
{
        _cleanup_close_ int here = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct level *level = NULL;
        int r = here < 0 ? -errno : enter(here, list, &level);

        while (r == 0 && (level->children || level->above))
                r = step(&here, list, &level);
        while (level)
                leave(&level);
        return here < 0 && cgroup_is_gone(r) ? 0 : r;
}

int cgroup_processes(int cgroup_fd, pid_t **pids, size_t *n)
{
        struct pid_list list = {0};
        int r = collect_all(cgroup_fd, &list);

        if (r < 0) {
                free(list.v);
                return fail(-r, "list the processes of the cgroup");
        }
        *pids = list.v;
        *n = list.n;
        return 0;
}
