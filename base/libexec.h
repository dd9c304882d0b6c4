/* Berth's helper programs: beside berth itself, so that a build runs from where it lies; else where `make install` puts
 * them. */
#pragma once

#include <stddef.h>

/* The path of the program `name`. -ENOENT with a message that says where it was looked for. */
int libexec_find(const char *name, char *path, size_t size);
