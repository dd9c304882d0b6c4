/* What a running VM has, noted in the container's state directory for the commands that come later. */
#pragma once

#include <limits.h>

#include "vmmode/host/divide.h"

struct machine_file {
        struct vm_size size;
        char network[PATH_MAX]; /* of the network namespace that it joined, "": it has its own, which goes with it */
};

/* network: NULL or "": none. */
int machine_file_write(int state_dir, const struct vm_size *size, const char *network);
int machine_file_read(int state_dir, struct machine_file *file);
