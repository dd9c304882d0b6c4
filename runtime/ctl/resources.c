#include "runtime/ctl/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

#define CPU_PERIOD     100000
#define WEIGHT_DEFAULT 100 /* the kernel's */

/* Limits are a disk's, never a partition's. */
static int find_disk(int directory, unsigned *major_, unsigned *minor_)
{
        char path[128], text[64];
        struct stat st;

        if (fstat(directory, &st) < 0)
                return fail(errno, "find the disk of the root file system");
        *major_ = major(st.st_dev);
        *minor_ = minor(st.st_dev);
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", *major_, *minor_);
        if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) >= 0) {
                snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", *major_, *minor_);
                if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) < 0 ||
                    sscanf(text, "%u:%u", major_, minor_) != 2)
                        return refuse(EINVAL, "find the disk of the root file system: no %s", path);
        }
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", *major_, *minor_);
        if (stat(path, &st) < 0)
                return refuse(EINVAL,
                              "the root file system lies on no disk that I/O limits could be about (device "
                              "%u:%u)",
                              *major_, *minor_);
        return 0;
}

/* Limits that are put where they are set, and lifted where they were taken away just now. */
struct wish {
        const struct settings *settings;
        uint64_t changed;
};

static bool is_changed(const struct wish *wish, const char *key)
{
        return wish->changed >> (setting_find(key) - setting_table) & 1;
}

static const struct {
        const char *key, *member;
        size_t offset;
} throttles[] = {
        {"io-read", "throttleReadBpsDevice", offsetof(struct settings, io_read)},
        {"io-write", "throttleWriteBpsDevice", offsetof(struct settings, io_write)},
        {"io-read-ops", "throttleReadIOPSDevice", offsetof(struct settings, io_read_ops)},
        {"io-write-ops", "throttleWriteIOPSDevice", offsetof(struct settings, io_write_ops)},
};

/* A rate of 0 lifts. */
static bool find_rate(const struct wish *wish, size_t i, int64_t *rate)
{
        const struct optional_i64 *limit = (const void *)((uintptr_t)wish->settings + throttles[i].offset);

        *rate = limit->set ? limit->value : 0;
        return limit->set || is_changed(wish, throttles[i].key);
}

static int put_io(struct json_writer *json, const struct wish *wish, int directory)
{
        unsigned major_, minor_;
        bool any = false;
        int64_t rate;
        int r;

        for (size_t i = 0; i < ELEMENTS(throttles); i++)
                any = any || find_rate(wish, i, &rate);
        if (!any)
                return 0;
        r = find_disk(directory, &major_, &minor_);
        if (r < 0)
                return r;
        json_object(json, "blockIO");
        for (size_t i = 0; i < ELEMENTS(throttles); i++) {
                if (!find_rate(wish, i, &rate))
                        continue;
                json_array(json, throttles[i].member);
                json_object(json, NULL);
                json_u64(json, "major", major_);
                json_u64(json, "minor", minor_);
                json_i64(json, "rate", rate);
                json_object_end(json);
                json_array_end(json);
        }
        json_object_end(json);
        return 0;
}

static void put_memory(struct json_writer *json, const struct wish *wish)
{
        const struct settings *settings = wish->settings;
        bool limited = settings->memory.set, lift = is_changed(wish, "memory") || is_changed(wish, "swap");

        if (!limited && !lift)
                return;
        json_object(json, "memory");
        json_i64(json, "limit", limited ? settings->memory.value : -1);
        /* The specification's swap is the sum of both. */
        if (limited && settings->swap.set)
                json_i64(json, "swap", settings->memory.value + settings->swap.value);
        else if (lift)
                json_i64(json, "swap", -1);
        json_object_end(json);
}

static void put_cpu(struct json_writer *json, const struct wish *wish)
{
        const struct settings *settings = wish->settings;
        bool quota = settings->cpus.set || is_changed(wish, "cpus");

        if (!quota && !settings->cpu_set)
                return;
        json_object(json, "cpu");
        if (quota) {
                json_u64(json, "period", CPU_PERIOD);
                json_i64(json, "quota", settings->cpus.set ? settings->cpus.value * (CPU_PERIOD / 1000) : -1);
        }
        if (settings->cpu_set)
                json_string(json, "cpus", settings->cpu_set);
        json_object_end(json);
}

/* The specification's shares are a scale of cgroup v1, and it has no word for all processors again. */
static void put_unified(struct json_writer *json, const struct wish *wish)
{
        const struct settings *settings = wish->settings;
        bool weight = settings->cpu_weight.set || is_changed(wish, "cpu-weight");
        bool all = !settings->cpu_set && is_changed(wish, "cpu-set");
        char text[16];

        if (!weight && !all)
                return;
        snprintf(text, sizeof(text), "%d", settings->cpu_weight.set ? (int)settings->cpu_weight.value : WEIGHT_DEFAULT);
        json_object(json, "unified");
        if (weight)
                json_string(json, "cpu.weight", text);
        if (all)
                json_string(json, "cpuset.cpus", "");
        json_object_end(json);
}

static int put_members(struct json_writer *json, const struct wish *wish, int directory)
{
        const struct optional_i64 *pids = &wish->settings->pids;

        put_memory(json, wish);
        put_cpu(json, wish);
        if (pids->set || is_changed(wish, "pids")) {
                json_object(json, "pids");
                json_i64(json, "limit", pids->set ? pids->value : -1);
                json_object_end(json);
        }
        put_unified(json, wish);
        return put_io(json, wish, directory);
}

static void put_devices(struct json_writer *json)
{
        json_array(json, "devices");
        json_object(json, NULL);
        json_bool(json, "allow", false);
        json_string(json, "access", "rwm");
        json_object_end(json);
        json_array_end(json);
}

int resources_put(struct json_writer *json, const struct settings *settings, int directory)
{
        int r;

        json_object(json, "resources");
        /* In a user namespace the kernel opens no device that berth has not bound. */
        if (!settings->unprivileged)
                put_devices(json);
        r = put_members(json, &(const struct wish){settings, 0}, directory);
        json_object_end(json);
        return r;
}

int resources_json(const struct settings *settings, int directory, uint64_t changed, char **text)
{
        struct json_writer json;
        int r, finished;

        json_start(&json, NULL);
        json_object(&json, NULL);
        r = put_members(&json, &(const struct wish){settings, changed}, directory);
        json_object_end(&json);
        finished = json_finish(&json, text);
        if (r < 0 && finished == 0) {
                free(*text);
                *text = NULL;
        }
        return r < 0 ? r : finished;
}
