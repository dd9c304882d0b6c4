#include "runtime/core/hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/core/messages.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef __WALL
#define __WALL 0x40000000
#endif

/* The last bytes of a stream. */
struct tail {
        char bytes[HOOK_STDERR_KEPT + 1];
        size_t n;
};

/* What the parent holds of a running hook. */
struct hook_process {
        pid_t pid;
        int pidfd;
        int output, errors; /* read ends, non-blocking; -EBADF after their end */
        int exec_error;     /* read end: an int when execve failed, the end of file when not */
        struct tail output_tail, errors_tail;
        int interrupt; /* borrowed */
};

/* What the child needs. */
struct hook_start {
        const char *path;
        char *const *argv, *const *envp;
        int input, output, errors, exec_error;
        int directory; /* borrowed */
};

static void cleanup_hook_process(struct hook_process *process)
{
        cleanup_close(&process->pidfd);
        cleanup_close(&process->output);
        cleanup_close(&process->errors);
        cleanup_close(&process->exec_error);
}

/* ---- the child ---- */

static void __attribute__((noreturn)) become_hook(const struct hook_start *start)
{
        int err;

        signals_reset();
        /* A session of its own: no controlling terminal, and one group to kill. */
        (void)setsid();
        if (dup2(start->input, 0) < 0 || dup2(start->output, 1) < 0 || dup2(start->errors, 2) < 0 ||
            (start->directory >= 0 && fchdir(start->directory) < 0) || sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                err = errno;
        else {
                execve(start->path, start->argv, start->envp);
                err = errno;
        }
        (void)!write(start->exec_error, &err, sizeof(err));
        _exit(127);
}

/* ---- starting ---- */

/* Descriptors below 3 (the caller's own standard ones may be closed) would be overwritten while the child puts its
 * three in place. */
static int above_stdio(int fd)
{
        int moved, err;

        if (fd < 0 || fd > 2)
                return fd;
        moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        err = errno;
        close(fd);
        return moved < 0 ? -err : moved;
}

static int make_pipe(int *read_end, int *write_end)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        *read_end = above_stdio(ends[0]);
        *write_end = above_stdio(ends[1]);
        if (*read_end < 0 || *write_end < 0)
                return fail(*read_end < 0 ? -*read_end : -*write_end, "make a pipe");
        if (fcntl(*read_end, F_SETFL, O_NONBLOCK) < 0)
                return fail(errno, "make a pipe non-blocking");
        return 0;
}

/* The state is a sealed file, not a pipe: a hook that reads nothing can neither block nor signal the writer. */
static int state_as_input(const char *state)
{
        int fd = memfd_sealed("state", state, strlen(state), false);

        if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
                int err = errno;

                close(fd);
                fd = -err;
        }
        fd = above_stdio(fd);
        return fd < 0 ? fail(-fd, "make the state for standard input") : fd;
}

/* Profiles like Docker's answer ENOSYS to clone3, whose flags a filter cannot see, and a hook of the container runs
 * under its profile. The child may have ended before it has a pidfd: until we reap it, its number is nobody else's. */
static int fork_process(struct hook_process *process, const struct hook_start *start)
{
        process->pid = fork();
        if (process->pid < 0)
                return fail(errno, "start a process");
        if (process->pid == 0)
                become_hook(start);
        process->pidfd = sys_pidfd_open(process->pid, 0);
        if (process->pidfd < 0) {
                int err = errno;

                (void)kill(process->pid, SIGKILL);
                (void)waitpid(process->pid, NULL, 0);
                return fail(err, "open the process that was started");
        }
        return 0;
}

static int start_process(struct hook_process *process, const struct hook_start *start)
{
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)&process->pidfd,
                .exit_signal = SIGCHLD,
        };

        process->pid = sys_clone3(&args);
        if (process->pid < 0 && (errno == ENOSYS || errno == EPERM))
                return fork_process(process, start);
        if (process->pid < 0)
                return fail(errno, "start a process");
        if (process->pid == 0)
                become_hook(start);
        return 0;
}

static int start_hook(const struct oci_hook *hook, char *const *argv, char *const *envp, const char *state,
                      int directory, struct hook_process *process)
{
        _cleanup_close_ int input = state_as_input(state);
        _cleanup_close_ int output = -EBADF;
        _cleanup_close_ int errors = -EBADF;
        _cleanup_close_ int exec_error = -EBADF;
        struct hook_start start;
        int r;

        if (input < 0)
                return input;
        r = make_pipe(&process->output, &output);
        if (r == 0)
                r = make_pipe(&process->errors, &errors);
        if (r == 0)
                r = make_pipe(&process->exec_error, &exec_error);
        if (r < 0)
                return r;
        start = (struct hook_start){hook->path, argv, envp, input, output, errors, exec_error, directory};
        return start_process(process, &start);
}

/* ---- waiting ---- */

static void tail_append(struct tail *tail, const char *data, size_t n)
{
        if (n > HOOK_STDERR_KEPT) {
                data += n - HOOK_STDERR_KEPT;
                n = HOOK_STDERR_KEPT;
        }
        if (tail->n + n > HOOK_STDERR_KEPT) {
                size_t surplus = tail->n + n - HOOK_STDERR_KEPT;

                memmove(tail->bytes, tail->bytes + surplus, tail->n - surplus);
                tail->n -= surplus;
        }
        memcpy(tail->bytes + tail->n, data, n);
        tail->n += n;
}

/* As one line: control characters become spaces, and those at the end go. */
static const char *tail_text(struct tail *tail)
{
        for (size_t i = 0; i < tail->n; i++)
                if (!tail->bytes[i])
                        tail->bytes[i] = ' ';
        tail->bytes[tail->n] = '\0';
        text_make_printable(tail->bytes, "", ' ');
        while (tail->n && tail->bytes[tail->n - 1] == ' ')
                tail->n--;
        tail->bytes[tail->n] = '\0';
        return tail->bytes;
}

/* One read of what is there: a hook that writes without end must not keep the caller from looking at the clock. Returns
 * the number of bytes; the descriptor is closed at the end of the stream. */
static ssize_t drain_some(int *fd, struct tail *tail)
{
        char chunk[4096];
        ssize_t n;

        if (*fd < 0)
                return 0;
        n = read(*fd, chunk, sizeof(chunk));
        if (n > 0)
                tail_append(tail, chunk, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                replace_fd(fd, -EBADF);
        return n;
}

/* After the end of the hook: what it left in the pipes, which hold 64 KiB at most; a process that it left behind may go
 * on filling them. */
static void drain_rest(int *fd, struct tail *tail)
{
        for (int i = 0; i < 16 && drain_some(fd, tail) > 0; i++)
                ;
}

/* 1 when the hook has ended, 0 at the deadline, -errno with a message. */
static int await_end(struct hook_process *process, int64_t deadline)
{
        for (;;) {
                struct pollfd polled[] = {
                        {.fd = process->pidfd, .events = POLLIN},
                        {.fd = process->output, .events = POLLIN},
                        {.fd = process->errors, .events = POLLIN},
                        {.fd = process->interrupt, .events = POLLIN},
                };
                int left = until_ms(deadline);

                if (poll(polled, ELEMENTS(polled), left) < 0 && errno != EINTR)
                        return fail(errno, "wait for its end");
                if (polled[0].revents)
                        return 1;
                if (polled[1].revents)
                        drain_some(&process->output, &process->output_tail);
                if (polled[2].revents)
                        drain_some(&process->errors, &process->errors_tail);
                if (polled[3].revents)
                        return refuse(EINTR, "interrupted by a signal");
                if (left == 0)
                        return 0;
        }
}

/* The group first: as long as its leader is not reaped, the number cannot belong to anybody else. The process itself,
 * too, in case it was not in its session yet. */
static void kill_hook(const struct hook_process *process)
{
        (void)kill(-process->pid, SIGKILL);
        (void)sys_pidfd_send_signal(process->pidfd, SIGKILL);
}

static int reap(const struct hook_process *process, siginfo_t *info)
{
        memset(info, 0, sizeof(*info));
        while (waitid((idtype_t)P_PIDFD, (id_t)process->pidfd, info, WEXITED | __WALL) < 0)
                if (errno != EINTR)
                        return fail(errno, "take its exit status");
        return 0;
}

static int judge(struct hook_process *process, const siginfo_t *info)
{
        const char *errors = tail_text(&process->errors_tail);
        const char *colon = *errors ? ": " : "";
        int exec_error = 0;

        if (read(process->exec_error, &exec_error, sizeof(exec_error)) == sizeof(exec_error))
                return fail(exec_error, "execute");
        if (info->si_code != CLD_EXITED) {
                const char *name = strsignal(info->si_status);

                return refuse(EIO, "killed by signal %d (%c%s)%s%s", info->si_status, name[0] | 0x20, name + 1, colon,
                              errors);
        }
        if (info->si_status != 0)
                return refuse(EIO, "exit status %d%s%s", info->si_status, colon, errors);
        return 0;
}

static int64_t timeout_of(const struct oci_hook *hook)
{
        int64_t seconds = hook->timeout.set ? hook->timeout.value : HOOK_TIMEOUT_SECONDS;

        return seconds > INT32_MAX ? INT32_MAX : seconds;
}

static int wait_hook(const struct oci_hook *hook, struct hook_process *process)
{
        int64_t seconds = timeout_of(hook);
        int ended = await_end(process, now_ms() + seconds * 1000);
        siginfo_t info;
        int r;

        if (ended <= 0)
                kill_hook(process);
        r = reap(process, &info);
        if (ended < 0 || r < 0)
                return ended < 0 ? ended : r;
        drain_rest(&process->output, &process->output_tail);
        drain_rest(&process->errors, &process->errors_tail);
        if (ended == 0)
                return refuse(ETIMEDOUT, "timed out after %lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
        return judge(process, &info);
}

/* ---- the whole ---- */

static char **terminated(const struct oci_strings *strings, const char *instead)
{
        char **array = calloc(strings->n + 2, sizeof(*array));

        if (!array)
                return NULL;
        if (strings->n)
                memcpy(array, strings->v, strings->n * sizeof(*array));
        else if (instead)
                array[0] = (char *)(uintptr_t)instead;
        return array;
}

static int run(const struct oci_hook *hook, const char *state, int directory, struct hook_process *process)
{
        _cleanup_free_ char **argv = terminated(&hook->args, hook->path);
        _cleanup_free_ char **envp = terminated(&hook->env, NULL);
        int r;

        if (!argv || !envp)
                return fail(ENOMEM, "prepare");
        r = start_hook(hook, argv, envp, state, directory, process);
        return r < 0 ? r : wait_hook(hook, process);
}

int hook_run(const char *kind, size_t index, const struct oci_hook *hook, const char *state, int directory,
             int interrupt)
{
        _cleanup_(cleanup_hook_process) struct hook_process process = {
                .pidfd = -EBADF,
                .output = -EBADF,
                .errors = -EBADF,
                .exec_error = -EBADF,
                .interrupt = interrupt,
        };
        struct sigaction standard = {.sa_handler = SIG_DFL}, previous;
        int r;

        /* Where SIGCHLD is ignored the kernel reaps by itself, and the exit status is lost. */
        if (sigaction(SIGCHLD, NULL, &previous) < 0)
                return fail(errno, "hooks.%s[%zu] %s: look at SIGCHLD", kind, index, hook->path);
        if (previous.sa_handler == SIG_IGN || (previous.sa_flags & SA_NOCLDWAIT))
                (void)sigaction(SIGCHLD, &standard, NULL);
        r = run(hook, state, directory, &process);
        (void)sigaction(SIGCHLD, &previous, NULL);
        if (log_debug_wanted() && process.output_tail.n)
                log_debug("hooks.%s[%zu] %s: output: %s", kind, index, hook->path, tail_text(&process.output_tail));
        return r < 0 ? fail_in(r, MESSAGE_HOOK_FAILED " hooks.%s[%zu] %s", kind, index, hook->path) : 0;
}
