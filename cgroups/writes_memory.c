#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "cgroups/writes.h"

#define FIELD "linux.resources.memory."

static int check_range(const char *field, const struct optional_i64 *value)
{
        if (value->set && value->value < -1)
                return refuse(EINVAL, FIELD "%s: %" PRId64 " is no limit (-1 is none)", field, value->value);
        return 0;
}

/* The spec counts memory and swap together, cgroup v2 counts swap alone. 0 is "not given" for all three fields, as
 * engines send it. */
static int swap_alone(const struct oci_memory *memory, struct optional_i64 *swap)
{
        int64_t limit = memory->limit.set ? memory->limit.value : 0;
        int64_t sum = memory->swap.set ? memory->swap.value : 0;

        *swap = (struct optional_i64){.set = true, .value = sum};
        if (sum == 0) {
                /* No memory limit and nothing said about swap lifts the swap limit too: `update --memory -1`. */
                swap->set = limit == -1;
                swap->value = -1;
                return 0;
        }
        if (sum == -1 || limit == -1)
                return 0;
        if (limit == 0)
                return refuse(EINVAL, FIELD "swap: %" PRId64 " is memory plus swap and needs " FIELD "limit", sum);
        if (sum < limit)
                return refuse(EINVAL, FIELD "swap: %" PRId64 " is memory plus swap and below " FIELD "limit %" PRId64,
                              sum, limit);
        swap->value = sum - limit;
        return 0;
}

/* swap before memory: a lowered memory.max pushes pages out, and they need the room that a raised memory.swap.max
 * gives. The other way round is put right for a live group by cgroup_apply_writes. */
int plan_memory(struct write_list *list, const struct oci_memory *memory)
{
        struct optional_i64 swap = {0};
        int r = check_range("limit", &memory->limit);

        if (r == 0)
                r = check_range("reservation", &memory->reservation);
        if (r == 0)
                r = check_range("swap", &memory->swap);
        if (r == 0)
                r = swap_alone(memory, &swap);
        if (r < 0)
                return r;
        if (memory->reservation.set && memory->reservation.value)
                r = write_list_add(list, "memory.low", write_list_limit(list, memory->reservation.value),
                                   FIELD "reservation", WRITE_REQUIRED);
        /* Without swap in the kernel there is no file; "no swap" and "no limit of it" are then true already. */
        if (r == 0 && swap.set)
                r = write_list_add(list, "memory.swap.max", write_list_limit(list, swap.value), FIELD "swap",
                                   swap.value <= 0 ? WRITE_MAY_BE_MISSING : WRITE_REQUIRED);
        if (r == 0 && memory->limit.set && memory->limit.value)
                r = write_list_add(list, "memory.max", write_list_limit(list, memory->limit.value), FIELD "limit",
                                   WRITE_REQUIRED);
        return r;
}
