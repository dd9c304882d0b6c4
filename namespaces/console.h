/* The pseudo-terminal of a container: from the container's own devpts, handled by descriptor throughout
 * (CVE-2025-52565). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Opens a new pair from /dev/pts in root. name gets "/dev/pts/N". Descriptors are close-on-exec. */
int console_open(int root, int *master, int *slave, char *name, size_t name_size);

/* Window size in characters; zero for both leaves it. */
int console_set_size(int master, uint32_t height, uint32_t width);

/* Binds the slave onto /dev/console in root. */
int console_mount(int root, int slave);

/* Makes the slave the controlling terminal of this (new) session and its stdin, stdout and stderr. */
int console_attach(int slave);
