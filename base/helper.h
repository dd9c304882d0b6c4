/* The programs that are installed beside berth. */
#pragma once

#include <stddef.h>

/* Finds the helper program `name` beside this program itself, so that a build runs from where it lies, or where helpers
 * are installed. -ENOENT and the like with a message that says where it was looked for. */
int helper_find(const char *name, char *path, size_t size);
