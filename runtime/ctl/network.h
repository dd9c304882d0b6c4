/* The network of a container: its settings as what netdev/ctlnet.h takes, and the steps of its life. */
#pragma once

#include "netdev/ctlnet.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/storage.h"

/* Whether there is such a network, no port or address that is none, and no fixed address that the container cannot
 * have. For create and set. */
int network_check(const struct ctl *ctl, const char *name, const struct settings *settings);

/* The setting dns. */
int network_read_servers(const struct oci_strings *dns, struct ctlnet_address servers[CTLNET_SERVERS_MAX], size_t *n);

/* Takes the addresses that the container keeps, gives back those of interfaces that it has no more, and writes its
 * /etc/resolv.conf where that is berthctl's, or the setting dns says what it is to hold. access: how its root may be
 * written to. */
int network_prepare(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access);

/* Puts links and addresses into the network namespace of `pid`, and publishes its ports. */
int network_attach(const struct ctl *ctl, const struct ctl_container *container, pid_t pid);

/* The same while its init still builds, from a mount namespace in which nothing may be left running: true when
 * everything is attached; otherwise network_attach does it, and says why it cannot. */
bool network_attach_early(const struct ctl *ctl, const struct ctl_container *container, pid_t pid);

/* One interface, by its index: attaches it to a container that runs, or takes it and its addresses away (pid 0: from
 * one that does not run). */
int network_attach_one(const struct ctl *ctl, const struct ctl_container *container, pid_t pid, unsigned index);
int network_drop_one(const struct ctl *ctl, const char *name, pid_t pid, unsigned index);

/* Undoes what stands for it in the host; no error when there is nothing. */
int network_detach(const struct ctl *ctl, const char *name);

/* Gives its addresses back. */
int network_forget(const struct ctl *ctl, const char *name);
int network_rename(const struct ctl *ctl, const char *from, const char *to);

/* Changes rates and published ports of a container that runs. */
int network_update(const struct ctl *ctl, const struct ctl_container *container);

/* False: it has no such interface. */
bool network_show(struct ctlnet *net, const char *name, unsigned index, struct ctlnet_result *result);

/* NULL when nothing has been made yet, or it cannot be opened: for looking only. */
struct ctlnet *network_open_quietly(const struct ctl *ctl);
