/* Copying files by libarchive, entry by entry: out of an archive (image_archive.c) or a directory (image_directory.c),
 * into a root or an archive. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runtime/ctl/archive_library.h"
#include "runtime/ctl/ctl.h"

/* One copy: where entries come from, where they go, and how far it is. */
struct unpacking {
        const struct ctl *ctl;
        const char *name;
        struct archive *in, *out;
        int root, before; /* before: the working directory of the caller */
        uint64_t bytes;
        bool disarm;
        const struct stat *into;    /* the directory that a tree is merged into, NULL: an empty root */
        const struct stat *without; /* a directory that is copied without what is in it, NULL: none */
        enum {
                UNPACKING_COPY,
                UNPACKING_ARCHIVE,
                UNPACKING_WHITEOUTS,
                UNPACKING_LAYER
        } what;             /* of a layer the whiteouts first: they hide nothing of its own */
        bool own;           /* a container's own files, not a stranger's: nothing is checked, and all is copied */
        bool shared;        /* extents of files are shared as long as the file system can */
        bool packing;       /* out is an archive, the caller's */
        bool devices;       /* a stranger's device files are made */
        uint32_t shift;     /* of ids */
        const char *prefix; /* what all names begin with that belong into the root; NULL: nothing */
};

/* Makes `out`, which writes into the root; `in` is the caller's, who begins by
 * `_cleanup_unpacking_ struct unpacking unpacking = {.before = -EBADF, ...}`. The working directory is the root until
 * the end, where both are freed. */
int unpacking_begin(struct unpacking *unpacking, int root);
void unpacking_end(struct unpacking *unpacking);
#define _cleanup_unpacking_ _cleanup_(unpacking_end)

/* Checks an entry that has been read, and writes it with its content. What an image may not hold is left out or
 * -EINVAL.
 */
int unpacking_copy_entry(struct unpacking *unpacking, struct archive_entry *entry);

/* Behind the last entry: modes and times of directories are set. */
int unpacking_close(const struct unpacking *unpacking);

/* What libarchive says of `in` or `out`, as -errno with a message. */
int unpacking_failure(const struct unpacking *unpacking, struct archive *archive);

/* A name without what begins it as absolute or as the working directory's: archives name their entries "./etc", "/etc"
 * or "etc". */
const char *unpacking_relative(const char *path);
