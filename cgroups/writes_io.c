#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/writes.h"

#define FIELD      "linux.resources.blockIO."
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

uint64_t cgroup_io_weight(uint64_t weight)
{
        return 1 + (weight - WEIGHT_MIN) * 9999 / (WEIGHT_MAX - WEIGHT_MIN);
}

/* Two schedulers carry weights on cgroup v2: BFQ (io.bfq.weight, 1 to 1000, the spec's own scale) and iocost
 * (io.weight). Either may be absent from a kernel, and a device uses one of them: both are written, one is enough.
 * key: "default" or "MAJOR:MINOR". */
static int add_weight(struct write_list *list, const char *key, uint64_t weight, const char *field)
{
        int r;

        if (!key || !field)
                return fail(ENOMEM, "plan the cgroup's limits");
        if (weight == 0) /* Docker 20.10 sends 0 for "unset" */
                return 0;
        if (weight < WEIGHT_MIN || weight > WEIGHT_MAX)
                return refuse(EINVAL, "%s: %" PRIu64 " is not between %d and %d", field, weight, WEIGHT_MIN,
                              WEIGHT_MAX);
        /* BFQ learnt the word "default" with its weights of single devices (5.4); a bare number is older and the same.
         */
        r = write_list_add(list, "io.bfq.weight",
                           strcmp(key, "default") == 0 ? arena_printf(list->arena, "%" PRIu64, weight)
                                                       : arena_printf(list->arena, "%s %" PRIu64, key, weight),
                           field, WRITE_MAY_BE_MISSING);
        if (r == 0)
                r = write_list_add(list, "io.weight",
                                   arena_printf(list->arena, "%s %" PRIu64, key, cgroup_io_weight(weight)), field,
                                   WRITE_UNLESS_BEFORE);
        return r;
}

static int plan_weights(struct write_list *list, const struct oci_block_io *io)
{
        int r = 0;

        if (io->weight.set)
                r = add_weight(list, "default", io->weight.value, FIELD "weight");
        for (size_t i = 0; r == 0 && i < io->weight_device.n; i++) {
                const struct oci_weight_device *device = &io->weight_device.v[i];

                if (device->weight.set)
                        r = add_weight(list, arena_printf(list->arena, "%u:%u", device->major, device->minor),
                                       device->weight.value,
                                       arena_printf(list->arena, FIELD "weightDevice[%zu].weight", i));
        }
        return r;
}

struct throttle {
        const struct oci_throttle_devices *devices;
        const char *word, *field;
};

#define THROTTLES 4

/* The words of one device from all four lists; of two entries for one device in one list the later counts. A rate of 0
 * lifts the limit, as it did on cgroup v1; io.max itself refuses 0. */
static const char *throttle_line(struct write_list *list, const struct throttle *throttles, uint32_t major,
                                 uint32_t minor)
{
        const char *line = arena_printf(list->arena, "%u:%u", major, minor);

        for (size_t t = 0; line && t < THROTTLES; t++) {
                const struct oci_throttle_devices *devices = throttles[t].devices;
                const struct oci_throttle_device *found = NULL;

                for (size_t i = 0; i < devices->n; i++)
                        if (devices->v[i].major == major && devices->v[i].minor == minor)
                                found = &devices->v[i];
                if (found && found->rate)
                        line = arena_printf(list->arena, "%s %s=%" PRIu64, line, throttles[t].word, found->rate);
                else if (found)
                        line = arena_printf(list->arena, "%s %s=max", line, throttles[t].word);
        }
        return line;
}

static bool is_listed_before(const struct throttle *throttles, size_t t, size_t i)
{
        const struct oci_throttle_device *device = &throttles[t].devices->v[i];

        for (size_t a = 0; a <= t; a++) {
                size_t end = a == t ? i : throttles[a].devices->n;

                for (size_t b = 0; b < end; b++)
                        if (throttles[a].devices->v[b].major == device->major &&
                            throttles[a].devices->v[b].minor == device->minor)
                                return true;
        }
        return false;
}

/* One line a device: a second line would be one more system call, and this way the limits of a device change together.
 */
static int plan_throttles(struct write_list *list, const struct oci_block_io *io)
{
        const struct throttle throttles[THROTTLES] = {
                {&io->read_bps, "rbps", "throttleReadBpsDevice"},
                {&io->write_bps, "wbps", "throttleWriteBpsDevice"},
                {&io->read_iops, "riops", "throttleReadIOPSDevice"},
                {&io->write_iops, "wiops", "throttleWriteIOPSDevice"},
        };

        for (size_t t = 0; t < THROTTLES; t++) {
                for (size_t i = 0; i < throttles[t].devices->n; i++) {
                        const struct oci_throttle_device *device = &throttles[t].devices->v[i];
                        int r;

                        if (is_listed_before(throttles, t, i))
                                continue;
                        r = write_list_add(list, "io.max", throttle_line(list, throttles, device->major, device->minor),
                                           arena_printf(list->arena, FIELD "%s[%zu]", throttles[t].field, i),
                                           WRITE_REQUIRED);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int plan_block_io(struct write_list *list, const struct oci_block_io *io)
{
        int r = plan_weights(list, io);

        return r < 0 ? r : plan_throttles(list, io);
}
