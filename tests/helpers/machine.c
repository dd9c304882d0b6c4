/* machine OPTION...: starts berth-vmm ($BERTH_VMM) with what it is handed as open descriptors.
 *
 *      kvm=PATH                    instead of /dev/kvm
 *      kernel=PATH initrd=PATH     files
 *      console=PATH                a file that is made
 *      disk=PATH[,ro][,...]        a file or a block device
 *      net=TAP,...[,vhost]         a tap device that exists, in this network namespace
 *      vsock=PATH                  a listening socket that is made
 *      fs=PATH,TAG                 a file server's socket
 *      control=on                  lines on standard input are what to say on the control socket:
 *                                  net INDEX TAP MAC MTU [vhost] | pause | resume | raw HEX...
 *                                  each is answered with a line, 0 or -errno
 *
 * Everything else goes to berth-vmm as it is. Ends as berth-vmm does, 128 and more for a signal. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_tap(const char *name)
{
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
        int fd = open("/dev/net/tun", O_RDWR);

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
                err(2, "tap %s", name);
        return fd;
}

static int open_file(const char *path, int flags)
{
        int fd = open(path, flags, 0600);

        if (fd < 0)
                err(2, "%s", path);
        return fd;
}

static int open_socket(const char *path, int listening)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                errx(2, "%s: too long", path);
        strcpy(address.sun_path, path);
        if (fd < 0)
                err(2, "socket");
        if (listening ? bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0
                      : connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                err(2, "%s", path);
        return fd;
}

static int control = -1;

static int open_control(void)
{
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
                err(2, "socketpair");
        fcntl(pair[0], F_SETFD, FD_CLOEXEC);
        control = pair[0];
        return pair[1];
}

/* NAME=VALUE[,REST] with the value opened. */
static char *option(const char *word)
{
        char name[16] = "", value[256] = "", *made;
        const char *rest;
        int fd, n;

        if (sscanf(word, "%15[a-z]=%255[^,]", name, value) != 2)
                return strdup(word);
        rest = strchr(word, ',');
        if (strcmp(name, "kernel") == 0 || strcmp(name, "initrd") == 0)
                fd = open_file(value, O_RDONLY);
        else if (strcmp(name, "kvm") == 0)
                fd = open_file(value, O_RDWR);
        else if (strcmp(name, "console") == 0)
                fd = open_file(value, O_WRONLY | O_CREAT | O_APPEND);
        else if (strcmp(name, "disk") == 0)
                fd = open_file(value, rest && strstr(rest, ",ro") ? O_RDONLY : O_RDWR);
        else if (strcmp(name, "net") == 0)
                fd = open_tap(value);
        else if (strcmp(name, "vsock") == 0 || strcmp(name, "fs") == 0)
                fd = open_socket(value, name[0] == 'v');
        else if (strcmp(name, "control") == 0)
                fd = open_control();
        else
                return strdup(word);
        if (rest && strstr(rest, ",vhost") && strcmp(name, "net") == 0)
                n = asprintf(&made, "%s=%d%.*s,vhost=%d", name, fd, (int)(strstr(rest, ",vhost") - rest), rest,
                             open_file("/dev/vhost-net", O_RDWR));
        else
                n = asprintf(&made, "%s=%d%s", name, fd, rest ? rest : "");
        if (n < 0)
                err(2, "memory");
        return made;
}

struct net_request {
        uint32_t kind, index;
        uint8_t mac[6];
        uint16_t mtu;
};

static int32_t ask(const void *packet, size_t size, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(2 * sizeof(int))];
        } ancillary = {0};
        struct iovec part = {(void *)(uintptr_t)packet, size};
        struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
        int32_t answer;

        if (n_fds > 0) {
                ancillary.header = (struct cmsghdr){CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
                memcpy(CMSG_DATA(&ancillary.header), fds, n_fds * sizeof(int));
                head.msg_control = &ancillary;
                head.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        if (sendmsg(control, &head, MSG_NOSIGNAL) < 0 || recv(control, &answer, sizeof(answer), 0) != sizeof(answer))
                err(2, "control");
        return answer;
}

static int32_t give_tap(const char *line)
{
        struct net_request request = {.kind = 1};
        uint8_t *mac = request.mac;
        unsigned mtu;
        char tap[IFNAMSIZ];
        int32_t answer;
        int fds[2] = {-1, -1};

        if (sscanf(line, "net %u %15s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %u", &request.index, tap, mac, mac + 1, mac + 2,
                   mac + 3, mac + 4, mac + 5, &mtu) != 9)
                errx(2, "not understood: %s", line);
        request.mtu = (uint16_t)mtu;
        fds[0] = open_tap(tap);
        if (strstr(line, " vhost"))
                fds[1] = open_file("/dev/vhost-net", O_RDWR);
        answer = ask(&request, sizeof(request), fds, fds[1] < 0 ? 1 : 2);
        close(fds[0]);
        if (fds[1] >= 0)
                close(fds[1]);
        return answer;
}

static int32_t send_raw(const char *digits)
{
        uint8_t packet[64];
        size_t n = 0;
        int used;

        while (n < sizeof(packet) && sscanf(digits, "%2hhx%n", &packet[n], &used) == 1) {
                digits += used;
                n++;
        }
        return ask(packet, n, NULL, 0);
}

static void converse(void)
{
        const uint32_t pause = 2, resume = 3;
        char line[256];

        while (fgets(line, sizeof(line), stdin)) {
                if (strncmp(line, "net ", 4) == 0)
                        printf("%d\n", give_tap(line));
                else if (strcmp(line, "pause\n") == 0)
                        printf("%d\n", ask(&pause, sizeof(pause), NULL, 0));
                else if (strcmp(line, "resume\n") == 0)
                        printf("%d\n", ask(&resume, sizeof(resume), NULL, 0));
                else if (strncmp(line, "raw ", 4) == 0)
                        printf("%d\n", send_raw(line + 4));
                else
                        errx(2, "not understood: %s", line);
                fflush(stdout);
        }
}

int main(int argc, char **argv)
{
        const char *program = getenv("BERTH_VMM");
        char **words = calloc((size_t)argc + 2, sizeof(*words));
        int n = 0, status, has_kvm = 0;
        pid_t child;

        if (!program || !words)
                errx(2, "BERTH_VMM is not set");
        words[n++] = (char *)(uintptr_t)program;
        for (int i = 1; i < argc; i++) {
                has_kvm |= strncmp(argv[i], "kvm=", 4) == 0;
                words[n++] = option(argv[i]);
        }
        if (!has_kvm)
                words[n++] = option("kvm=/dev/kvm");
        if (control < 0) {
                execv(program, words);
                err(2, "%s", program);
        }
        child = fork();
        if (child == 0) {
                execv(program, words);
                err(2, "%s", program);
        }
        converse();
        if (child < 0 || waitpid(child, &status, 0) < 0)
                err(2, "%s", program);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
