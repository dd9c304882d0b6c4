#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "cgroups/writes.h"

/* rsvd limits the reservation (mmap fails), max the use (SIGBUS). Kernels before 5.7 have only the second; where both
 * exist both are set, so that neither way around is open. */
int plan_hugepages(struct write_list *list, const struct oci_hugepage_limits *limits)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < limits->n; i++) {
                const char *size = limits->v[i].page_size;
                const char *value = arena_printf(list->arena, "%" PRIu64, limits->v[i].limit);
                const char *field = arena_printf(list->arena, "linux.resources.hugepageLimits[%zu].limit", i);

                r = write_list_add(list, arena_printf(list->arena, "hugetlb.%s.rsvd.max", size), value, field,
                                   WRITE_MAY_BE_MISSING);
                if (r == 0)
                        r = write_list_add(list, arena_printf(list->arena, "hugetlb.%s.max", size), value, field,
                                           WRITE_REQUIRED);
        }
        return r;
}

int plan_rdma(struct write_list *list, const struct oci_rdmas *rdmas)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < rdmas->n; i++) {
                const struct oci_rdma *rdma = &rdmas->v[i];
                const char *line = rdma->device;

                if (rdma->hca_handles.set)
                        line = arena_printf(list->arena, "%s hca_handle=%" PRIu64, line, rdma->hca_handles.value);
                if (line && rdma->hca_objects.set)
                        line = arena_printf(list->arena, "%s hca_object=%" PRIu64, line, rdma->hca_objects.value);
                if (line == rdma->device) /* neither number: nothing is limited */
                        continue;
                r = write_list_add(list, "rdma.max", line,
                                   arena_printf(list->arena, "linux.resources.rdma.%s", rdma->device), WRITE_REQUIRED);
        }
        return r;
}

/* Nested keys take one write a line (io.max of two devices). An empty value is written as a newline: that is how
 * cpuset.cpus is reset, and a write of no bytes would reach no file. */
static int plan_lines(struct write_list *list, const char *file, const char *value)
{
        const char *field = arena_printf(list->arena, "linux.resources.unified[\"%s\"]", file);
        const char *line = value;

        if (value[strspn(value, "\n")] == '\0')
                return write_list_add(list, file, "\n", field, WRITE_REQUIRED);
        while (*line) {
                size_t length = strcspn(line, "\n");

                if (length) {
                        int r = write_list_add(list, file, arena_strndup(list->arena, line, length), field,
                                               WRITE_REQUIRED);

                        if (r < 0)
                                return r;
                }
                line += length;
                line += *line == '\n';
        }
        return 0;
}

int plan_unified(struct write_list *list, const struct oci_pairs *unified)
{
        for (size_t i = 0; i < unified->n; i++) {
                const char *file = unified->v[i].key;
                int r;

                if (!file[0] || file[0] == '.' || strchr(file, '/'))
                        return refuse(EINVAL, "linux.resources.unified[\"%s\"]: this is no name of a cgroup file",
                                      file);
                r = plan_lines(list, file, unified->v[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}
