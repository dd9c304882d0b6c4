#include "vmmode/host/machine_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"

#define MACHINE_FILE "machine"
#define FORMAT       "memory %" PRIu64 " overhead %" PRIu64 " cpus %u"
#define SCAN_FORMAT  "memory %" SCNu64 " overhead %" SCNu64 " cpus %u"

/* The first line has the numbers; what follows is the path, whatever is in it. */
#define TEXT_MAX (PATH_MAX + 128)

int machine_file_write(int state_dir, const struct vm_size *size, const char *network)
{
        char text[TEXT_MAX];
        int n = snprintf(text, sizeof(text), FORMAT "\n%s", size->memory, size->overhead, size->cpus,
                         network ? network : "");
        int r = n >= (int)sizeof(text) ? -ENAMETOOLONG
                                       : replace_file_at(state_dir, MACHINE_FILE, text, (size_t)n, 0600);

        return r < 0 ? fail(-r, "note the size of the virtual machine") : 0;
}

int machine_file_read(int state_dir, struct machine_file *file)
{
        char text[TEXT_MAX];
        const char *path;
        ssize_t n = read_small_file_at(state_dir, MACHINE_FILE, text, sizeof(text));

        if (n < 0)
                return fail((int)-n, "read the size of the virtual machine");
        if (sscanf(text, SCAN_FORMAT, &file->size.memory, &file->size.overhead, &file->size.cpus) != 3)
                return refuse(EINVAL, "the container's file " MACHINE_FILE " is damaged");
        path = strchr(text, '\n');
        snprintf(file->network, sizeof(file->network), "%.*s", PATH_MAX - 1, path ? path + 1 : "");
        return 0;
}
