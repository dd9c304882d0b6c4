#include "vmmode/host/machine_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/io.h"

#define MACHINE_FILE "machine"
#define FORMAT       "memory %" PRIu64 " overhead %" PRIu64 " cpus %u"
#define SCAN_FORMAT  "memory %" SCNu64 " overhead %" SCNu64 " cpus %u"

int machine_file_write(int state_dir, const struct vm_size *size)
{
        char text[128];
        int n = snprintf(text, sizeof(text), FORMAT "\n", size->memory, size->overhead, size->cpus);
        int r = replace_file_at(state_dir, MACHINE_FILE, text, (size_t)n, 0600);

        return r < 0 ? fail(-r, "note the size of the virtual machine") : 0;
}

int machine_file_read(int state_dir, struct vm_size *size)
{
        char text[128];
        ssize_t n = read_small_file_at(state_dir, MACHINE_FILE, text, sizeof(text));

        if (n < 0)
                return fail((int)-n, "read the size of the virtual machine");
        return sscanf(text, SCAN_FORMAT, &size->memory, &size->overhead, &size->cpus) == 3
                       ? 0
                       : refuse(EINVAL, "the container's file " MACHINE_FILE " is damaged");
}
