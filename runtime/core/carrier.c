#include "runtime/core/carrier.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/core/channel.h"
#include "runtime/core/init.h"

#define END_DEADLINE_MS 10000

/* What the first process needs until it executes. It shares our memory and runs beside us, so this stays where it is.
 */
static struct becoming {
        struct birth birth;
        char number[16];
        char stack[16 * 1024] __attribute__((aligned(16)));
} becoming;

static void become_init(void *data)
{
        static char *const no_environment[] = {NULL};
        struct becoming *self = data;
        const struct birth *birth = &self->birth;
        char *const argv[] = {(char[]){INIT_NAME}, self->number, NULL};

        if (sys_close_range(3 + birth->keep_fds, ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
            fcntl(birth->channel, F_SETFD, 0) == 0)
                (void)sys_execveat(birth->image, "", argv, no_environment, AT_EMPTY_PATH);
        (void)channel_send(birth->channel, CHANNEL_ERROR, errno, "start " INIT_NAME, -EBADF);
        _exit(127);
}

/* Not by vfork: somebody may freeze the group at any moment, and then we would stand still with the child, deaf to
 * every signal but SIGKILL and beyond every deadline. */
pid_t birth_clone(const struct birth *birth, bool parent, int *pidfd)
{
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_VM | birth->flags,
                .pidfd = (uint64_t)(uintptr_t)pidfd,
                .stack = (uint64_t)(uintptr_t)becoming.stack,
                .stack_size = sizeof(becoming.stack),
        };
        pid_t pid;

        becoming.birth = *birth;
        snprintf(becoming.number, sizeof(becoming.number), "%d", birth->channel);
        /* A sibling ends with the signal that the caller itself ends with. */
        if (parent)
                args.flags |= CLONE_PARENT;
        else
                args.exit_signal = SIGCHLD;
        if (birth->cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)birth->cgroup;
        }
        pid = sys_clone3_beside(&args, become_init, &becoming);
        return pid < 0 ? -errno : pid;
}

/* ---- the carrier ---- */

struct reply {
        pid_t pid; /* or a negative errno */
        int pidfd;
};

static void __attribute__((noreturn)) carry(int socket, pid_t parent)
{
        struct birth birth;
        struct reply reply = {.pidfd = -EBADF};

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 || getppid() != parent)
                _exit(1);
        if (receive_message(socket, &birth, sizeof(birth), NULL, 0, -1) != sizeof(birth))
                _exit(0);
        reply.pid = birth_clone(&birth, true, &reply.pidfd);
        _exit(send_message(socket, &reply, sizeof(reply), NULL, 0) < 0);
}

int carrier_begin(struct carrier *carrier)
{
        struct clone_args args = {
                .flags = CLONE_FILES | CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)&carrier->pidfd,
                .exit_signal = SIGCHLD,
        };
        pid_t self = getpid();
        int pair[2], r;

        *carrier = (struct carrier)CARRIER_NONE;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(errno, "make a carrier for the container's init");
        carrier->socket = pair[0];
        carrier->theirs = pair[1];
        carrier->pid = sys_clone3(&args);
        if (carrier->pid == 0)
                carry(pair[1], self);
        if (carrier->pid > 0)
                return 0;
        r = fail(errno, "make a carrier for the container's init");
        carrier->pid = 0;
        carrier_end(carrier);
        return r;
}

int carrier_begin_in(struct carrier *carrier, int cgroup_fd)
{
        char number[16];
        int r = carrier_begin(carrier);

        if (r < 0)
                return r;
        snprintf(number, sizeof(number), "%d", carrier->pid);
        if (write_file_at(cgroup_fd, "cgroup.procs", number) < 0)
                carrier_end(carrier);
        return 0;
}

/* What the carrier said before it ended counts. */
static int wait_for_reply(const struct carrier *carrier, int interrupt, int64_t deadline)
{
        struct pollfd fds[] = {
                {.fd = carrier->socket, .events = POLLIN},
                {.fd = interrupt, .events = POLLIN},
                {.fd = carrier->pidfd, .events = POLLIN},
        };

        for (;;) {
                int r = poll(fds, ELEMENTS(fds), until_ms(deadline));

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -ETIMEDOUT;
                if (r > 0 && fds[1].revents)
                        return -EINTR;
                if (r > 0)
                        return fds[0].revents ? 0 : -ECHILD;
        }
}

pid_t carrier_clone(struct carrier *carrier, const struct birth *birth, int interrupt, int timeout_ms, int *pidfd)
{
        struct reply reply;
        int r = send_message(carrier->socket, birth, sizeof(*birth), NULL, 0);
        ssize_t n;

        if (r == 0)
                r = wait_for_reply(carrier, interrupt, now_ms() + timeout_ms);
        if (r < 0)
                return r;
        n = receive_message(carrier->socket, &reply, sizeof(reply), NULL, 0, -1);
        if (n != sizeof(reply))
                return n < 0 ? (int)n : -ECHILD;
        *pidfd = reply.pidfd;
        return reply.pid;
}

void carrier_end(struct carrier *carrier)
{
        int status;

        if (carrier->pid > 0) {
                /* One that waits ends by itself; one that hangs in a frozen group does not. */
                (void)sys_pidfd_send_signal(carrier->pidfd, SIGKILL);
                (void)process_reap(carrier->pidfd, END_DEADLINE_MS, &status);
        }
        replace_fd(&carrier->pidfd, -EBADF);
        replace_fd(&carrier->socket, -EBADF);
        replace_fd(&carrier->theirs, -EBADF);
        carrier->pid = 0;
}
