/* The eight kinds of namespaces: their flags and files, and opening one that exists. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"

struct namespace_kind {
        const char *name; /* in config.json */
        const char *file; /* in /proc/PID/ns */
        int flag;         /* CLONE_NEW* */
};

/* Indexed by enum oci_namespace_kind. */
extern const struct namespace_kind namespace_kinds[OCI_NS_KINDS];

/* Opens the namespace at `path` and checks that it is one of `kind` (NS_GET_NSTYPE). Returns the descriptor. */
int namespace_open(enum oci_namespace_kind kind, const char *path);

/* True when this process is in a user namespace, not in the host's own: its privileges end where the host's begin. */
bool namespace_is_below_hosts_user(void);

/* True when the namespace belongs to the user namespace `user`: it can be joined only after that one was entered. */
bool namespace_is_owned_by(int ns, int user);
