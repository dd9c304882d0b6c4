/* What a network and an attached interface are in the tables. Pure. */
#pragma once

#include "netdev/ctl/state.h"

void elements_of_network(const struct ctlnet_network *network, struct nft_elements *elements);

/* network: NULL where the interface has none. */
void elements_of_interface(const struct ctlnet_network *network, const struct interface *interface,
                           struct nft_elements *elements);

/* The published ports alone. */
void elements_of_publish(const struct interface *interface, struct nft_elements *elements);
