#include "runtime/life/state_json.h"

#include "runtime/life/owner.h"
#include "runtime/life/record.h"

/* pid is 0 before it exists and once it has ended, as runc prints it: go-runc decodes into a struct and would not
 * notice its absence. */
void state_write(struct json_writer *json, const struct container *container)
{
        const struct record *record = container->record;
        bool lives = container->status != STATUS_STOPPED;
        char owner[256];

        owner_name(record->owner, owner, sizeof(owner));
        json_object(json, NULL);
        json_string(json, "ociVersion", record->oci_version);
        json_string(json, "id", record->id);
        json_i64(json, "pid", lives ? record->init.pid : 0);
        json_string(json, "status", container_status_name(container->status));
        json_string(json, "bundle", record->bundle);
        json_string(json, "rootfs", record->rootfs);
        json_string(json, "created", record->created);
        json_string(json, "systemd-scope", record->systemd_unit); /* crun's name for it */
        json_string(json, "owner", owner);
        if (record->annotations.n)
                json_pairs(json, "annotations", &record->annotations);
        json_object_end(json);
}

int container_state_json(const struct container *container, char **json)
{
        struct json_writer writer;

        json_start(&writer, "  ");
        state_write(&writer, container);
        return json_finish(&writer, json);
}
