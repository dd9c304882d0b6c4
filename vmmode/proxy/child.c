#include "vmmode/proxy/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/printable.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "cgroups/oom.h"

/* The file server holds a descriptor for every file that the guest knows. */
#define FILES_MAX (1U << 20)

static void raise_file_limit(void)
{
        struct rlimit limit = {FILES_MAX, FILES_MAX};

        if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A group in which processes were killed at once (cgroup.kill) before, and one that is made below it, do not count
 * alike how often: for the kernel whoever is born from one into the other was there when it happened, and is killed,
 * too. The first child shows it; what would change it later would end us. */
static enum { UNKNOWN, YES, NO } can_be_born_below;

/* Left for whoever reaps the children, unless it was killed. */
static bool was_killed_at_birth(pid_t pid)
{
        siginfo_t info = {0};

        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != pid ||
            info.si_code != CLD_KILLED)
                return false;
        (void)waitpid(pid, NULL, 0);
        return true;
}

/* -1: it cannot be. */
static pid_t be_born_below(int group, bool executes)
{
        struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
        bool is_first = can_be_born_below == UNKNOWN;
        pid_t pid;

        /* Whoever executes nothing would have to be waited for to the end. */
        if (can_be_born_below == NO || (is_first && !executes))
                return -1;
        args.flags |= is_first ? CLONE_VFORK : 0;
        pid = sys_clone3(&args);
        if (pid == 0 || !is_first)
                return pid;
        can_be_born_below = pid > 0 && !was_killed_at_birth(pid) ? YES : NO;
        return can_be_born_below == YES ? pid : -1;
}

/* To be born in a group costs nothing, but to be moved into one some 10 ms: the kernel waits until nobody forks. */
pid_t child_fork(int cgroup, bool executes)
{
        _cleanup_close_ int aside =
                cgroup >= 0 ? openat(cgroup, CGROUP_ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        pid_t pid = aside >= 0 ? be_born_below(aside, executes) : -1;

        if (pid >= 0)
                return pid;
        /* Not there, or somebody's filter of system calls knows no clone3. */
        pid = fork();
        if (pid == 0 && cgroup >= 0)
                (void)write_file_at(cgroup, CGROUP_ASIDE "/cgroup.procs", "0");
        return pid;
}

static void __attribute__((noreturn))
become(int program, const char *const *argv, int output, const int *keep, size_t n_keep)
{
        char *const nothing[] = {NULL};
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        signals_reset();
        raise_file_limit();
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(output, STDOUT_FILENO);
        (void)dup2(output, STDERR_FILENO);
        for (size_t i = 0; i < n_keep; i++)
                (void)fcntl(keep[i], F_SETFD, 0);
        (void)sys_execveat(program, "", (char *const *)(uintptr_t)argv, nothing, AT_EMPTY_PATH);
        dprintf(STDERR_FILENO, "execute it: %s\n", strerror(errno));
        _exit(127);
}

int child_start(struct child *child, int cgroup, int program, const char *const *argv, const int *keep, size_t n_keep)
{
        int pair[2];

        if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
                return fail(errno, "make a pipe");
        child->pid = child_fork(cgroup, true);
        if (child->pid == 0)
                become(program, argv, pair[1], keep, n_keep);
        close(pair[1]);
        child->output = pair[0];
        if (child->pid > 0)
                return 0;
        child->pid = 0;
        replace_fd(&child->output, -EBADF);
        return fail(errno, "start %s", child->name);
}

/* The buffer holds the end of it all. */
static void keep_tail(struct child *child, const char *bytes, size_t size)
{
        size_t room = sizeof(child->tail) - 1;

        if (size > room) {
                bytes += size - room;
                size = room;
        }
        if (child->used + size > room) {
                size_t drop = child->used + size - room;

                memmove(child->tail, child->tail + drop, child->used - drop);
                child->used -= drop;
        }
        memcpy(child->tail + child->used, bytes, size);
        child->used += size;
        child->tail[child->used] = '\0';
}

void child_read(struct child *child)
{
        char bytes[512];

        /* A few pieces at a time: a child that never stops speaking must not keep us here. */
        for (int turn = 0; turn < 8 && child->output >= 0; turn++) {
                ssize_t n = read(child->output, bytes, sizeof(bytes));

                if (n > 0)
                        keep_tail(child, bytes, (size_t)n);
                else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        replace_fd(&child->output, -EBADF);
                else
                        return;
        }
}

/* Its last line, without the end. */
static const char *last_words(struct child *child)
{
        char *line;

        while (child->used && (child->tail[child->used - 1] == '\n' || child->tail[child->used - 1] == ' '))
                child->tail[--child->used] = '\0';
        line = strrchr(child->tail, '\n');
        line = line ? line + 1 : child->tail;
        text_make_printable(line, "\n", '?');
        return line;
}

int child_explain(struct child *child)
{
        const char *words;

        child_read(child);
        words = last_words(child);
        if (WIFSIGNALED(child->status))
                return refuse(ECHILD, "%s was killed by signal %d%s%s", child->name, WTERMSIG(child->status),
                              *words ? ": " : "", words);
        if (WEXITSTATUS(child->status) == 0)
                return refuse(ECHILD, "%s ended%s%s", child->name, *words ? ": " : "", words);
        return refuse(ECHILD, "%s ended with status %d%s%s", child->name, WEXITSTATUS(child->status),
                      *words ? ": " : "", words);
}

void children_reap(struct child *const *children, size_t n)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                for (size_t i = 0; i < n; i++)
                        if (children[i]->pid == pid) {
                                children[i]->pid = 0;
                                children[i]->has_ended = true;
                                children[i]->status = status;
                        }
}
