/* Compiled seccomp filters on disk, <root>/.cache/seccomp: looking up a large profile's names takes libseccomp
 * milliseconds, reading the result back a fraction of one.
 *
 * A file is named by a 64-bit hash of the key, but what decides is the key itself: it stands whole in the file and is
 * compared byte by byte, so neither a collision nor a damaged, truncated or older file can ever give a wrong filter: it
 * is a miss. */
#pragma once

#include <stddef.h>

#include "oci/spec.h"
#include "runtime/core/seccomp.h"

/* More entries than a host has different profiles; when one more is stored, the least recently written goes. */
#define SECCOMP_CACHE_ENTRIES 64

/* Every field of the profile that the filter depends on, each preceded by its length, after the version of this format,
 * the native architecture and the version of libseccomp. *key is malloc'ed, the caller's. -ENOMEM without a message. */
int seccomp_cache_key(const struct oci_seccomp *profile, char **key, size_t *size);

/* Opens (and makes, 0700) .cache/seccomp below the runtime's root. Returns the descriptor; -EPERM when the directory is
 * not ours alone. */
int seccomp_cache_open(int root);

/* 1 with the filter (malloc'ed, the caller's) and its length, 0 for a miss, bare negative errno. A file that another
 * user owns, or that group or others may write, is a miss. */
int seccomp_cache_load(int cache, const void *key, size_t size, struct sock_filter **filter, unsigned short *n);

/* Stores it atomically. Bare negative errno. */
int seccomp_cache_store(int cache, const void *key, size_t size, const struct sock_filter *filter, unsigned short n);
