/* What berth does with a container's network for a virtual machine, without one: the programs around netdev/network.h
 * and netdev/tap.h, each in the network namespace in which it is started.
 *
 *      network read FILE        write what the namespace has into FILE
 *      network apply FILE       make it
 *      network held             does a virtual machine hold the namespace?
 *      network release          end the redirection of every interface
 *      network machine GUEST    be the machine: a tap for every interface here, another as the guest's device in the
 *                               network namespace of the file GUEST, where the network is made; "ready" on stdout;
 *                               copies packets between the two, with their virtio headers, until stdin ends
 *      network mute             the same without a guest: what comes to the taps is dropped
 *      network advertise INTERFACE PREFIX
 *                               be a router: send one advertisement of itself and of a /64 network
 *
 * Errors are one line on stderr and status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "netdev/network.h"
#include "netdev/tap.h"

#define BYTES_MAX   ((size_t)1024 * 1024)
#define FRAME_MAX   (65550 + 12)
#define HEADER_SIZE 12 /* struct virtio_net_hdr_v1 */
#define TURN        64 /* packets of one device before the others are looked at */

static void print_line(enum log_level level, const char *message)
{
        fprintf(stderr, "%s: %s\n", level == LOG_LEVEL_WARNING ? "warning" : "debug", message);
}

static int save(const struct network *network, const char *path)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r = network_write(network, &data, &size);

        if (r == 0)
                r = fd < 0 ? -errno : write_all(fd, data, size);
        return r < 0 ? fail(-r, "write %s", path) : 0;
}

static int do_read(const char *path)
{
        _cleanup_(network_free) struct network network = {0};
        int r = network_read(&network);

        return r < 0 ? r : save(&network, path);
}

static int do_apply(const char *path)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = read_file_at(AT_FDCWD, path, BYTES_MAX, &data, &size);

        return r < 0 ? fail(-r, "read %s", path) : network_apply(data, size);
}

static int do_release(void)
{
        return network_release(-EBADF);
}

/* ---- the machine ---- */

struct machine {
        struct network network;
        int taps[NETWORK_INTERFACES_MAX], devices[NETWORK_INTERFACES_MAX];
};

static void free_machine(struct machine *machine)
{
        for (size_t i = 0; i < NETWORK_INTERFACES_MAX; i++) {
                cleanup_close(&machine->taps[i]);
                cleanup_close(&machine->devices[i]);
        }
        network_free(&machine->network);
}

/* As the virtual machine's device does when the guest's driver has come. */
static int take_offloads(int tap)
{
        int header = HEADER_SIZE;

        if (ioctl(tap, TUNSETVNETHDRSZ, &header) < 0 ||
            ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
                return fail(errno, "set the offloads of a tap");
        return 0;
}

static int open_taps(struct machine *machine)
{
        int r = network_read(&machine->network);

        for (size_t i = 0; r == 0 && i < machine->network.n_interfaces; i++) {
                r = network_tap(&machine->network.interfaces[i], &machine->taps[i]);
                if (r == 0)
                        r = take_offloads(machine->taps[i]);
        }
        return r;
}

/* A device as the guest's kernel finds it: its own name, the MAC, down. */
static int open_device(const struct network_interface *interface, int place, int *device)
{
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        _cleanup_close_ int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

        snprintf(request.ifr_name, sizeof(request.ifr_name), "eth%d", place);
        if (fd < 0 || control < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
                return fail(errno, "make the guest's device %d", place);
        memset(&request.ifr_hwaddr, 0, sizeof(request.ifr_hwaddr));
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(request.ifr_hwaddr.sa_data, interface->mac, sizeof(interface->mac));
        if (ioctl(control, SIOCSIFHWADDR, &request) < 0)
                return fail(errno, "set the MAC of the guest's device %d", place);
        *device = take_fd(&fd);
        return take_offloads(*device);
}

static int open_guest(struct machine *machine, const char *path)
{
        _cleanup_close_ int guest = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r = 0;

        if (guest < 0 || setns(guest, CLONE_NEWNET) < 0)
                return fail(errno, "enter %s", path);
        /* The last interface is the first device: their order says nothing. */
        for (size_t i = 0; r == 0 && i < machine->network.n_interfaces; i++)
                r = open_device(&machine->network.interfaces[i], (int)(machine->network.n_interfaces - 1 - i),
                                &machine->devices[i]);
        if (r == 0)
                r = network_write(&machine->network, &data, &size);
        return r < 0 ? r : network_apply(data, size);
}

static void copy_packets(int from, int to)
{
        static char frame[FRAME_MAX];
        ssize_t n = 1;

        for (int i = 0; i < TURN && n > 0; i++) {
                n = read(from, frame, sizeof(frame));
                /* What the other side does not take is lost, as on a wire. */
                if (n > 0 && to >= 0)
                        (void)!write(to, frame, (size_t)n);
        }
}

static int copy_until_the_end(const struct machine *machine)
{
        struct pollfd events[1 + 2 * NETWORK_INTERFACES_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        size_t n = machine->network.n_interfaces;
        char byte;

        for (size_t i = 0; i < n; i++) {
                events[1 + 2 * i] = (struct pollfd){.fd = machine->taps[i], .events = POLLIN};
                events[2 + 2 * i] = (struct pollfd){.fd = machine->devices[i], .events = POLLIN};
        }
        puts("ready");
        fflush(stdout);
        while (!events[0].revents || read(STDIN_FILENO, &byte, 1) > 0) {
                if (poll(events, 1 + 2 * n, -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for packets");
                for (size_t i = 0; i < n; i++) {
                        if (events[1 + 2 * i].revents)
                                copy_packets(machine->taps[i], machine->devices[i]);
                        if (events[2 + 2 * i].revents)
                                copy_packets(machine->devices[i], machine->taps[i]);
                }
        }
        return 0;
}

static int do_machine(const char *guest)
{
        _cleanup_(free_machine) struct machine machine = {0};
        int r;

        for (size_t i = 0; i < NETWORK_INTERFACES_MAX; i++)
                machine.taps[i] = machine.devices[i] = -EBADF;
        r = open_taps(&machine);
        if (r == 0 && guest)
                r = open_guest(&machine, guest);
        return r < 0 ? r : copy_until_the_end(&machine);
}

/* ---- a router ---- */

struct advertisement {
        struct nd_router_advert router;
        struct nd_opt_prefix_info network;
};

static int do_advertise(const char *interface, const char *prefix)
{
        struct advertisement packet = {
                .router = {.nd_ra_type = ND_ROUTER_ADVERT,
                           .nd_ra_curhoplimit = 64,
                           .nd_ra_router_lifetime = htons(1800)},
                .network = {.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION,
                            .nd_opt_pi_len = sizeof(packet.network) / 8,
                            .nd_opt_pi_prefix_len = 64,
                            .nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
                            .nd_opt_pi_valid_time = htonl(3600),
                            .nd_opt_pi_preferred_time = htonl(1800)},
        };
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = if_nametoindex(interface)};
        _cleanup_close_ int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
        int hops = 255;

        if (inet_pton(AF_INET6, "ff02::1", &to.sin6_addr) != 1 ||
            inet_pton(AF_INET6, prefix, &packet.network.nd_opt_pi_prefix) != 1)
                return refuse(EINVAL, "no prefix: %s", prefix);
        if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
            sendto(fd, &packet, sizeof(packet), 0, (const struct sockaddr *)&to, sizeof(to)) != sizeof(packet))
                return fail(errno, "advertise by %s", interface);
        return 0;
}

int main(int argc, char **argv)
{
        const char *verb = argc > 1 ? argv[1] : "";
        int r;

        log_set_sink(print_line, LOG_LEVEL_WARNING);
        if (argc == 3 && strcmp(verb, "read") == 0)
                r = do_read(argv[2]);
        else if (argc == 3 && strcmp(verb, "apply") == 0)
                r = do_apply(argv[2]);
        else if (argc == 3 && strcmp(verb, "machine") == 0)
                r = do_machine(argv[2]);
        else if (argc == 4 && strcmp(verb, "advertise") == 0)
                r = do_advertise(argv[2], argv[3]);
        else if (argc == 2 && strcmp(verb, "mute") == 0)
                r = do_machine(NULL);
        else if (argc == 2 && strcmp(verb, "held") == 0)
                r = network_is_held(-EBADF);
        else if (argc == 2 && strcmp(verb, "release") == 0)
                r = do_release();
        else
                r = refuse(
                        EINVAL,
                        "usage: network read|apply|machine FILE | mute | held | release | advertise INTERFACE PREFIX");
        if (r < 0)
                fprintf(stderr, "network: %s\n", error_message());
        return r < 0;
}
