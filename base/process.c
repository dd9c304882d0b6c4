#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void signals_reset(void)
{
        /* The kernel's struct sigaction, all zero: SIG_DFL. By the raw call, because the C libraries refuse the numbers
         * that they use themselves (32 to 34), which callers have been seen to ignore. */
        const uint64_t standard[4] = {0};
        sigset_t none;

        for (int signal = 1; signal <= 64; signal++)
                (void)syscall(SYS_rt_sigaction, signal, standard, NULL, sizeof(uint64_t));
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int process_reap(int pidfd, int timeout_ms, int *status)
{
        siginfo_t info = {0};
        int r = wait_fd(pidfd, POLLIN, timeout_ms);

        if (r < 0)
                return r;
        do
                r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        *status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}

/* Like wait_fd for reading, and -EINTR as soon as there is something to read on the other descriptor. */
static int wait_for_output(int fd, int interrupt, int64_t deadline)
{
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = interrupt, .events = POLLIN}};

        for (;;) {
                int r = poll(fds, ELEMENTS(fds), until_ms(deadline));

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -ETIMEDOUT;
                if (r > 0)
                        return fds[1].revents ? -EINTR : 0;
        }
}

/* Collects what the program says until it closes the pipe; the rest beyond the buffer is thrown away. */
static int collect(int fd, int interrupt, int64_t deadline, char *output, size_t size)
{
        size_t used = 0;

        for (;;) {
                char rest[512];
                bool full = used + 1 >= size;
                int r = wait_for_output(fd, interrupt, deadline);
                ssize_t n;

                if (r < 0)
                        return r;
                n = read(fd, full ? rest : output + used, full ? sizeof(rest) : size - 1 - used);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        break;
                if (n > 0 && !full)
                        used += (size_t)n;
        }
        if (used && output[used - 1] == '\n')
                used--;
        output[used] = '\0';
        return 0;
}

static void __attribute__((noreturn))
become(const char *program, const char *const *args, const struct process_setting *setting, int out, int errors)
{
        signals_reset();
        if (setting->input >= 0)
                (void)dup2(setting->input, STDIN_FILENO);
        (void)dup2(out, STDOUT_FILENO);
        (void)dup2(out, STDERR_FILENO);
        if (setting->enter && setting->enter(setting->data) < 0) {
                (void)write_all(STDERR_FILENO, error_message(), strlen(error_message()));
                _exit(127);
        }
        /* What an engine has us keep for the container is not this program's. */
        (void)sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execvp(program, (char *const *)(uintptr_t)args);
        (void)!write(errors, &errno, sizeof(errno));
        _exit(127);
}

static void process_call_close(struct process_call *call)
{
        replace_fd(&call->pidfd, -EBADF);
        replace_fd(&call->output, -EBADF);
        replace_fd(&call->errors, -EBADF);
}

int process_begin_in(const char *program, const char *const *args, const struct process_setting *setting,
                     struct process_call *call)
{
        struct clone_args clone = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        _cleanup_close_ int out = -EBADF, errors = -EBADF;
        int pair[2];

        *call = (struct process_call)PROCESS_CALL_NONE;
        if (pipe2(pair, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        call->output = pair[0];
        out = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0) {
                process_call_close(call);
                return fail(errno, "make a pipe");
        }
        call->errors = pair[0];
        errors = pair[1];
        clone.pidfd = (uint64_t)(uintptr_t)&call->pidfd;
        call->pid = sys_clone3(&clone);
        if (call->pid == 0)
                become(program, args, setting, out, errors);
        if (call->pid > 0)
                return 0;
        process_call_close(call);
        return fail(errno, "fork");
}

int process_begin(const char *program, const char *const *args, int input, struct process_call *call)
{
        return process_begin_in(program, args, &(struct process_setting){.input = input}, call);
}

void process_drop(struct process_call *call)
{
        int status;

        if (call->pidfd >= 0) {
                (void)sys_pidfd_send_signal(call->pidfd, SIGKILL);
                (void)process_reap(call->pidfd, -1, &status);
        }
        process_call_close(call);
}

int process_finish(struct process_call *call, int timeout_ms, int interrupt, char *output, size_t size)
{
        int64_t deadline = now_ms() + timeout_ms;
        int error = 0, status = 0;
        int r = collect(call->output, interrupt, deadline, output, size);

        if (r == 0)
                r = process_reap(call->pidfd, until_ms(deadline), &status);
        if (r < 0) {
                process_drop(call);
                return r == -EINTR ? refuse(EINTR, "interrupted by a signal") : fail(-r, "wait for its end");
        }
        if (read(call->errors, &error, sizeof(error)) != sizeof(error))
                error = 0;
        process_call_close(call);
        return error ? fail(error, "execute it") : status;
}

int process_run(const char *program, const char *const *args, int timeout_ms, char *output, size_t size)
{
        struct process_call call;
        int r = process_begin(program, args, -EBADF, &call);

        return r < 0 ? r : process_finish(&call, timeout_ms, -EBADF, output, size);
}
