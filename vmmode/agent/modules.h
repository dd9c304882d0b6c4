/* The kernel modules that the initramfs carries: uncompressed, named in the order in which they are to be loaded. */
#pragma once

#define MODULES_EARLY "."    /* when the machine starts */
#define MODULES_LATE  "late" /* when somebody needs them */

/* Loads all modules of this directory below `modules` (-EBADF: there are none). One that the kernel refuses is named in
 * its log and passed over: what needs it will say so. A loaded module's file is removed, because its pages are memory
 * of the machine. */
void modules_load(int modules, const char *directory);
