/* The systemd cgroup driver: a container's group is a transient scope, made and removed by systemd
 * (cgroups/systemd_call.h) and berth's between the two (Delegate=yes).
 *
 *   find     names, sub-group and properties; nothing is touched
 *   begin    a carrier (core/carrier.h), and systemd is asked for a scope with the carrier in it
 *   finish   the scope is there, and where
 *   remove   systemd collects an empty scope by itself; whatever does not go so is stopped
 *
 * One request for a container's life where all goes well: nothing else speaks to systemd but update. */
#pragma once

#include "cgroups/cgroup.h"
#include "cgroups/systemd_call.h"
#include "cgroups/systemd_names.h"
#include "runtime/core/carrier.h"
#include "runtime/life/handle.h"
#include "runtime/life/record.h"

struct scope {
        struct systemd_names names;
        struct systemd_properties properties;
        struct carrier carrier;
        struct systemd_call call;
};

#define SCOPE_NONE                                                                                                     \
        {                                                                                                              \
                .carrier = CARRIER_NONE, .call = SYSTEMD_CALL_NONE                                                     \
        }

/* Fills scope, and in the record systemd_unit, systemd_user and subgroup. */
int scope_find(struct scope *scope, const struct runtime *runtime, const char *id, const struct oci_spec *spec,
               const struct cgroup_writes *writes, struct record *record);

/* To be called when the record is on disk. */
int scope_begin(struct scope *scope, struct record *record);

/* Waits for what scope_begin asked for; fills the record's cgroup. interrupt: a descriptor that ends the wait. After a
 * failure there is no scope, and none in the record, but where the answer was not heard. */
int scope_finish(struct scope *scope, struct record *record, int interrupt);

/* Refuses a frozen group, and sees to it that the scope has the controllers that the writes need: systemd enables those
 * that it knows, berth the others, and for the system's scopes all that the tree has (cgroup_create). One that an
 * ordinary user was not given is an error that names the field. */
int scope_prepare_group(int cgroup_fd, const struct record *record, const struct cgroup_writes *writes);

/* Makes the sub-group, puts the carrier there, and gives it the scope's controllers. Returns a descriptor of the group
 * that the container's processes are in: the scope's when there is no sub-group. */
int scope_enter_subgroup(const struct scope *scope, int cgroup_fd, const struct record *record);

/* Ends the carrier and the request, if they are there. */
void scope_drop(struct scope *scope);

/* Removes the scope of a container whose processes are gone. */
int scope_remove(const struct record *record, int64_t deadline);

/* update: systemd is told, then the exact values are written. When one fails, the old ones are put back in both. */
int scope_update(struct handle *handle, const struct cgroup_writes *writes, struct arena *arena);

/* Moves a carrier into the group `below` ("/", "/inner") of a container's scope, for exec. */
int scope_attach(const struct record *record, const char *below, const struct carrier *carrier, int interrupt);
