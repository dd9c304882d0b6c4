/* A session keyring of its own for the container (session-keyring(7)). */
#pragma once

#include <stdbool.h>

/* Joins a new session keyring "_ses.<id>" and lets the container search it: its user, or everybody when the container
 * has a user namespace, where the keyring's owner is not the container's root.
 *
 * A kernel without keyrings (-ENOSYS) is success: there is nothing to separate. Everything else is an error, also
 * -EDQUOT (the owner's key quota is used up) and -EPERM (an outer seccomp filter): going on would leave the host's
 * session keyring to the container. The messages name /proc/sys/kernel/keys/maxkeys and --no-new-keyring. */
int keyring_join(const char *id, bool user_namespace);
