/* The small languages of single values on the command line. Strict: no blanks, no signs, nothing left over. Errors are
 * bare, the caller knows what the value was for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Go's time.ParseDuration for what is not negative: "5s", "1h15m30.918s", "500ms", "1.5us"; and a whole number
 * alone for seconds, as people type it. Rounded up to whole milliseconds. -EINVAL, or -ERANGE beyond INT32_MAX ms. */
int parse_duration(const char *text, int64_t *milliseconds);

/* "true", "false", "1", "0", "yes", "no", "t", "f" in any case. -EINVAL. */
int parse_bool(const char *text, bool *value);

/* "UID[:GID]", strict decimal ids (base/number.h). *gid_set tells whether there was a ":GID". -EINVAL. */
int parse_user(const char *text, uint32_t *uid, bool *gid_set, uint32_t *gid);

/* "CAP_NET_ADMIN", "net_admin": the capability's number in *bit. -EINVAL. */
int parse_capability(const char *text, unsigned *bit);

/* A socket, label or schema that is given as "", as scripts and Go programs do for none: NULL. */
static inline const char *unless_empty(const char *text)
{
        return text && *text ? text : NULL;
}
