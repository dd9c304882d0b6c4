#include "runtime/life/network_counters.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "netdev/tap.h"

/* What goes through the tap of a virtual machine goes through the interface beside it, too. */
static bool is_counted(const char *name)
{
        return strncmp(name, "lo:", 3) != 0 && strncmp(name, TAP_PREFIX, sizeof(TAP_PREFIX) - 1) != 0;
}

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop ..." */
static int parse_line(const char *line, struct network_counter *counter)
{
        const char *colon = strchr(line, ':'), *end = strchr(line, '\n');

        if (!colon || (end && colon > end))
                return 0;
        return sscanf(colon + 1,
                      "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64
                      " %" SCNu64,
                      &counter->rx_bytes, &counter->rx_packets, &counter->rx_errors, &counter->rx_dropped,
                      &counter->tx_bytes, &counter->tx_packets, &counter->tx_errors, &counter->tx_dropped) == 8;
}

int network_counters_parse(const char *text, struct arena *arena, struct network_counters *counters)
{
        size_t lines = 0;

        *counters = (struct network_counters){0};
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                lines++;
        counters->v = arena_array(arena, lines + 1, sizeof(*counters->v));
        if (!counters->v)
                return fail(ENOMEM, "read the network counters");
        for (const char *line = text; *line;) {
                struct network_counter *counter = &counters->v[counters->n];
                const char *name = line + strspn(line, " "), *next = strchr(line, '\n');

                if (parse_line(line, counter) && is_counted(name)) {
                        counter->name = arena_strndup(arena, name, (size_t)(strchr(name, ':') - name));
                        if (!counter->name)
                                return fail(ENOMEM, "read the network counters");
                        counters->n++;
                }
                line = next ? next + 1 : line + strlen(line);
        }
        return 0;
}
