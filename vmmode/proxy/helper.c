#include "vmmode/proxy/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

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
        pid = fork();
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
