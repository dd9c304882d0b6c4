/* Id maps of user namespaces, written from outside. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "oci/spec.h"

/* Writes the maps of the user namespace of `pid`, directly with privilege (CAP_SETUID and CAP_SETGID), through
 * newuidmap(1) and newgidmap(1) without; a lone self-map of an ordinary user needs neither (setgroups is denied then,
 * as the kernel demands: CVE-2014-8989). procfs: the host's. */
int idmap_write(int procfs, pid_t pid, const struct oci_id_maps *uids, const struct oci_id_maps *gids, bool privileged);

/* Maps the user and the group that the caller had before it entered its new user namespace to themselves. */
int idmap_keep_self(int procfs, uid_t uid, gid_t gid);

/* The host's id of an id inside; false: it has none. */
bool idmap_host_id(const struct oci_id_maps *maps, uint32_t *id);

/* A user namespace that has these maps and no other purpose: what an id-mapped mount is mapped by. Returns its
 * descriptor. Needs privilege. */
int idmap_namespace(int procfs, const struct oci_id_maps *uids, const struct oci_id_maps *gids);
