/* The formats of cgroupfs: single numbers and lines of "key number". Results are bare negative errnos. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* A group that was removed while its directory or a file of it is open answers ENOENT to openat and ENODEV to read. */
static inline bool cgroup_is_gone(int r)
{
        return r == -ENOENT || r == -ENODEV;
}

/* A file with one number; "max" is UINT64_MAX. The text may end with a newline. */
int cgroup_parse_number(const char *text, uint64_t *value);
int cgroup_read_number(int cgroup_fd, const char *file, uint64_t *value);

/* The number of the line "key number"; false when there is no such line. */
bool cgroup_find_number(const char *text, const char *key, uint64_t *value);

/* One number out of a file of such lines. A missing line is 0. */
int cgroup_read_keyed(int cgroup_fd, const char *file, const char *key, uint64_t *value);

/* Decimal digits at the start of text; *end is the first byte that is none. false: no digit, or more than 64 bits. */
bool cgroup_scan_number(const char *text, uint64_t *value, const char **end);
