#include "cgroups/controllers.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgroups/cgroup.h"

static const struct {
        unsigned bit;
        const char *name;
} controllers_known[] = {
        {CGROUP_CPUSET, "cpuset"},   {CGROUP_CPU, "cpu"},   {CGROUP_IO, "io"},     {CGROUP_MEMORY, "memory"},
        {CGROUP_HUGETLB, "hugetlb"}, {CGROUP_PIDS, "pids"}, {CGROUP_RDMA, "rdma"}, {CGROUP_MISC, "misc"},
};

static unsigned controller_named(const char *name, size_t length)
{
        for (size_t i = 0; i < ELEMENTS(controllers_known); i++) {
                const char *known = controllers_known[i].name;

                if (strlen(known) == length && memcmp(known, name, length) == 0)
                        return controllers_known[i].bit;
        }
        return 0;
}

unsigned cgroup_controllers_parse(const char *text)
{
        unsigned bits = 0;

        while (*text) {
                size_t length = strcspn(text, " \n");

                bits |= controller_named(text, length);
                text += length;
                text += strspn(text, " \n");
        }
        return bits;
}

const char *cgroup_controller_name(unsigned controllers)
{
        for (size_t i = 0; i < ELEMENTS(controllers_known); i++)
                if (controllers & controllers_known[i].bit)
                        return controllers_known[i].name;
        return "";
}

unsigned cgroup_controller_of_file(const char *file)
{
        const char *dot = strchr(file, '.');

        return dot ? controller_named(file, (size_t)(dot - file)) : 0;
}

void cgroup_controllers_to_enable(unsigned controllers, char *text, size_t size)
{
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < ELEMENTS(controllers_known) && used < size; i++)
                if (controllers & controllers_known[i].bit)
                        used += (size_t)snprintf(text + used, size - used, "%s+%s", used ? " " : "",
                                                 controllers_known[i].name);
}
