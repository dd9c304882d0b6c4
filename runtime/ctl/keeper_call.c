#include "runtime/ctl/keeper_call.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/io.h"
#include "base/path.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "base/unix_address.h"
#include "runtime/keeper/keeper.h"

#define START_DEADLINE_MS  120000 /* from the keeper's birth until the container runs */
#define ANSWER_DEADLINE_MS 5000
#define GO_DEADLINE_MS     10000 /* until the keeper has made its sockets */
#define ARGUMENTS_MOST     16

int keeper_directory(const struct ctl *ctl, const char *name, bool make)
{
        _cleanup_free_ char *path = NULL;
        int fd;

        if (asprintf(&path, "%s/keepers/%s", ctl->run, name) < 0) {
                path = NULL;
                return fail(ENOMEM, "keep the path of a keeper");
        }
        if (make) {
                char *slash = strrchr(path, '/');

                *slash = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return fail(errno, "make %s", path);
                *slash = '/';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return fail(errno, "make %s", path);
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? (make ? fail(errno, "open %s", path) : -errno) : fd;
}

bool keeper_lives(const struct ctl *ctl, const char *name)
{
        char path[4096];
        _cleanup_close_ int lock = -EBADF;

        if ((size_t)snprintf(path, sizeof(path), "%s/keepers/%s", ctl->run, name) < sizeof(path))
                lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* What a keeper is born with. */
struct keeper_birth {
        struct ctl *ctl;
        const char *name, *program;
        char *const *arguments;
        int run, status, directory;
        int adopted; /* -EBADF: the container is to be started */
};

/* In a child of what becomes the keeper: starts the container with what this command has opened already, which saves
 * the time of another one. */
static void __attribute__((noreturn)) launch(const struct keeper_birth *birth, int socket)
{
        int output = -EBADF;
        char word;

        if (receive_message(socket, &word, 1, &output, 1, GO_DEADLINE_MS) != 1 || output < 0)
                _exit(127);
        signals_reset();
        if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
                _exit(127);
        replace_fd(&output, -EBADF);
        error_clear();
        birth->ctl->progress = NULL;
        _exit(ctl_launch_and_tell(birth->ctl, birth->name, 0, socket) < 0);
}

/* Returns the socket for the keeper, or -1. A sub-reaper stays one over execve: what its child leaves behind, the
 * container, is its own. */
static int fork_launcher(const struct keeper_birth *birth)
{
        struct clone_args clone = {.exit_signal = SIGCHLD};
        int pair[2];
        pid_t pid;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        pid = sys_clone3(&clone);
        if (pid == 0) {
                /* The end of it is the keeper's word to who waits. */
                (void)close(birth->status);
                (void)close(pair[1]);
                launch(birth, pair[0]);
        }
        return pid > 0 && send_message(pair[0], &pid, sizeof(pid), NULL, 0) == 0 ? pair[1] : -1;
}

/* The keeper's descriptors get their numbers; copies first, because one may stand where another belongs. */
static void __attribute__((noreturn)) become(const struct keeper_birth *birth)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), launcher = -EBADF;
        int fds[] = {birth->status, birth->directory, birth->adopted, -EBADF};

        if (null < 0 || setsid() < 0 || fchdir(birth->run) < 0)
                _exit(127);
        for (int i = 0; i < 3; i++)
                if (dup2(null, i) < 0)
                        _exit(127);
        if (birth->adopted < 0) {
                launcher = fork_launcher(birth);
                if (launcher < 0)
                        _exit(127);
        }
        fds[KEEPER_LAUNCHER - KEEPER_STATUS] = launcher;
        /* As low as may be: a table for more than 64 stays that large as long as the keeper lives. */
        for (size_t i = 0; i < ELEMENTS(fds); i++)
                if (fds[i] >= 0)
                        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, KEEPER_STATUS + (int)ELEMENTS(fds));
        (void)sys_close_range(KEEPER_STATUS, KEEPER_STATUS + ELEMENTS(fds) - 1, 0);
        for (int i = 0; i < (int)ELEMENTS(fds); i++)
                if (fds[i] >= 0 && dup2(fds[i], KEEPER_STATUS + i) < 0)
                        _exit(127);
        (void)sys_close_range(KEEPER_STATUS + ELEMENTS(fds), ~0U, 0);
        signals_reset();
        (void)execv(birth->program, birth->arguments);
        _exit(127);
}

/* "ok", or what went wrong. */
static int read_answer(int fd, const char *name)
{
        int64_t deadline = now_ms() + START_DEADLINE_MS;
        char text[1024];
        size_t used = 0;

        for (;;) {
                ssize_t n;

                if (wait_fd(fd, POLLIN, until_ms(deadline)) == -ETIMEDOUT)
                        return refuse(ETIMEDOUT, "container %s did not start within %d seconds", name,
                                      START_DEADLINE_MS / 1000);
                n = read(fd, text + used, sizeof(text) - 1 - used);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                used += (size_t)n;
        }
        text[used] = '\0';
        if (strcmp(text, "ok") == 0)
                return 0;
        return refuse(EINVAL, "start container %s: %s", name, used ? text : "its keeper ended without a word");
}

static enum keeper_policy policy_of(const struct settings *settings, uint32_t *most)
{
        enum restart_policy policy = RESTART_NO;

        *most = 0;
        if (settings->restart)
                (void)restart_parse(settings->restart, &policy, most);
        return policy == RESTART_NO ? KEEPER_NO : policy == RESTART_ON_FAILURE ? KEEPER_ON_FAILURE : KEEPER_ALWAYS;
}

/* A child of this command until that ends, which is when the container runs. */
static int spawn(const struct keeper_birth *birth)
{
        struct clone_args clone = {.exit_signal = SIGCHLD};
        pid_t pid = sys_clone3(&clone);

        if (pid == 0)
                become(birth);
        return pid < 0 ? fail(errno, "start a keeper") : 0;
}

int keeper_spawn(struct ctl *ctl, const struct ctl_container *container, int adopted)
{
        const struct settings *settings = &container->settings;
        _cleanup_close_ int run = keeper_directory(ctl, container->name, true), from = -EBADF, to = -EBADF;
        char program[4096], self[4096], policy[16], most[16], size[32];
        const char *arguments[ARGUMENTS_MOST] = {
                "berth-keeper",  policy, most,          size,           settings->terminal ? "1" : "0",
                container->name, self,   "--directory", ctl->directory, "--run",
                ctl->run,        NULL,
        };
        uint32_t n;
        int pair[2], r;
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (run < 0)
                return run;
        if (length < 0)
                return fail(errno, "find berthctl itself");
        self[length] = '\0';
        r = helper_find("berth-keeper", program, sizeof(program));
        if (r < 0)
                return r;
        snprintf(policy, sizeof(policy), "%d", (int)policy_of(settings, &n));
        snprintf(most, sizeof(most), "%u", n);
        snprintf(size, sizeof(size), "%" PRId64, settings->log_size.set ? settings->log_size.value : SETTINGS_LOG_SIZE);
        if (pipe2(pair, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        from = pair[0];
        to = pair[1];
        r = spawn(&(struct keeper_birth){
                .ctl = ctl,
                .name = container->name,
                .program = program,
                .arguments = (char *const *)(uintptr_t)arguments,
                .run = run,
                .status = to,
                .directory = container->fd,
                .adopted = adopted,
        });
        replace_fd(&to, -EBADF);
        return r < 0 ? r : read_answer(from, container->name);
}

int keeper_forget(const struct ctl *ctl, const char *name)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int keepers = -EBADF;

        if (asprintf(&path, "%s/keepers", ctl->run) < 0) {
                path = NULL;
                return fail(ENOMEM, "keep the path of the keepers");
        }
        keepers = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (keepers < 0)
                return errno == ENOENT ? 0 : fail(errno, "open %s", path);
        return remove_tree_at(keepers, name);
}

int keeper_connect(const struct ctl *ctl, const char *name)
{
        _cleanup_close_ int run = keeper_directory(ctl, name, false);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        const struct sockaddr_un address = unix_address_at(run, KEEPER_SOCKET);

        if (run < 0 || fd < 0)
                return run < 0 ? run : -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return take_fd(&fd);
}

int keeper_stop(const struct ctl *ctl, const char *name)
{
        const char word = KEEPER_STOP;
        _cleanup_close_ int fd = keeper_connect(ctl, name);
        char answer[16];
        ssize_t n;

        if (fd < 0)
                return -ENOENT;
        if (send_message(fd, &word, 1, NULL, 0) < 0)
                return -ENOENT;
        n = receive_message(fd, answer, sizeof(answer), NULL, 0, ANSWER_DEADLINE_MS);
        if (n == 1 && *answer == KEEPER_LATER)
                n = receive_message(fd, answer, sizeof(answer), NULL, 0, START_DEADLINE_MS);
        if (n == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "the keeper of container %s does not answer", name);
        return n <= 0 ? -ENOENT : take_fd(&fd);
}
