/* The network that the host describes (netdev/network.h), in the machine's own namespace. */
#pragma once

#include "vmmode/agent/agent.h"
#include "vmmode/protocol/message.h"

/* Loads the drivers that have waited for it and carries out the message's NETWORK. */
int network_bring_up(const struct agent *agent, const struct message *message);
