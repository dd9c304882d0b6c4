#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/output.h"
#include "runtime/ctl/ctl.h"

#define LOOK_MS 1000 /* how often a follower looks whether the container has ended */

struct logs_options {
        bool follow;
        struct option_number tail;
};

static const struct option_spec specs[] = {
        OPTION(struct logs_options, follow, "follow", 'f', NULL, "go on until the container ends"),
        OPTION_BETWEEN(struct logs_options, tail, "tail", 'n', "N", 0, 1000000000, "only the last N lines"),
};

static int open_log(const struct ctl_container *container, const char *file, int *fd)
{
        *fd = openat(container->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return *fd < 0 && errno != ENOENT ? fail(errno, "open the log of container %s", container->name) : 0;
}

/* Where the last *n lines begin; *n becomes how many are missing. */
static off_t find_tail(int fd, int64_t *n)
{
        struct stat st;
        char block[8192];
        off_t end;

        if (fstat(fd, &st) < 0)
                return 0;
        end = st.st_size;
        /* The newline at the very end closes the last line. */
        for (bool first = true; end > 0;) {
                size_t size = end > (off_t)sizeof(block) ? sizeof(block) : (size_t)end;

                if (pread(fd, block, size, end - (off_t)size) != (ssize_t)size)
                        return 0;
                for (size_t i = size; i > 0; i--) {
                        bool last = first;

                        first = false;
                        if (last && *n == 0)
                                return end;
                        if (block[i - 1] == '\n' && !last && --*n == 0)
                                return end - (off_t)(size - i);
                }
                end -= (off_t)size;
        }
        /* The line at the beginning of a file has no newline in front of it. */
        if (st.st_size > 0 && *n > 0)
                --*n;
        return 0;
}

/* Rotation follows bytes: a line may begin in the older part and end in the newer one. */
static bool ends_inside_line(int fd)
{
        struct stat st;
        char last;

        return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static bool is_empty(int fd)
{
        struct stat st;

        return fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0;
}

static int seek_tail(const struct ctl_container *container, int fd, int64_t *n)
{
        return fd >= 0 && lseek(fd, find_tail(fd, n), SEEK_SET) < 0
                       ? fail(errno, "read the log of container %s", container->name)
                       : 0;
}

/* Both parts to where the last n lines begin. */
static int seek_both(const struct ctl_container *container, int old, int fd, int64_t n)
{
        int64_t missing = n;
        int r = seek_tail(container, fd, &missing);

        if (r == 0 && n > 0 && !is_empty(fd) && lseek(fd, 0, SEEK_CUR) == 0 && ends_inside_line(old))
                missing++;
        return r < 0 ? r : seek_tail(container, old, &missing);
}

static int copy(int fd)
{
        char block[16384];
        ssize_t n;

        while ((n = read(fd, block, sizeof(block))) > 0) {
                int r = output_write(block, (size_t)n);

                if (r < 0)
                        return r;
        }
        return n < 0 ? fail(errno, "read the log") : 0;
}

static bool has_ended(struct ctl *ctl, const struct ctl_container *container)
{
        struct ctl_status status;
        bool ended = ctl_status(ctl, container, &status) < 0 || (!status.pid && !status.keeper);

        error_clear();
        return ended;
}

/* Woken by what is written; the end of the container is looked for now and then, and what came before it is shown. */
static int follow(struct ctl *ctl, const struct ctl_container *container, int *fd)
{
        _cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[64], events[4096];
        int r = 0;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", container->fd);
        if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_DELETE_SELF) < 0)
                return fail(errno, "watch the log of container %s", container->name);
        for (bool ended = false; r == 0; ended = has_ended(ctl, container)) {
                if (*fd >= 0)
                        r = copy(*fd);
                if (r == 0 && !is_file_at(*fd, container->fd, CTL_LOG_FILE)) {
                        replace_fd(fd, -EBADF);
                        r = open_log(container, CTL_LOG_FILE, fd);
                        if (r == 0 && *fd >= 0)
                                r = copy(*fd);
                }
                if (r < 0 || ended)
                        break;
                (void)wait_fd(watch, POLLIN, LOOK_MS);
                while (read(watch, events, sizeof(events)) > 0)
                        ;
        }
        return r;
}

static int run(struct invocation *invocation)
{
        const struct logs_options *options = invocation->options;
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_close_ int old = -EBADF, fd = -EBADF;
        int r = ctl_find(invocation->ctl, invocation->arguments[0], CTL_UNLOCKED, &container);

        if (r == 0)
                r = ctl_ensure_keeper(invocation->ctl, &container);
        if (r == 0)
                r = open_log(&container, CTL_LOG_FILE, &fd);
        if (r == 0)
                r = open_log(&container, CTL_LOG_FILE ".1", &old);
        if (r == 0 && options->tail.set)
                r = seek_both(&container, old, fd, options->tail.value);
        if (r == 0 && old >= 0)
                r = copy(old);
        if (r == 0 && options->follow)
                return follow(invocation->ctl, &container, &fd);
        return r == 0 && fd >= 0 ? copy(fd) : r;
}

const struct command ctl_command_logs = {
        .name = "logs",
        .arguments = "NAME",
        .summary = "what a container has said",
        .description =
                "Prints the log of a container: what its program wrote to its output or its terminal. It is kept "
                "when the container stops, and bounded (log-size; one older part is kept).",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct logs_options),
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
