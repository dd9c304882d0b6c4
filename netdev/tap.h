/* The way of a virtual machine's packets: for each interface of a network namespace a tap device, and traffic control
 * that redirects every packet which comes in by the one out by the other (sch_ingress, cls_u32 or cls_matchall,
 * act_mirred). The namespace's own network stack sees none of them, so that nobody but the guest answers for the
 * interface's addresses; what a firewall inside the namespace would do to packets does not happen either. */
#pragma once

#include "netdev/network.h"

/* Taps are named for the interface's number in its namespace: a second virtual machine in a namespace is found by it.
 */
#define TAP_PREFIX "berthtap"

/* In the caller's network namespace: makes the tap of one interface (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, not blocking,
 * the interface's MTU, up) and both redirections. *tap is the caller's; whoever holds it last takes the tap away by
 * closing it. From then on packets that come in by the interface are dropped until there is a new tap, or until
 * network_release. The interface receives all multicast, as the guest's choice of groups is not known to its kernel.
 *
 * -EBUSY when another virtual machine has it, or when somebody else's filters stand where ours would; -ENOENT where the
 * kernel lacks tun or a part of traffic control (named). After a failure nothing is left. Needs CAP_NET_ADMIN in the
 * user namespace that owns the network namespace. */
int network_tap(const struct network_interface *interface, int *tap);

/* After network_tap, where a resolver works in the caller's network namespace for the guest, as Docker's does: its own
 * questions to name servers get their answers, which would be the guest's. Its sockets get ports from
 * REDIRECT_OWN_PORTS on for that (ip_local_port_range), which no Linux guest gives to its own by itself. */
int network_keep_answers(const struct network *network);

/* Gives the interfaces of a network namespace (a descriptor, -EBADF the caller's) back to its own network stack, after
 * the machine has ended. Those that were never redirected are left alone. */
int network_release(int namespace);

/* Does a virtual machine hold the network namespace? namespace: a descriptor, -EBADF for the caller's. 0, or -EBUSY
 * with a message that names the tap. */
int network_is_held(int namespace);
