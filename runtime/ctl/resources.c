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

#define CPU_PERIOD 100000

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

static void put_throttle(struct json_writer *json, const char *key, const struct optional_i64 *limit, unsigned major_,
                         unsigned minor_)
{
        if (!limit->set)
                return;
        json_array(json, key);
        json_object(json, NULL);
        json_u64(json, "major", major_);
        json_u64(json, "minor", minor_);
        json_i64(json, "rate", limit->value);
        json_object_end(json);
        json_array_end(json);
}

static int put_io(struct json_writer *json, const struct settings *settings, int directory)
{
        unsigned major_, minor_;
        int r;

        if (!settings->io_read.set && !settings->io_write.set && !settings->io_read_ops.set &&
            !settings->io_write_ops.set)
                return 0;
        r = find_disk(directory, &major_, &minor_);
        if (r < 0)
                return r;
        json_object(json, "blockIO");
        put_throttle(json, "throttleReadBpsDevice", &settings->io_read, major_, minor_);
        put_throttle(json, "throttleWriteBpsDevice", &settings->io_write, major_, minor_);
        put_throttle(json, "throttleReadIOPSDevice", &settings->io_read_ops, major_, minor_);
        put_throttle(json, "throttleWriteIOPSDevice", &settings->io_write_ops, major_, minor_);
        json_object_end(json);
        return 0;
}

static void put_memory(struct json_writer *json, const struct settings *settings, bool lift)
{
        bool limited = settings->memory.set;

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

static void put_cpu(struct json_writer *json, const struct settings *settings, bool lift)
{
        if (!settings->cpus.set && !settings->cpu_set && !lift)
                return;
        json_object(json, "cpu");
        if (settings->cpus.set || lift) {
                json_u64(json, "period", CPU_PERIOD);
                json_i64(json, "quota", settings->cpus.set ? settings->cpus.value * (CPU_PERIOD / 1000) : -1);
        }
        if (settings->cpu_set)
                json_string(json, "cpus", settings->cpu_set);
        json_object_end(json);
}

static int put_members(struct json_writer *json, const struct settings *settings, int directory, bool lift)
{
        char weight[16];

        put_memory(json, settings, lift);
        put_cpu(json, settings, lift);
        if (settings->pids.set || lift) {
                json_object(json, "pids");
                json_i64(json, "limit", settings->pids.set ? settings->pids.value : -1);
                json_object_end(json);
        }
        /* The specification's shares are a scale of cgroup v1. */
        if (settings->cpu_weight.set) {
                snprintf(weight, sizeof(weight), "%d", (int)settings->cpu_weight.value);
                json_object(json, "unified");
                json_string(json, "cpu.weight", weight);
                json_object_end(json);
        }
        return put_io(json, settings, directory);
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
        r = put_members(json, settings, directory, false);
        json_object_end(json);
        return r;
}

int resources_json(const struct settings *settings, int directory, char **text)
{
        struct json_writer json;
        int r, finished;

        json_start(&json, NULL);
        json_object(&json, NULL);
        r = put_members(&json, settings, directory, true);
        json_object_end(&json);
        finished = json_finish(&json, text);
        if (r < 0 && finished == 0) {
                free(*text);
                *text = NULL;
        }
        return r < 0 ? r : finished;
}
