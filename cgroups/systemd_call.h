/* Asking systemd: each request is one run of the helper program berth-systemd (cgroups/systemd/), so that berth itself
 * stays static and a D-Bus that hangs can be given up. The helper keeps the deadline, and is killed when it does not.
 *
 * user: the manager of this user, not the system's. interrupt: a descriptor that ends the wait with -EINTR when it
 * becomes readable, -EBADF none. Errors: -EEXIST a unit of that name is there, -ETIMEDOUT systemd has not answered,
 * what systemd refuses with; -ECHILD and -EINTR: the helper was killed, and nobody knows what systemd makes of the
 * request. The message says what was asked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/process.h"
#include "cgroups/systemd_property.h"

/* As long as D-Bus waits by itself. systemd answers in milliseconds, but not while it reloads a thousand units. */
#define SYSTEMD_DEADLINE_MS 20000

struct systemd_call {
        struct process_call process;
        int timeout_ms;
};

#define SYSTEMD_CALL_NONE                                                                                              \
        {                                                                                                              \
                .process = PROCESS_CALL_NONE                                                                           \
        }

/* Starts a transient unit; systemd_finish waits until it has started. */
int systemd_begin_start(bool user, const char *unit, const struct systemd_properties *properties,
                        struct systemd_call *call);
int systemd_finish(struct systemd_call *call, int interrupt);
/* Gives up what is under way, if anything is. */
void systemd_drop(struct systemd_call *call);

/* Changes properties until the next boot. */
int systemd_set(bool user, const char *unit, const struct systemd_properties *properties);

/* Stops the unit and waits for it. One that is not there, or that has another description, is success. */
int systemd_stop(bool user, const char *unit, const char *description, int timeout_ms);

/* Moves a process into the unit's group, or into one below it that exists ("/inner"). */
int systemd_attach(bool user, const char *unit, const char *subgroup, pid_t pid, int interrupt);
