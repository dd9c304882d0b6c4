/* What is asked of systemd about the unit of a container: one function for each operation of the helper. */
#pragma once

#include "cgroups/systemd/bus.h"
#include "cgroups/systemd_property.h"

/* Starts a transient unit and waits until it has started. One of that name that has failed, or that systemd is just
 * about to forget, is waited for; any other is -EEXIST. */
int unit_start(struct bus *bus, const char *unit, const struct systemd_properties *properties);

/* Changes properties until the next boot. */
int unit_set(struct bus *bus, const char *unit, const struct systemd_properties *properties);

/* Stops the unit and waits until it has stopped; a unit that is not there, or that has another description (somebody
 * else's of the same name), is success. */
int unit_stop(struct bus *bus, const char *unit, const char *description);

/* Moves a process into the unit's group, or into one below it ("/inner"). */
int unit_attach(struct bus *bus, const char *unit, const char *subgroup, uint32_t pid);
