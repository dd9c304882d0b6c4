/* What a running VM has, noted in the container's state directory for the commands that come later. */
#pragma once

#include "vmmode/host/divide.h"

int machine_file_write(int state_dir, const struct vm_size *size);
int machine_file_read(int state_dir, struct vm_size *size);
