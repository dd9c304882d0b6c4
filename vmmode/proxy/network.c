/* The container's network as it is when the container starts: engines may make it between create and start. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/network.h"
#include "netdev/tap.h"
#include "vmmode/proxy/proxy.h"

/* The machine has so many network devices from its beginning; each interface takes the next one. */
static int plug_interfaces(struct proxy *proxy, const struct network *network)
{
        if (network->n_interfaces > proxy->options.nics)
                return refuse(E2BIG, "the network namespace has %zu interfaces, the machine only %llu network devices",
                              network->n_interfaces, (unsigned long long)proxy->options.nics);
        for (size_t i = 0; i < network->n_interfaces; i++) {
                const struct network_interface *interface = &network->interfaces[i];
                _cleanup_close_ int tap = -EBADF;
                int r = network_tap(interface, &tap);

                if (r == 0)
                        r = machine_plug(proxy, (unsigned)i, interface->mac, (uint16_t)interface->mtu, tap);
                if (r < 0)
                        return fail_in(r, "interface %s", interface->name);
        }
        return 0;
}

static int tell_guest(struct proxy *proxy, const struct network *network)
{
        _cleanup_free_ void *data = NULL;
        struct message_builder message;
        size_t size;
        int r = network_write(network, &data, &size);

        if (r < 0)
                return r;
        message_begin(&message, MESSAGE_NETWORK);
        message_put(&message, PART_NETWORK, data, size);
        return session_request(proxy, &message, "the guest's network");
}

int network_connect(struct proxy *proxy)
{
        struct network network;
        int r = network_read(&network);

        if (r < 0)
                return r;
        r = plug_interfaces(proxy, &network);
        if (r == 0)
                r = tell_guest(proxy, &network);
        network_free(&network);
        return r;
}
