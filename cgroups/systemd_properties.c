#include "cgroups/systemd_properties.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "base/number_list.h"

#define NO_LIMIT       "18446744073709551615" /* UINT64_MAX is "infinity", and "not set" for a weight */
#define DEFAULT_PERIOD 100000                 /* us, of cpu.max */
#define QUOTA_STEP     10000                  /* us: systemd writes a quota down as a whole percentage */

struct translation {
        struct systemd_properties *properties;
        struct arena *arena;
};

/* Turns the text of a write into properties. 0 also when it cannot. */
typedef int (*translate)(struct translation *to, const char *property, const char *text);

static int set(struct translation *to, const char *property, const char *signature, const char *value)
{
        return systemd_property_set_one(to->properties, to->arena, property, signature, value);
}

/* A number of bytes or processes, as the kernel reads it: with a suffix in `unified`. */
static int translate_limit(struct translation *to, const char *property, const char *text)
{
        int64_t value;

        if (strcmp(text, "max") == 0)
                return set(to, property, "t", NO_LIMIT);
        if (parse_bytes(text, &value) < 0 || value < 0)
                return 0;
        return set(to, property, "t", arena_printf(to->arena, "%" PRId64, value));
}

static int translate_weight(struct translation *to, const char *property, const char *text)
{
        uint64_t value;

        if (parse_u64(text, 10000, &value) < 0 || value == 0)
                return 0;
        return set(to, property, "t", arena_strdup(to->arena, text));
}

/* An idle group is one of weight 0 (systemd 252). One that is idle no more has the weight that comes behind this write,
 * or the default. */
static int translate_idle(struct translation *to, const char *property, const char *text)
{
        return set(to, property, "t", strcmp(text, "1") == 0 ? "0" : NO_LIMIT);
}

/* "QUOTA [PERIOD]" as CPU time in a second. */
static int translate_bandwidth(struct translation *to, const char *property, const char *text)
{
        uint64_t quota, period = DEFAULT_PERIOD;
        char word[32];
        size_t length = strcspn(text, " ");
        unsigned __int128 per_second;
        int r = 0;

        if (length >= sizeof(word) || (text[length] && parse_u64(text + length + 1, UINT64_MAX, &period) < 0) ||
            !period)
                return 0;
        memcpy(word, text, length);
        word[length] = '\0';
        if (strcmp(word, "max") == 0) {
                r = set(to, property, "t", NO_LIMIT);
        } else {
                if (parse_u64(word, UINT64_MAX, &quota) < 0)
                        return 0;
                per_second =
                        (unsigned __int128)quota * 1000000 / period + !!((unsigned __int128)quota * 1000000 % period);
                per_second = (per_second + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
                if (per_second >= UINT64_MAX)
                        return 0;
                r = set(to, property, "t", arena_printf(to->arena, "%" PRIu64, (uint64_t)per_second));
        }
        if (r < 0)
                return r;
        return set(to, "CPUQuotaPeriodUSec", "t", arena_printf(to->arena, "%" PRIu64, period));
}

/* "0-3,7" as a bit for each, eight to a byte; an empty list lifts the limit. */
static int translate_list(struct translation *to, const char *property, const char *text)
{
        const unsigned bits = 8 * sizeof(unsigned long);
        unsigned long mask[NUMBER_LIST_WORDS];
        const char **values;
        int n = number_list_parse(strcmp(text, "\n") == 0 ? "" : text, mask);

        if (n < 0)
                return 0;
        n = (n + 7) / 8;
        values = arena_array(to->arena, (size_t)n + 1, sizeof(*values));
        for (int i = 0; values && i < n; i++)
                values[i] = arena_printf(to->arena, "%u",
                                         (unsigned)(mask[(unsigned)i * 8 / bits] >> ((unsigned)i * 8 % bits)) & 0xff);
        return systemd_property_set(to->properties, to->arena,
                                    &(struct systemd_property){property, "ay", values ? (size_t)n : 1, values});
}

/* ---- one value for each device ---- */

/* Appends a pair to the property, or replaces the number of a device that is there. */
static int set_of_device(struct translation *to, const char *property, const char *device, const char *number)
{
        const struct systemd_property *before = systemd_property_find(to->properties, property);
        size_t n = before ? before->n : 0, at = 0;
        const char **values = arena_array(to->arena, n + 2, sizeof(*values));

        if (values && n)
                memcpy(values, before->v, n * sizeof(*values));
        while (values && device && at < n && strcmp(values[at], device) != 0)
                at += 2;
        if (values) {
                values[at] = device;
                values[at + 1] = number;
        }
        return systemd_property_set(to->properties, to->arena,
                                    &(struct systemd_property){property, "a(st)", at == n ? n + 2 : n, values});
}

/* "MAJOR:MINOR" at the start of a line, as a path that systemd takes. NULL with *r set: memory is short, or no device.
 */
static const char *device_of(struct translation *to, const char *line, int *r)
{
        unsigned major, minor;
        int length = 0;
        const char *path;

        *r = 0;
        if (sscanf(line, "%8u:%8u%n", &major, &minor, &length) != 2 || line[length] != ' ')
                return NULL;
        path = arena_printf(to->arena, "/dev/block/%u:%u", major, minor);
        if (!path)
                *r = fail(ENOMEM, "properties of the systemd unit");
        return path;
}

static const char *number_or_infinity(struct translation *to, const char *word, size_t length)
{
        const char *text = arena_strndup(to->arena, word, length);
        uint64_t value;

        if (text && strcmp(text, "max") == 0)
                return NO_LIMIT;
        return text && parse_u64(text, UINT64_MAX, &value) == 0 ? text : NULL;
}

/* "default 100", "100" or "8:0 100". */
static int translate_io_weight(struct translation *to, const char *property, const char *text)
{
        int r;
        const char *device = device_of(to, text, &r), *weight = strchr(text, ' ');

        if (r < 0)
                return r;
        weight = weight ? weight + 1 : text;
        if (!device)
                return translate_weight(to, property, weight);
        weight = number_or_infinity(to, weight, strlen(weight));
        return weight ? set_of_device(to, "IODeviceWeight", device, weight) : 0;
}

static const struct {
        const char *word, *property;
} device_words[] = {
        {"rbps=", "IOReadBandwidthMax"}, {"wbps=", "IOWriteBandwidthMax"},         {"riops=", "IOReadIOPSMax"},
        {"wiops=", "IOWriteIOPSMax"},    {"target=", "IODeviceLatencyTargetUSec"},
};

/* "8:0 rbps=1000 wiops=max", and io.latency's "8:0 target=75000". */
static int translate_device_words(struct translation *to, const char *property, const char *text)
{
        int r;
        const char *device = device_of(to, text, &r);

        (void)property;
        if (!device)
                return r;
        for (const char *word = strchr(text, ' '); r == 0 && word; word = strchr(word, ' ')) {
                word += strspn(word, " ");
                for (size_t i = 0; r == 0 && i < ELEMENTS(device_words); i++) {
                        size_t length = strlen(device_words[i].word);
                        const char *number;

                        if (strncmp(word, device_words[i].word, length) != 0)
                                continue;
                        number = number_or_infinity(to, word + length, strcspn(word + length, " "));
                        r = number ? set_of_device(to, device_words[i].property, device, number) : 0;
                }
        }
        return r;
}

/* io.bfq.weight is not here: systemd writes it beside io.weight, which is always planned with it. */
static const struct {
        const char *file, *property;
        translate translate;
} translations[] = {
        {"cpu.idle", "CPUWeight", translate_idle},
        {"cpu.weight", "CPUWeight", translate_weight},
        {"cpu.max", "CPUQuotaPerSecUSec", translate_bandwidth},
        {"cpuset.cpus", "AllowedCPUs", translate_list},
        {"cpuset.mems", "AllowedMemoryNodes", translate_list},
        {"memory.min", "MemoryMin", translate_limit},
        {"memory.low", "MemoryLow", translate_limit},
        {"memory.high", "MemoryHigh", translate_limit},
        {"memory.max", "MemoryMax", translate_limit},
        {"memory.swap.max", "MemorySwapMax", translate_limit},
        {"pids.max", "TasksMax", translate_limit},
        {"io.weight", "IOWeight", translate_io_weight},
        {"io.max", "", translate_device_words},
        {"io.latency", "", translate_device_words},
};

int systemd_properties_from_writes(const struct cgroup_writes *writes, struct arena *arena,
                                   struct systemd_properties *properties)
{
        struct translation to = {properties, arena};

        for (size_t i = 0; i < writes->n; i++)
                for (size_t t = 0; t < ELEMENTS(translations); t++) {
                        int r;

                        if (strcmp(translations[t].file, writes->v[i].file) != 0)
                                continue;
                        r = translations[t].translate(&to, translations[t].property, writes->v[i].value);
                        if (r < 0)
                                return r;
                }
        return 0;
}

int systemd_properties_of_scope(const char *description, const char *slice, pid_t pid, struct arena *arena,
                                struct systemd_properties *properties)
{
        const char **pids = arena_array(arena, 1, sizeof(*pids));
        struct translation to = {properties, arena};
        int r = set(&to, "Description", "s", description);

        if (pids)
                pids[0] = arena_printf(arena, "%d", (int)pid);
        if (r == 0)
                r = set(&to, "Slice", "s", slice);
        if (r == 0)
                r = set(&to, "Delegate", "b", "true");
        if (r == 0 && !systemd_property_find(properties, "DefaultDependencies"))
                r = set(&to, "DefaultDependencies", "b", "false");
        if (r == 0 && !systemd_property_find(properties, "CollectMode"))
                r = set(&to, "CollectMode", "s", "inactive-or-failed");
        if (r == 0)
                r = systemd_property_set(properties, arena, &(struct systemd_property){"PIDs", "au", 1, pids});
        return r;
}
