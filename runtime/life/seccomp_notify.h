/* Handing the listener of SCMP_ACT_NOTIFY to the agent of the operator (runtime-spec "The Container Process State"). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* How long the agent may take to accept and to make room for the text. */
#define SECCOMP_NOTIFY_SECONDS 10

struct seccomp_notification {
        const char *listener_path; /* linux.seccomp.listenerPath: a unix stream socket */
        const char *metadata;      /* linux.seccomp.listenerMetadata, NULL: none */
        const char *oci_version;
        pid_t pid;         /* the process with the filter, as the runtime sees it */
        const char *state; /* the container's state, a JSON object */
};

/* The JSON text of the container process state, malloc'ed, the caller's. -ENOMEM with a message. */
int seccomp_notification_json(const struct seccomp_notification *notification, char **json);

/* Connects, sends the text with `listener` beside its first bytes, and closes the connection. The caller keeps
 * `listener`. The message names the socket; -ETIMEDOUT when nobody accepts or reads. */
int seccomp_notify(const struct seccomp_notification *notification, int listener);
