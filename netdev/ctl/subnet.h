/* Arithmetic of addresses. Pure. */
#pragma once

#include "netdev/ctlnet.h"

/* Addresses of a subnet beyond this are not given out. */
#define SUBNET_HOSTS_MAX (1U << 20)

bool subnet_holds(const struct ctlnet_address *subnet, const struct ctlnet_address *address);
bool subnet_overlaps(const struct ctlnet_address *a, const struct ctlnet_address *b);
bool subnet_same_ip(const struct ctlnet_address *a, const struct ctlnet_address *b);

/* First address (the subnet itself) and last one, with all bits as prefix. */
struct ctlnet_address subnet_first(const struct ctlnet_address *subnet);
struct ctlnet_address subnet_last(const struct ctlnet_address *subnet);

/* How many addresses can be given out, numbered from 1 to the result: neither the first (the network; for IPv6 the
 * routers' anycast address) nor IPv4's last one (broadcast). */
uint32_t subnet_hosts(const struct ctlnet_address *subnet);

/* Number `host` with the subnet's prefix. */
struct ctlnet_address subnet_host(const struct ctlnet_address *subnet, uint32_t host);

/* False for what no container can have: the network's and the broadcast address, or outside of the subnet. */
bool subnet_is_host(const struct ctlnet_address *subnet, const struct ctlnet_address *address);

/* The n-th candidate for a network's own subnet, from 10.64.0.0/10 in an order that depends on the name. There are
 * SUBNET_CANDIDATES. */
#define SUBNET_CANDIDATES 1024
struct ctlnet_address subnet_candidate4(const char *name, unsigned n);

/* A ULA /64 (RFC 4193) of 40 random bits. */
struct ctlnet_address subnet_ula(const uint8_t random[5]);
