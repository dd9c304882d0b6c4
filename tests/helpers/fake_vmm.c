/* fake_vmm NAME=VALUE...: stands in for berth-vmm where no kernel can be booted. In place of a guest it has namespaces,
 * with berth-agent (beside it in the build) as their process 1. That is no wall: it is there to test what is said and
 * done around a machine. It takes berth-vmm's words:
 *
 *      vsock=FD            connections "CONNECT PORT" reach the agent's socket PORT
 *      fs=FD,TAG           tests/helpers/fake_file_server.c: gives the share as a mount
 *      control=FD          network devices become tap devices of the guest's namespace
 *      cmdline=TEXT        fake.status=N: ends with that at once; fake.mute: there is no agent; fake.garbage: nonsense
 *                          where the agent should answer; fake.flood: bytes without end there; fake.silent: somebody
 *                          who says nothing
 *
 * In a container with a user namespace it has itself started outside of that (tests/helpers/fake_host.c): the files
 * that are mapped for the file server it shows as they are on disk, which is how the server would have handed them
 * over.
 *
 * Ends with 0 when the agent has ended, 3 when it was killed, as for a guest's kernel whose process 1 dies. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

#define SHARE       "/run/berth/share"
#define PORTS       "/run/ports"
#define HOST        "/run/fake_host.sock"
#define PATIENCE_MS 20000

/* ---- words ---- */

struct machine {
        int vsock, fs, control;
        const char *cmdline;
};

static int number_of(const char *word, const char *name)
{
        size_t length = strlen(name);

        return strncmp(word, name, length) == 0 && word[length] == '=' ? atoi(word + length + 1) : -1;
}

static struct machine read_words(int argc, char **argv)
{
        struct machine machine = {.vsock = -1, .fs = -1, .control = -1, .cmdline = ""};

        for (int i = 1; i < argc; i++) {
                if (number_of(argv[i], "vsock") >= 0)
                        machine.vsock = number_of(argv[i], "vsock");
                if (number_of(argv[i], "fs") >= 0)
                        machine.fs = number_of(argv[i], "fs");
                if (number_of(argv[i], "control") >= 0)
                        machine.control = number_of(argv[i], "control");
                if (strncmp(argv[i], "cmdline=", 8) == 0)
                        machine.cmdline = argv[i] + 8;
        }
        if (machine.vsock < 0 || machine.fs < 0 || machine.control < 0)
                errx(1, "vsock=, fs= or control= is missing");
        return machine;
}

/* ---- descriptors ---- */

static bool put(int fd, const char *bytes, ssize_t size)
{
        for (ssize_t n; size > 0; bytes += n, size -= n) {
                n = write(fd, bytes, (size_t)size);
                if (n < 0)
                        return false;
        }
        return true;
}

/* One direction of a stream, to its end. */
static void pump(int from, int to)
{
        char bytes[65536];
        ssize_t n;

        while ((n = read(from, bytes, sizeof(bytes))) > 0)
                if (!put(to, bytes, n))
                        break;
        shutdown(to, SHUT_WR);
        shutdown(from, SHUT_RD);
}

/* ---- in a user namespace ---- */

static bool is_mapped(void)
{
        FILE *file = fopen("/proc/self/uid_map", "re");
        unsigned inside = 1, outside = 1;

        if (!file || fscanf(file, "%u %u", &inside, &outside) != 2)
                err(1, "/proc/self/uid_map");
        fclose(file);
        return inside != outside;
}

/* Has fake_host start another of us, and ends with it. */
static int delegate(const struct machine *machine)
{
        const int fds[] = {machine->vsock, machine->fs, machine->control, STDERR_FILENO};
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = HOST};
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(fds))];
        } control = {0};
        char text[4096];
        struct iovec part = {text, 0};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        int host = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), status;

        part.iov_len = (size_t)snprintf(text, sizeof(text), "cmdline=%s", machine->cmdline) + 1;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
        if (host < 0 || connect(host, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            sendmsg(host, &message, MSG_NOSIGNAL) < 0)
                err(1, HOST);
        for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
                close(fds[i]);
        return recv(host, &status, sizeof(status), 0) == sizeof(status) ? status : 1;
}

struct mount_line {
        unsigned major, minor;
        char root[2048], place[2048], options[512];
};

static bool read_mount(FILE *file, struct mount_line *mount)
{
        char line[8192];

        return fgets(line, sizeof(line), file) && sscanf(line, "%*u %*u %u:%u %2047s %2047s %511s", &mount->major,
                                                         &mount->minor, mount->root, mount->place, mount->options) == 5;
}

/* The same directory through a mount of its file system that is not mapped. */
static int open_unmapped(const struct mount_line *mapped)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        struct mount_line other;
        char path[4200];
        int fd = -1;

        while (file && fd < 0 && read_mount(file, &other)) {
                size_t length = strcmp(other.root, "/") == 0 ? 0 : strlen(other.root);

                if (other.major != mapped->major || other.minor != mapped->minor || strstr(other.options, "idmapped") ||
                    strncmp(other.place, SHARE, strlen(SHARE)) == 0 || strncmp(mapped->root, other.root, length) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s%s", other.place, mapped->root + length);
                fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
        }
        if (file)
                fclose(file);
        return fd;
}

static void show_as_on_disk(void)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        struct mount_line mount;

        while (file && read_mount(file, &mount)) {
                int tree;

                if (strncmp(mount.place, SHARE "/", strlen(SHARE) + 1) != 0 || !strstr(mount.options, "idmapped"))
                        continue;
                tree = open_unmapped(&mount);
                if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, mount.place, 4) < 0)
                        err(1, "show %s as it is on disk", mount.place);
                close(tree);
        }
        if (file)
                fclose(file);
}

/* ---- the share and the namespaces ---- */

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags)
{
        if (mount(source, target, type, flags, NULL) < 0)
                err(1, "mount on %s", target);
}

/* The agent's surroundings, in which the bridge lives too: only the pid namespace is the agent's alone. */
static void make_surroundings(int tree)
{
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP) < 0)
                err(1, "unshare");
        mount_or_die(NULL, "/", NULL, MS_REC | MS_PRIVATE);
        mount_or_die("run", "/run", "tmpfs", 0);
        if (mkdir("/run/berth", 0700) < 0 || mkdir(SHARE, 0700) < 0 || mkdir(PORTS, 0700) < 0)
                err(1, "/run");
        mount_or_die("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
        mount_or_die("cgroup", "/sys/fs/cgroup", "cgroup2", 0);
        if (syscall(SYS_move_mount, tree, "", AT_FDCWD, SHARE, 4 /* MOVE_MOUNT_F_EMPTY_PATH */) < 0)
                err(1, "attach the share");
        show_as_on_disk();
}

static pid_t start_agent(void)
{
        char path[4096];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
        pid_t pid;

        if (n < 0)
                err(1, "/proc/self/exe");
        path[n] = '\0';
        strcpy(strrchr(path, '/'), "/../berth-agent");
        pid = fork_bound();
        if (pid > 0)
                return pid;
        mount_or_die("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
        syscall(SYS_close_range, 3, ~0U, 0);
        execl(path, "berth-agent", "transport=unix:" PORTS, NULL);
        err(1, "%s", path);
}

/* ---- streams ---- */

static int connect_port(unsigned port)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), PORTS "/%u", port);
        return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static bool read_greeting(int connection, unsigned *port)
{
        struct pollfd event = {.fd = connection, .events = POLLIN};
        char line[64];
        size_t used = 0;

        do {
                if (used + 1 == sizeof(line) || poll(&event, 1, PATIENCE_MS) <= 0 ||
                    read(connection, line + used, 1) != 1)
                        return false;
        } while (line[used++] != '\n');
        line[used] = '\0';
        return sscanf(line, "CONNECT %u", port) == 1;
}

static void misbehave(const struct machine *machine, int connection)
{
        static const char nonsense[4096] = "this is not the protocol";

        if (strstr(machine->cmdline, "fake.mute"))
                _exit(0);
        if (!strstr(machine->cmdline, "fake.garbage") && !strstr(machine->cmdline, "fake.flood") &&
            !strstr(machine->cmdline, "fake.silent"))
                return;
        (void)put(connection, "OK\n", 3);
        if (strstr(machine->cmdline, "fake.silent"))
                pause();
        do {
                if (!put(connection, nonsense, sizeof(nonsense)))
                        _exit(0);
        } while (strstr(machine->cmdline, "fake.flood"));
        pause();
}

static void __attribute__((noreturn)) serve_connection(const struct machine *machine, int connection)
{
        unsigned port;
        int guest;

        if (!read_greeting(connection, &port))
                _exit(0);
        misbehave(machine, connection);
        guest = connect_port(port);
        if (guest < 0 || !put(connection, "OK\n", 3))
                _exit(0);
        if (fork_bound() == 0) {
                pump(connection, guest);
                _exit(0);
        }
        pump(guest, connection);
        wait(NULL);
        _exit(0);
}

/* ---- the network ---- */

struct net_request {
        uint32_t kind, index;
        uint8_t mac[6];
        uint16_t mtu;
};

static int set_link(const char *name, const struct net_request *request)
{
        struct ifreq change = {0};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

        strcpy(change.ifr_name, name);
        change.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(change.ifr_hwaddr.sa_data, request->mac, sizeof(request->mac));
        r = ioctl(fd, SIOCSIFHWADDR, &change);
        change.ifr_mtu = request->mtu;
        if (r == 0 && request->mtu)
                r = ioctl(fd, SIOCSIFMTU, &change);
        close(fd);
        return r < 0 ? -errno : 0;
}

/* The guest's end, as its driver would have made it. */
static int make_device(const struct net_request *request)
{
        struct ifreq name = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), r;

        snprintf(name.ifr_name, sizeof(name.ifr_name), "eth%u", request->index);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &name) < 0)
                return -errno;
        r = set_link(name.ifr_name, request);
        return r < 0 ? r : fd;
}

static void __attribute__((noreturn)) pump_frames(int left, int right)
{
        struct pollfd fds[] = {{.fd = left, .events = POLLIN}, {.fd = right, .events = POLLIN}};
        static char frame[70000];

        while (poll(fds, 2, -1) > 0)
                for (int i = 0; i < 2; i++) {
                        ssize_t n = fds[i].revents ? read(fds[i].fd, frame, sizeof(frame)) : 0;

                        /* A device that is down takes nothing. */
                        if (n > 0 && write(fds[1 - i].fd, frame, (size_t)n) < 0 && errno != EIO && errno != EAGAIN)
                                _exit(1);
                }
        _exit(0);
}

static bool serve_control(int control)
{
        struct net_request request;
        int tap;
        ssize_t n = receive(control, &request, sizeof(request), &tap, 1);
        int32_t answer = -EINVAL;

        if (n <= 0)
                return false;
        if (n == sizeof(request) && request.kind == 1 && tap >= 0) {
                int device = make_device(&request);

                answer = device < 0 ? device : 0;
                if (device >= 0 && fork_bound() == 0)
                        pump_frames(tap, device);
                if (device >= 0)
                        close(device);
        }
        if (tap >= 0)
                close(tap);
        return send(control, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer);
}

/* ---- its life ---- */

/* Descriptors of those that serve a connection are not kept: they end by themselves. */
static int end_of(pid_t agent)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == agent) {
                        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                                return 0;
                        warnx("the guest asked for a reset");
                        return 3;
                }
        return -1;
}

static void noted(int signal)
{
        (void)signal;
}

static int run(const struct machine *machine, pid_t agent)
{
        struct pollfd fds[] = {{.fd = machine->vsock, .events = POLLIN},
                               {.fd = machine->control, .events = POLLIN},
                               {.fd = machine->fs, .events = POLLIN}};
        sigset_t none;
        int status;

        sigemptyset(&none);
        while ((status = end_of(agent)) < 0) {
                /* SIGCHLD comes only here. */
                if (ppoll(fds, 3, NULL, &none) < 0)
                        continue;
                if (fds[0].revents) {
                        int connection = accept4(machine->vsock, NULL, NULL, SOCK_CLOEXEC);

                        if (connection >= 0 && fork_bound() == 0)
                                serve_connection(machine, connection);
                        close(connection);
                }
                if (fds[1].revents && !serve_control(machine->control))
                        fds[1].fd = -1;
                if (fds[2].revents)
                        errx(1, "the process that serves the files ended");
        }
        return status;
}

int main(int argc, char **argv)
{
        struct machine machine = read_words(argc, argv);
        const char *status = strstr(machine.cmdline, "fake.status=");
        struct sigaction action = {.sa_handler = noted};
        sigset_t child;
        char byte;
        int tree;

        if (status) {
                warnx("what the machine has to say about its end");
                return atoi(status + strlen("fake.status="));
        }
        if (is_mapped())
                return delegate(&machine);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        sigaction(SIGCHLD, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
        if (receive(machine.fs, &byte, 1, &tree, 1) != 1 || tree < 0)
                errx(1, "the file server gives no tree");
        make_surroundings(tree);
        close(tree);
        return run(&machine, start_agent());
}
