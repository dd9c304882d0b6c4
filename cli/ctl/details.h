/* A container as list and info tell of it. */
#pragma once

#include "oci/json_write.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/usage.h"

struct details {
        const struct ctl_container *container;
        struct ctl_status status;
        struct ctlnet *net;            /* NULL: no addresses */
        struct storage_usage *storage; /* NULL: not looked at */
        struct usage *usage;           /* NULL: not looked at, or it does not run */
};

/* Puts an object: state, network, what it uses, settings. */
void details_put_json(struct json_writer *json, const struct details *details);

/* Its interfaces, and how many: none where settings are damaged, or say host, none or another container's. */
size_t details_nets(const struct settings *settings, struct net_setting nets[CTLNET_INTERFACES_MAX]);
