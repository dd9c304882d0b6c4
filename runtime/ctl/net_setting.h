/* An interface as the settings say it: "NET[,KEY=VALUE...]", such as "lab,ip=10.20.0.5,mac=02:00:5e:10:00:01". Pure. */
#pragma once

#include "netdev/ctlnet.h"
#include "runtime/ctl/settings.h"

#define NET_MAX 80

struct net_setting {
        char net[NET_MAX]; /* as ctlnet_parse_net takes it */
        unsigned index;    /* of its name inside: eth0 is 0 */
        bool named;        /* "name=ethN"; else it gets the first index that is free */
        struct ctlnet_address ipv4, ipv6, gateway4, gateway6;
        uint8_t mac[6]; /* zero: allocated */
        unsigned mtu;   /* 0: the network's */
        bool allow_spoofing;
};

/* "web" of "container:web", else NULL. */
const char *net_other(const char *net);

/* 0 or a bare -EINVAL. */
int net_setting_parse(const char *text, struct net_setting *setting);

/* All that are managed, in their order, with their indexes; the first has the keys ip, ip6 and mac, too. *n is 0 for
 * those that stand alone. Messages. */
int net_settings_read(const struct settings *settings, struct net_setting v[CTLNET_INTERFACES_MAX], size_t *n);

/* The other way; the keys ip, ip6 and mac go. None: "none". Each keeps its index: where that does not follow from the
 * order, the names are written, too. Messages. */
int net_settings_write(struct settings *settings, const struct net_setting *v, size_t n);
