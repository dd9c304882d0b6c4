/* Names of users. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The name of a uid into name, "#UID" when it has none. Reads /etc/passwd itself: getpwuid(3) would load NSS modules
 * into a static program. root needs no file. */
void owner_name(uint32_t uid, char *name, size_t size);

/* The same from a passwd(5) text. Returns 0, -ENOENT when the uid is not in it or its name does not fit. */
int owner_find(const char *passwd, uint32_t uid, char *name, size_t size);
