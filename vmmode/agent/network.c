#include "vmmode/agent/network.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/network.h"
#include "netdev/nics.h"
#include "vmmode/agent/modules.h"

/* The machine has more network devices than the container has interfaces: only those that are described get a driver.
 */
static int bind_nics(const struct agent *agent, const struct message_part *part)
{
        _cleanup_close_ int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct network network;
        unsigned n;
        int r = network_parse(part->data, part->size, &network);

        if (r < 0)
                return r;
        n = (unsigned)network.n_interfaces;
        network_free(&network);
        if (sys < 0)
                return fail(errno, "open /sys");
        if (n > 0) {
                r = nics_hold_back(sys);
                if (r < 0)
                        return r;
                modules_load(agent->modules, MODULES_LATE);
        }
        r = nics_bind(sys, n);
        /* No driver, and nobody who needs one. */
        if (r == -ENOENT && n == 0) {
                error_clear();
                return 0;
        }
        return r;
}

int network_bring_up(const struct agent *agent, const struct message *message)
{
        struct message_part part;
        int r;

        if (!message_part(message, PART_NETWORK, &part))
                return refuse(EBADMSG, "a network without a description");
        r = agent->machine ? bind_nics(agent, &part) : 0;
        return r < 0 ? r : network_apply(part.data, part.size);
}
