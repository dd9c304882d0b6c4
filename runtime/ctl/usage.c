#include "runtime/ctl/usage.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "oci/json.h"
#include "runtime/ctl/storage.h"

static uint64_t number_of(const struct json_node *object, const char *key)
{
        const struct json_node *node = object ? json_member(object, key) : NULL;

        return node && node->kind == JSON_INTEGER && !node->negative ? node->natural : 0;
}

static const struct json_node *inside(const struct json_node *object, const char *key)
{
        const struct json_node *node = object ? json_member(object, key) : NULL;

        return node && (node->kind == JSON_OBJECT || node->kind == JSON_ARRAY) ? node : NULL;
}

/* No limit is the largest number, or none. */
static uint64_t limit_of(const struct json_node *object)
{
        uint64_t limit = number_of(object, "limit");

        return limit == 0 || limit >= INT64_MAX / 2 ? USAGE_UNLIMITED : limit;
}

static void add_io(const struct json_node *list, struct usage *usage)
{
        for (const struct json_node *node = list ? list->first : NULL; node; node = node->next) {
                const struct json_node *op = json_member(node, "op");

                if (!op || op->kind != JSON_STRING)
                        continue;
                if (strcmp(op->text, "Read") == 0)
                        usage->read += number_of(node, "value");
                else if (strcmp(op->text, "Write") == 0)
                        usage->written += number_of(node, "value");
        }
}

static void add_network(const struct json_node *list, struct usage *usage)
{
        for (const struct json_node *node = list ? list->first : NULL; node; node = node->next) {
                const struct json_node *name = json_member(node, "Name");

                if (!name || name->kind != JSON_STRING || strcmp(name->text, "lo") == 0)
                        continue;
                usage->received += number_of(node, "RxBytes");
                usage->sent += number_of(node, "TxBytes");
        }
}

int usage_parse(const char *text, size_t size, struct usage *usage)
{
        _cleanup_(arena_free) struct arena arena = {0};
        const struct json_node *data, *memory, *pids;
        struct json_node *root;
        int r = json_parse(&arena, "statistics", text, size, &root);

        if (r < 0)
                return r;
        data = inside(root, "data");
        memory = inside(inside(data, "memory"), "usage");
        pids = inside(data, "pids");
        *usage = (struct usage){
                .cpu_ns = number_of(inside(inside(data, "cpu"), "usage"), "total"),
                .memory = number_of(memory, "usage"),
                .memory_limit = limit_of(memory),
                .pids = number_of(pids, "current"),
                .pids_limit = limit_of(pids),
        };
        usage->has_memory = usage->memory > 0;
        usage->has_pids = usage->pids > 0;
        add_io(inside(inside(data, "blkio"), "ioServiceBytesRecursive"), usage);
        add_network(inside(data, "network_interfaces"), usage);
        return 0;
}

static int take_line(const char *line, size_t size, void *data)
{
        return usage_parse(line, size, data);
}

static uint64_t limit_or_none(uint64_t limit)
{
        return limit ? limit : USAGE_UNLIMITED;
}

static int read_storage(const struct ctl_container *container, struct usage *usage)
{
        struct storage_usage storage;
        int r = storage_read_usage(container, &storage);

        if (r < 0)
                return r;
        usage->has_disk = storage.kind != STORAGE_DIRECTORY;
        usage->disk = storage.used;
        usage->disk_limit = limit_or_none(storage.limit);
        usage->inodes = storage.inodes;
        usage->inodes_limit = limit_or_none(storage.inodes_limit);
        return 0;
}

int usage_read(struct ctl *ctl, const struct ctl_container *container, struct usage *usage)
{
        int r = container_statistics(ctl->runtime, container->name, take_line, usage);

        if (r == 0)
                r = read_storage(container, usage);
        return r < 0 ? fail_in(r, "statistics of container %s", container->name) : 0;
}
