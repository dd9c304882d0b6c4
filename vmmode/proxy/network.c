/* The container's network as it is when the container starts: engines may make it between create and start. Taps need
 * privileges in the network namespace, which the box has given up by then: a helper keeps them for that one request. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "netdev/network.h"
#include "netdev/tap.h"
#include "vmmode/proxy/helper.h"

#define READY_DEADLINE_MS 10000
#define TAPS_DEADLINE_MS  30000
#define NETWORK_MOST      ((size_t)1024 * 1024)

/* The network (a file in memory) and a tap for each of its interfaces. */
#define ANSWER_FDS (1 + NETWORK_INTERFACES_MAX)

/* ---- the helper ---- */

static int make_taps(const struct proxy *proxy, const struct network *network, int *taps)
{
        /* The machine has so many network devices from its beginning; each interface takes the next one. */
        if (network->n_interfaces > proxy->options.nics)
                return refuse(E2BIG, "the network namespace has %zu interfaces, the machine only %llu network devices",
                              network->n_interfaces, (unsigned long long)proxy->options.nics);
        for (size_t i = 0; i < network->n_interfaces; i++) {
                int r = network_tap(&network->interfaces[i], &taps[i]);

                if (r < 0)
                        return fail_in(r, "interface %s", network->interfaces[i].name);
        }
        return 0;
}

static int network_file(const struct network *network)
{
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r = network_write(network, &data, &size), fd;

        if (r < 0)
                return r;
        fd = memfd_sealed("berth-network", data, size, false);
        return fd < 0 ? fail(-fd, "store the network") : fd;
}

/* The number of descriptors to be sent. */
static int read_and_tap(const struct proxy *proxy, int fds[ANSWER_FDS])
{
        struct network network;
        int r = network_read(&network);

        if (r < 0)
                return r;
        r = make_taps(proxy, &network, fds + 1);
        if (r == 0 && resolver_listens())
                r = network_keep_answers(&network);
        if (r == 0) {
                fds[0] = network_file(&network);
                r = fds[0] < 0 ? fds[0] : 1 + (int)network.n_interfaces;
        }
        network_free(&network);
        return r;
}

/* The box leaves the host's file system meanwhile, and everybody with it who is in its mount namespace: the helper
 * needs /dev/net/tun and /proc/sys/net, so it has one of its own. */
static int keep_network(const struct proxy *proxy)
{
        int fds[ANSWER_FDS];
        int r = unshare(CLONE_NEWNS) < 0 ? fail(errno, "keep a mount namespace for the network") : 0;
        char word;

        if (helper_answer(r, NULL, 0) < 0 || r < 0 ||
            receive_message(HELPER_SOCKET, &word, sizeof(word), NULL, 0, -1) <= 0)
                return EXIT_FAILURE;
        r = read_and_tap(proxy, fds);
        return helper_answer(r, fds, r < 0 ? 0 : (size_t)r) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the box ---- */

int network_open(struct proxy *proxy)
{
        int r = helper_start(proxy, "berth-network", keep_network, -EBADF, &proxy->network);

        return r < 0 ? r
                     : helper_hear(proxy, proxy->network, "prepare the network", NULL, 0, now_ms() + READY_DEADLINE_MS);
}

static int plug_interfaces(struct proxy *proxy, const struct network *network, const int *taps)
{
        for (size_t i = 0; i < network->n_interfaces; i++) {
                const struct network_interface *interface = &network->interfaces[i];
                int r = machine_plug(proxy, (unsigned)i, interface->mac, (uint16_t)interface->mtu, taps[i]);

                if (r < 0)
                        return fail_in(r, "interface %s", interface->name);
        }
        return 0;
}

static int tell_guest(struct proxy *proxy, const char *data, size_t size)
{
        struct message_builder message;

        message_begin(&message, MESSAGE_NETWORK);
        message_put(&message, PART_NETWORK, data, size);
        return session_request(proxy, &message, "the guest's network");
}

static int use_answer(struct proxy *proxy, size_t n_fds, const int fds[ANSWER_FDS])
{
        _cleanup_free_ char *data = NULL;
        struct network network;
        size_t size;
        int r = lseek(fds[0], 0, SEEK_SET) < 0 ? -errno : read_all(fds[0], NETWORK_MOST, &data, &size);

        if (r < 0)
                return fail(-r, "read the container's network");
        r = network_parse(data, size, &network);
        if (r < 0)
                return r;
        if (n_fds != 1 + network.n_interfaces)
                r = refuse(EIO, "an interface of the container's network has no tap");
        if (r == 0)
                r = plug_interfaces(proxy, &network, fds + 1);
        if (r == 0)
                r = tell_guest(proxy, data, size);
        network_free(&network);
        return r;
}

int network_connect(struct proxy *proxy)
{
        int fds[ANSWER_FDS];
        int r = send_message(proxy->network, "n", 1, NULL, 0);

        if (r < 0)
                return fail(-r, "ask for the container's network");
        r = helper_hear(proxy, proxy->network, "read the network namespace", fds, ANSWER_FDS,
                        now_ms() + TAPS_DEADLINE_MS);
        if (r < 0)
                return r;
        r = use_answer(proxy, (size_t)r, fds);
        for (size_t i = 0; i < ANSWER_FDS; i++)
                replace_fd(&fds[i], -EBADF);
        /* Those of devices that stay without an interface, too: each is memory of the kernel's. */
        while (proxy->options.n_vhosts > 0)
                close(proxy->options.vhosts[--proxy->options.n_vhosts]);
        replace_fd(&proxy->network, -EBADF);
        return r;
}
