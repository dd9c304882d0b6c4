/* fake_host SOCKET: what fake_vmm asks when its container has a user namespace. A group of processes in one has not the
 * rights that a guest's root has over its own kernel, so it is started once more from here, as root, in the group and
 * the namespaces of the one who asks: those of network, IPC and host name. Goes into the background when it listens,
 * and prints its process id.
 *
 * Asked by a packet: the words for fake_vmm, each with a NUL behind, and the descriptors vsock, fs and control, and its
 * standard error.
 * Answered by an int, its exit status. Who asks and ends takes it along. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

#define TREE     "/sys/fs/cgroup"
#define SPACES   (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define FDS      FAKE_FDS
#define FIRST_FD 10
#define WORDS    8

static char program[4096];

static int status_of(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        err(1, "wait");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void enter_group_of(pid_t pid)
{
        char path[64], line[3000], procs[4096];
        FILE *file;
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file) && strncmp(line, "0::", 3) != 0)
                continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(procs, sizeof(procs), TREE "%s/cgroup.procs", line + 3);
        fd = open(procs, O_WRONLY | O_CLOEXEC);
        if (!file || fd < 0 || write(fd, "0", 1) != 1)
                err(1, "enter %s", procs);
        fclose(file);
        close(fd);
}

static void __attribute__((noreturn)) become(char *text, ssize_t size, const int fds[FDS])
{
        static const char *const names[FDS - 1] = {"vsock", "fs", "control"};
        char *words[WORDS + FDS + 2] = {(char *)"berth-vmm"}, given[FDS][32];
        size_t n = 1;

        for (int i = 0; i < FDS; i++)
                if (dup2(fds[i], i < FDS - 1 ? FIRST_FD + i : STDERR_FILENO) < 0)
                        err(1, "dup2");
        for (int i = 0; i < FDS - 1; i++) {
                snprintf(given[i], sizeof(given[i]), "%s=%d", names[i], FIRST_FD + i);
                words[n++] = given[i];
        }
        for (char *word = text; word < text + size && n < WORDS + FDS + 1; word += strlen(word) + 1)
                words[n++] = word;
        syscall(SYS_close_range, FIRST_FD + FDS, ~0U, 0);
        execv(program, words);
        err(1, "%s", program);
}

static pid_t start(pid_t peer, char *text, ssize_t size, const int fds[FDS])
{
        int pidfd = (int)syscall(SYS_pidfd_open, peer, 0);
        pid_t pid = fork_bound();

        if (pid == 0) {
                enter_group_of(peer);
                if (pidfd < 0 || setns(pidfd, SPACES) < 0)
                        err(1, "enter the namespaces of %d", peer);
                become(text, size, fds);
        }
        close(pidfd);
        return pid;
}

static void __attribute__((noreturn)) serve(int connection)
{
        struct ucred peer;
        socklen_t length = sizeof(peer);
        char text[4096] = "";
        int fds[FDS], status;
        ssize_t size = receive(connection, text, sizeof(text) - 1, fds, FDS);
        struct pollfd events[2];
        pid_t child;

        if (size <= 0 || fds[FDS - 1] < 0)
                errx(1, "no request");
        if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
                err(1, "SO_PEERCRED");
        child = start(peer.pid, text, size, fds);
        for (int i = 0; i < FDS; i++)
                close(fds[i]);
        events[0] = (struct pollfd){.fd = connection, .events = POLLIN};
        events[1] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
        while (poll(events, 2, -1) < 0)
                continue;
        if (!events[1].revents)
                kill(child, SIGKILL);
        status = status_of(child);
        (void)send(connection, &status, sizeof(status), MSG_NOSIGNAL);
        exit(0);
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0777) < 0 ||
            listen(fd, 64) < 0)
                err(1, "%s", path);
        return fd;
}

int main(int argc, char **argv)
{
        int listener, connection, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 16);
        pid_t pid;

        if (argc != 2 || n < 0)
                errx(1, "usage: fake_host SOCKET");
        program[n] = '\0';
        strcpy(strrchr(program, '/'), "/fake_vmm");
        listener = listen_at(argv[1]);
        pid = fork();
        if (pid != 0) {
                printf("%d\n", pid);
                return pid < 0;
        }
        setsid();
        for (int i = 0; i < 3; i++)
                dup2(null, i);
        signal(SIGCHLD, SIG_IGN);
        while ((connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
                if (connection >= 0 && fork_bound() == 0) {
                        signal(SIGCHLD, SIG_DFL);
                        serve(connection);
                }
                close(connection);
        }
        return 1;
}
