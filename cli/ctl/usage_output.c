#include "cli/ctl/usage_output.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/ctl/size_text.h"

static void put_limit(struct json_writer *json, const char *key, uint64_t limit)
{
        if (limit == USAGE_UNLIMITED)
                json_null(json, key);
        else
                json_u64(json, key, limit);
}

void usage_put_json(struct json_writer *json, const struct usage *usage)
{
        json_u64(json, "cpuNanoseconds", usage->cpu_ns);
        if (usage->has_memory) {
                json_u64(json, "memory", usage->memory);
                put_limit(json, "memoryLimit", usage->memory_limit);
        }
        if (usage->has_swap) {
                json_u64(json, "swap", usage->swap);
                put_limit(json, "swapLimit", usage->swap_limit);
        }
        if (usage->has_pids) {
                json_u64(json, "pids", usage->pids);
                put_limit(json, "pidsLimit", usage->pids_limit);
        }
        if (usage->has_disk) {
                json_u64(json, "disk", usage->disk);
                put_limit(json, "diskLimit", usage->disk_limit);
                json_u64(json, "inodes", usage->inodes);
                put_limit(json, "inodesLimit", usage->inodes_limit);
        }
        json_u64(json, "diskRead", usage->read);
        json_u64(json, "diskWritten", usage->written);
        json_u64(json, "networkReceived", usage->received);
        json_u64(json, "networkSent", usage->sent);
}

const char *usage_share(uint64_t used, uint64_t limit, char text[USAGE_TEXT])
{
        char first[SIZE_TEXT], second[SIZE_TEXT];

        snprintf(text, USAGE_TEXT, "%s / %s", size_text(used, first),
                 limit == USAGE_UNLIMITED ? "-" : size_text(limit, second));
        return text;
}

const char *usage_count(uint64_t used, uint64_t limit, char text[USAGE_TEXT])
{
        if (limit == USAGE_UNLIMITED)
                snprintf(text, USAGE_TEXT, "%" PRIu64 " / -", used);
        else
                snprintf(text, USAGE_TEXT, "%" PRIu64 " / %" PRIu64, used, limit);
        return text;
}

/* "1.0 MiB / 50m a second", the limit as it was set. */
static const char *rate_share(uint64_t used, const struct settings *settings, const char *key, char text[USAGE_TEXT])
{
        _cleanup_free_ char *limit = setting_text(settings, setting_find(key));
        char first[SIZE_TEXT];

        if (limit && *limit)
                snprintf(text, USAGE_TEXT, "%s / %s%s", size_text(used, first), limit,
                         setting_find(key)->kind == SETTING_BYTES ? " a second" : "");
        else
                snprintf(text, USAGE_TEXT, "%s / -", size_text(used, first));
        return text;
}

void usage_lines(const struct usage *usage, const struct settings *settings,
                 void (*print)(FILE *out, const char *key, const char *value), FILE *out)
{
        _cleanup_free_ char *cpus = setting_text(settings, setting_find("cpus"));
        char text[USAGE_TEXT];

        snprintf(text, sizeof(text), cpus && *cpus ? "%.2f s / %s CPUs" : "%.2f s / -", (double)usage->cpu_ns / 1e9,
                 cpus);
        print(out, "cpu used", text);
        if (usage->has_memory)
                print(out, "memory used", usage_share(usage->memory, usage->memory_limit, text));
        if (usage->has_swap)
                print(out, "swap used", usage_share(usage->swap, usage->swap_limit, text));
        if (usage->has_pids)
                print(out, "pids used", usage_count(usage->pids, usage->pids_limit, text));
        print(out, "read", rate_share(usage->read, settings, "io-read", text));
        print(out, "written", rate_share(usage->written, settings, "io-write", text));
        print(out, "received", rate_share(usage->received, settings, "net-rate-in", text));
        print(out, "sent", rate_share(usage->sent, settings, "net-rate-out", text));
}
