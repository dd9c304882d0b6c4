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

/* Collects what the program says until it closes the pipe; the rest beyond the buffer is thrown away. */
static int collect(int fd, int64_t deadline, char *output, size_t size)
{
        size_t used = 0;

        for (;;) {
                char rest[512];
                bool full = used + 1 >= size;
                int r = wait_fd(fd, POLLIN, until_ms(deadline));
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

static void __attribute__((noreturn)) become(const char *program, const char *const *args, int out, int errors)
{
        signals_reset();
        (void)dup2(out, STDOUT_FILENO);
        (void)dup2(out, STDERR_FILENO);
        (void)execvp(program, (char *const *)(uintptr_t)args);
        (void)!write(errors, &errno, sizeof(errno));
        _exit(127);
}

int process_run(const char *program, const char *const *args, int timeout_ms, char *output, size_t size)
{
        int64_t deadline = now_ms() + timeout_ms;
        struct clone_args clone = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        _cleanup_close_ int pidfd = -EBADF, from = -EBADF, errors = -EBADF;
        int out[2], failure[2], error = 0, status = 0, r;
        pid_t pid;

        if (pipe2(out, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        from = out[0];
        if (pipe2(failure, O_CLOEXEC) < 0) {
                close(out[1]);
                return fail(errno, "make a pipe");
        }
        errors = failure[0];
        clone.pidfd = (uint64_t)(uintptr_t)&pidfd;
        pid = sys_clone3(&clone);
        if (pid == 0)
                become(program, args, out[1], failure[1]);
        r = pid < 0 ? -errno : 0;
        close(out[1]);
        close(failure[1]);
        if (r < 0)
                return fail(-r, "fork");
        r = collect(from, deadline, output, size);
        if (r == 0)
                r = process_reap(pidfd, until_ms(deadline), &status);
        if (r < 0) {
                (void)sys_pidfd_send_signal(pidfd, SIGKILL);
                (void)process_reap(pidfd, -1, &status);
                return fail(-r, "wait for its end");
        }
        if (read(errors, &error, sizeof(error)) == sizeof(error))
                return fail(error, "execute it");
        return status;
}
