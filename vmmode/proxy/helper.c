#include "vmmode/proxy/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "vmmode/proxy/child.h"

/* Above all that it will have, so that none overwrites the other. */
#define ASIDE 16

static void keep_only(int socket, int given)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                (void)dup2(null, fd);
        socket = fcntl(socket, F_DUPFD_CLOEXEC, ASIDE);
        given = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, ASIDE) : given;
        (void)dup2(socket, HELPER_SOCKET);
        if (given >= 0)
                (void)dup2(given, HELPER_GIVEN);
        (void)sys_close_range(given >= 0 ? HELPER_GIVEN + 1 : HELPER_GIVEN, ~0U, 0);
}

int helper_start(const struct proxy *proxy, const char *name, helper_work work, int given, int *socket)
{
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(errno, "make a socket for %s", name);
        pid = child_fork(proxy->options.cgroup, false);
        if (pid == 0) {
                (void)prctl(PR_SET_NAME, name);
                keep_only(pair[1], given);
                _exit(work(proxy));
        }
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return fail(errno, "start %s", name);
        }
        *socket = pair[0];
        return 0;
}

int helper_answer(int result, const int *fds, size_t n_fds)
{
        struct helper_answer answer = {.result = result};

        if (result < 0)
                strcpy(answer.reason, error_message());
        return send_message(HELPER_SOCKET, &answer, sizeof(answer), fds, n_fds);
}

int helper_hear(struct proxy *proxy, int socket, const char *what, int *fds, size_t room, int64_t deadline)
{
        struct helper_answer answer;
        ssize_t n;
        int r = proxy_wait(proxy, socket, POLLIN, deadline);

        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "%s: not done in time", what);
        if (r < 0)
                return r;
        n = receive_message(socket, &answer, sizeof(answer), fds, room, 0);
        if (n != sizeof(answer))
                return refuse(EIO, "%s: the helper has ended", what);
        answer.reason[sizeof(answer.reason) - 1] = '\0';
        return answer.result < 0 ? refuse(-answer.result, "%s", answer.reason) : answer.result;
}
