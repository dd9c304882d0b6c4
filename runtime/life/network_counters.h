/* /proc/PID/net/dev (proc(5)): what the interfaces of a network namespace have carried. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct network_counter {
        const char *name;
        uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
        uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct network_counters {
        size_t n;
        struct network_counter *v;
};

/* The text, without "lo" and the taps of a virtual machine (netdev/tap.h). Lines that are none of the format are left
 * out. Pure; -ENOMEM with a message. */
int network_counters_parse(const char *text, struct arena *arena, struct network_counters *counters);
