/* Traffic control that takes every packet which comes in by one interface and sends it out by another. */
#pragma once

#include "netdev/netlink.h"

/* name: of `from`, for messages. What an earlier redirection left is replaced. -EBUSY when somebody else's filters
 * stand on what comes in by it; -ENOENT when the kernel lacks sch_ingress, cls_u32 and cls_matchall, or act_mirred. */
int redirect_add(struct netlink *netlink, int from, const char *name, int to);

/* Leaves out of one that was added, for the namespace's own stack, answers of name servers (from port 53, UDP and TCP
 * over IPv4) to ports from REDIRECT_OWN_PORTS (a multiple of 4096) on. Replies of ARP go both ways. */
#define REDIRECT_OWN_PORTS 61440
int redirect_keep_answers(struct netlink *netlink, int from, const char *name, int to);

/* Takes it away, and the place for filters with it when nothing else is there. 1: there was one; 0: there was none, and
 * nothing is touched. */
int redirect_remove(struct netlink *netlink, int from, const char *name);
