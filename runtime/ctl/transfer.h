/* A whole container as one file, to be kept or brought to another host: a tar archive with the entries
 *   settings      as in its directory
 *   rootfs/...    with owners as they are seen inside, extended attributes, ACLs, hard links and holes
 *   complete      the last one
 * Snapshots and volumes are not in it. */
#pragma once

#include "runtime/ctl/ctl.h"

enum compression { COMPRESSION_BY_NAME, COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_XZ, COMPRESSION_ZSTD };

/* path: a file, which is replaced when it is whole, or NULL: fd (standard output). By name: ".zst", ".gz", ".tgz" or
 * ".tzst", else none. A container that runs is frozen meanwhile. */
int ctl_export(struct ctl *ctl, const char *name, const char *path, int fd, enum compression compression);

/* An archive of export that is being read. */
struct import {
        const char *name; /* of the archive, for messages */
        int fd;
        struct archive *in;       /* behind the settings */
        struct settings settings; /* may be changed before ctl_import */
};

#define IMPORT_NONE                                                                                                    \
        {                                                                                                              \
                .fd = -EBADF                                                                                           \
        }

/* path: a file, or NULL: standard input. -EINVAL for what is no archive of export. */
int import_open(const char *path, struct import *import);
void import_close(struct import *import);
#define _cleanup_import_ _cleanup_(import_close)

/* The archive may be a stranger's, and settings reach into the host: -EPERM for those that would show the container
 * something of the host's, make it privileged, start it with the host, give it a log that fills the disk or a place
 * among others' cgroups, or that nobody knows. said: a bit for each row of setting_table that a person has said. */
int import_check_reach(const struct import *import, uint64_t said);

/* Makes the container; ids are its own. On failure nothing is left. */
int ctl_import(struct ctl *ctl, const char *name, struct import *import);
