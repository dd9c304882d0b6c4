/* A container that a command works on: loaded, locked against other commands, with its row and target. */
#pragma once

#include "runtime/core/isolation.h"
#include "runtime/life/record.h"

struct handle {
        struct container container;
        int lock_fd;
        struct isolation_target target;
        const struct isolation_row *row;
};

#define HANDLE_LOCK_DEADLINE_MS 60000

/* lock: wait for other commands on this container, at most HANDLE_LOCK_DEADLINE_MS; what is loaded is what they left.
 */
int handle_open(struct handle *handle, struct runtime *runtime, const char *id, bool lock);
void handle_close(struct handle *handle);

/* The lock alone. -ENOENT with MESSAGE_NOT_EXIST when there is no such container (any more). */
int handle_lock(struct runtime *runtime, const char *id, int *lock_fd);

/* The configuration as create saved it. *spec is the caller's. */
int handle_spec(const struct handle *handle, struct oci_spec **spec);

#define _cleanup_handle_ _cleanup_(handle_close)
#define HANDLE_NONE                                                                                                    \
        {                                                                                                              \
                .container = {.dir_fd = -EBADF}, .lock_fd = -EBADF, .target = {.pidfd = -EBADF, .cgroup = -EBADF }     \
        }
