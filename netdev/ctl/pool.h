/* Addresses of a network that are in use: symbolic links named by the address, whose text is the owner ("web.0").
 * Making one is one system call that fails when the address is taken; there is no counter or list that could disagree.
 * What a crash left without a record of its owner is taken over. Under the lock. */
#pragma once

#include "base/claim.h"
#include "netdev/ctl/state.h"

/* The address asked for, or (fixed->family 0) the first free one from number `start` on. Messages name the owner of one
 * that is taken. */
int pool_take(struct ctlnet *net, int pool, const struct ctlnet_address *subnet, const struct ctlnet_address *gateway,
              const struct ctlnet_address *fixed, const char *owner, uint32_t start, struct ctlnet_address *taken);

/* The same for a MAC; zero: one that follows from the owner and the network. */
int pool_take_mac(struct ctlnet *net, int pool, const char *network, const uint8_t fixed[6], const char *owner,
                  uint8_t mac[6]);

/* Takes nothing: whether pool_take would be refused the address asked for (family 0: none), or pool_take_mac the MAC.
 */
int pool_check(struct ctlnet *net, int pool, const struct ctlnet_address *subnet, const struct ctlnet_address *gateway,
               const struct ctlnet_address *fixed, const char *owner);
int pool_check_mac(struct ctlnet *net, int pool, const uint8_t fixed[6], const char *owner);

/* Gives back what the owner has, but for what the interface (NULL: nothing) still has. */
int pool_release(int pool, const char *owner, const struct interface *kept);

/* Gives back what no owner has. */
int pool_sweep(struct ctlnet *net, int pool);

/* IPv4 addresses whose owner exists; first: the first of these owners by name, NULL: not wanted. */
int pool_count(struct ctlnet *net, int pool, size_t *members, char first[CLAIM_TEXT_SIZE]);

/* What the interface has becomes another owner's, each in one step. */
int pool_hand_over(int pool, const struct interface *from, const char *to);
