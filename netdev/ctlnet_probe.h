/* Whether the kernel has what networks of berthctl are made of: tried, in the caller's network namespace, which must be
 * one of its own with nothing in it. What was made goes with the namespace. Messages. */
#pragma once

enum ctlnet_part {
        CTLNET_PART_BRIDGE,  /* and the cables to it */
        CTLNET_PART_MACVLAN, /* a container's own address on a card of the host */
        CTLNET_PART_VLAN,
        CTLNET_PART_FILTER, /* the tables of nftables: NAT, published ports, anti-spoofing */
        CTLNET_PART_RATES,  /* what limits the rate out of a container */
};

int ctlnet_probe(enum ctlnet_part part);

/* In the host's network namespace: whether no table of others drops the packets of containers by its policy, whatever
 * ours say ("ip filter FORWARD" of Docker and ufw). */
int ctlnet_probe_forward(void);
