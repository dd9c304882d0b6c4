/* How much room a tree takes. */
#pragma once

#include <stdint.h>

/* Bytes on the disk of everything below `name` in dirfd; a file with several names counts once. Follows no link and
 * crosses no mount. -errno with a message. */
int tree_size(int dirfd, const char *name, uint64_t *bytes);
