/* A connection to systemd over D-Bus that never waits longer than it was told: the connection, every call and every
 * signal have one deadline together. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define MANAGER_DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH        "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE   "org.freedesktop.systemd1.Manager"

struct bus {
        sd_bus *bus;
        bool direct;      /* systemd itself is at the other end, not a message bus */
        int64_t deadline; /* monotonic ms (base/io.h) */
};

/* Connects to the manager of the system, or of this user. The messages of everything here say what was asked of whom.
 */
int bus_open(struct bus *bus, bool user, int64_t deadline);
void bus_close(struct bus *bus);

/* A new call of the manager. NULL with a message when memory is short. */
sd_bus_message *bus_manager_call(struct bus *bus, const char *member);

/* Sends the call and waits for the answer. error: what systemd says instead, freed by the caller, who may look at its
 * name; it is in the message, too. *reply may be NULL: not wanted. */
int bus_call(struct bus *bus, sd_bus_message *call, sd_bus_message **reply, sd_bus_error *error);

/* Handles what comes, and waits for more, until *done or the deadline (the bus's, or an earlier one): -ETIMEDOUT bare
 * in that case. */
int bus_serve(struct bus *bus, const bool *done, int64_t deadline);
