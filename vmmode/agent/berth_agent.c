/* The main program of berth-agent (vmmode/agent/agent.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "runtime/core/launch.h"
#include "runtime/core/loopback.h"
#include "vmmode/agent/boot.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/session.h"

#define UNIX_TRANSPORT "transport=unix:"

struct serving {
        struct agent agent;
        int listener, signals;
        pid_t sessions[SESSIONS_MAX];
        size_t n;
        bool power_off;
};

/* ---- sessions ---- */

static void __attribute__((noreturn)) become_session(const struct serving *serving, int connection)
{
        close(serving->listener);
        close(serving->signals);
        _exit(session_serve(&serving->agent, connection));
}

static void refuse_connection(int connection, const char *why)
{
        (void)message_send_text(connection, MESSAGE_ERROR, EAGAIN, why, now_ms());
}

static void take_connections(struct serving *serving)
{
        for (;;) {
                _cleanup_close_ int connection = transport_accept(&serving->agent.transport, serving->listener);
                pid_t pid;

                if (connection < 0)
                        return;
                if (serving->n == SESSIONS_MAX) {
                        refuse_connection(connection, "the machine's agent serves as many as it can");
                        continue;
                }
                pid = fork();
                if (pid == 0)
                        become_session(serving, take_fd(&connection));
                if (pid < 0)
                        refuse_connection(connection, "the machine has no place for another process");
                else
                        serving->sessions[serving->n++] = pid;
        }
}

static void note_end(struct serving *serving, pid_t pid, int status)
{
        for (size_t i = 0; i < serving->n; i++)
                if (serving->sessions[i] == pid) {
                        serving->sessions[i] = serving->sessions[--serving->n];
                        if (WIFEXITED(status) && WEXITSTATUS(status) == SESSION_POWER_OFF)
                                serving->power_off = true;
                        return;
                }
}

/* Sessions, and whatever has lost its parent. */
static void reap(struct serving *serving)
{
        struct signalfd_siginfo info;
        int status;
        pid_t pid;

        while (read(serving->signals, &info, sizeof(info)) == sizeof(info))
                ;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                note_end(serving, pid, status);
}

static int serve(struct serving *serving)
{
        struct pollfd fds[] = {{.fd = serving->listener, .events = POLLIN}, {.fd = serving->signals, .events = POLLIN}};

        while (!serving->power_off) {
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for the host");
                if (fds[1].revents)
                        reap(serving);
                if (fds[0].revents)
                        take_connections(serving);
        }
        return 0;
}

/* ---- the beginning ---- */

static int watch_children(struct serving *serving)
{
        sigset_t signals;

        (void)signal(SIGPIPE, SIG_IGN);
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return fail(errno, "block SIGCHLD");
        serving->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return serving->signals < 0 ? fail(errno, "watch for SIGCHLD") : 0;
}

/* Without a machine the namespaces are there, and only those of the network are still as the kernel makes them. */
static int begin_without_machine(struct agent *agent, const char *directory)
{
        agent->machine = false;
        agent->transport.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (agent->transport.directory < 0)
                return fail(errno, "open %s", directory);
        return loopback_up();
}

static int begin(struct serving *serving, const char *directory)
{
        uint32_t port = AGENT_PORT;
        int r = directory ? begin_without_machine(&serving->agent, directory) : boot_machine(&serving->agent);

        if (r == 0)
                r = watch_children(serving);
        if (r == 0)
                r = containers_prepare();
        if (r == 0)
                r = cgroup_host_probe(&serving->agent.cgroups);
        if (r == 0)
                r = launch_keep_init();
        if (r < 0)
                return r;
        serving->listener = transport_listen(&serving->agent.transport, &port);
        return serving->listener < 0 ? serving->listener : 0;
}

/* The kernel hands on words of its command line that it does not know itself: they are not ours. */
static const char *find_transport(int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (strncmp(argv[i], UNIX_TRANSPORT, strlen(UNIX_TRANSPORT)) == 0)
                        return argv[i] + strlen(UNIX_TRANSPORT);
        return NULL;
}

int main(int argc, char **argv)
{
        static struct serving serving = {
                .agent = {.machine = true, .transport = {.directory = -EBADF}, .modules = -EBADF},
                .listener = -EBADF,
                .signals = -EBADF,
        };
        const char *directory = find_transport(argc, argv);
        int r;

        if (getpid() != 1) {
                fprintf(stderr,
                        "berth-agent: the first process of berth's virtual machines, not to be called by hand\n");
                return 1;
        }
        umask(022);
        r = begin(&serving, directory);
        if (r == 0)
                r = serve(&serving);
        if (r < 0) {
                log_warning("%s", error_message());
                fprintf(stderr, "berth-agent: %s\n", error_message());
        } else if (!directory) {
                boot_power_off();
        }
        /* In a machine the kernel panics over this, and says so on its console. */
        return r < 0;
}
