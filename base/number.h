/* The one strict number parser: decimal digits, an optional leading '-' for signed values, nothing before or after.
 * "", "+1", "01" (a leading zero), " 1", "1 ", "0x10", "1k" and anything out of range are refused (CVE-2026-30892:
 * "exec -u 1" once parsed as user 0). Return 0, -EINVAL for what is no number, -ERANGE for what does not fit. No
 * message is left: the caller knows what the number was for. */
#pragma once

#include <stdint.h>

int parse_u64(const char *text, uint64_t most, uint64_t *value);
int parse_i64(const char *text, int64_t least, int64_t most, int64_t *value);
int parse_u32(const char *text, uint32_t *value);

/* A user or group id: 0 to 2^32-2 (the last value means "no change" to the kernel and is refused). */
int parse_id(const char *text, uint32_t *value);

/* Bytes with an optional binary suffix k, m, g, t (any case, an optional trailing "b" or "ib" after it): "64m", "512",
 * "1GiB"; "-1" gives -1. For command lines. */
int parse_bytes(const char *text, int64_t *value);
