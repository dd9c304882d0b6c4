#include "vmmode/agent/network.h"

#include <errno.h>

#include "base/error.h"
#include "vmmode/agent/modules.h"

int network_bring_up(const struct agent *agent, const struct message *message)
{
        struct message_part part;

        if (!message_part(message, PART_NETWORK, &part))
                return refuse(EBADMSG, "a network without a description");
        modules_load(agent->modules, MODULES_LATE);
        return refuse(ENOSYS, "the agent brings no network up yet");
}
