#include "runtime/core/memory_policy.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number_list.h"

int memory_policy_apply(int mode, const char *nodes)
{
        unsigned long mask[NUMBER_LIST_WORDS];
        int n = 0;

        if (nodes && *nodes) {
                n = number_list_parse(nodes, mask);
                if (n < 0)
                        return fail(-n, "linux.memoryPolicy.nodes: list \"%s\"", nodes);
        }
        /* The kernel takes one bit less than maxnode says (get_nodes in mm/mempolicy.c). */
        if (syscall(SYS_set_mempolicy, mode, n ? mask : NULL, n ? (unsigned long)n + 1 : 0) == 0)
                return 0;
        if (errno == ENOSYS)
                return fail(ENOSYS, "set linux.memoryPolicy: this kernel has no NUMA policies");
        if (errno == EINVAL)
                return fail(
                        EINVAL,
                        "set linux.memoryPolicy: mode 0x%x with nodes \"%s\": the kernel does not know the mode, or "
                        "none of these nodes has memory that the cpuset allows",
                        (unsigned)mode, nodes ? nodes : "");
        return fail(errno, "set linux.memoryPolicy: mode 0x%x with nodes \"%s\"", (unsigned)mode, nodes ? nodes : "");
}
