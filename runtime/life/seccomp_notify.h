/* Handing the listener of SCMP_ACT_NOTIFY to the agent of the operator (runtime-spec "The Container Process State"). */
#pragma once

#include <sys/types.h>

/* How long the agent may take to accept and read. */
#define SECCOMP_NOTIFY_TIMEOUT_MS 10000

struct seccomp_notification {
        const char *listener_path; /* linux.seccomp.listenerPath: a unix stream socket */
        const char *metadata;      /* linux.seccomp.listenerMetadata, NULL: none */
        const char *oci_version;
        pid_t pid;         /* the process with the filter, as the runtime sees it */
        const char *state; /* the container's state, a JSON object */
};

/* The JSON text, malloc'ed, the caller's. -ENOMEM, or -EINVAL when metadata is no UTF-8. */
int seccomp_notification_json(const struct seccomp_notification *notification, char **json, size_t *size);

/* Connects, sends the text with `listener` in the first packet, and closes the connection. The caller keeps `listener`.
 */
int seccomp_notify(const struct seccomp_notification *notification, int listener);
