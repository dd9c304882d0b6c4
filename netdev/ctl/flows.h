/* Whereto NAT leads a connection is decided by its first packet. One of UDP ends only when nobody has sent anything for
 * half a minute or more: who goes on asking from the same port stays with what was there before a port was published,
 * or was published by somebody else. */
#pragma once

#include "netdev/ctl/nft.h"

/* Ends what the kernel knows of connections of UDP to these published ports: the next packet is a first one. Elements
 * that are no ports do not count. What fails stays until it ends by itself. */
void flows_forget(struct nft *nft, const struct nft_elements *elements);
