/* The record of a container, as a damaged disk or a stranger in the state directory would leave it. What is accepted
 * must be safe to act on, and must come back unchanged when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/life/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
        if (!holds)
                abort();
}

static int same(const char *left, const char *right)
{
        return left && right ? strcmp(left, right) == 0 : left == right;
}

static void check_record(const struct record *record)
{
        check(container_id_check(record->id) == 0 && container_id_check(record->sandbox) == 0);
        check(record->bundle[0] == '/' && record->rootfs[0] == '/');
        check(!record->cgroup || (record->cgroup[0] == '/' && !strstr(record->cgroup, "/../")));
        check(record->init.pid >= 0 && memchr(record->init.boot_id, '\0', sizeof(record->init.boot_id)) != NULL);
        check(record->cgroup_existing_depth >= 0);
        check(!record->subgroup || (strcmp(record->subgroup, "..") != 0 && !strchr(record->subgroup, '/')));
        check(!record->systemd_unit || !strchr(record->systemd_unit, '/'));
        check(record->namespaces < 1U << OCI_NS_KINDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct record *record, *again;
        char *json;

        if (record_parse((const char *)data, size, &record) < 0)
                return 0;
        check_record(record);
        if (record_format(record, &json) == 0) {
                check(record_parse(json, strlen(json), &again) == 0);
                check(same(again->id, record->id) && same(again->cgroup, record->cgroup));
                check(again->init.start_time == record->init.start_time && again->owner == record->owner);
                check(again->annotations.n == record->annotations.n);
                record_free(again);
                free(json);
        }
        record_free(record);
        return 0;
}
