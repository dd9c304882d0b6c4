#include "runtime/life/state_json.h"

#include "base/io.h"
#include "runtime/life/owner.h"
#include "runtime/life/record.h"

#define ENDED_MOST 1024

/* Why a container's virtual machine ended when its program did not: what berth-proxy left in the state directory. NULL:
 * nothing to be said. */
static const char *read_ended(const struct container *container, char *text, size_t size)
{
        if (container->record->isolation != ISOLATION_VM || container->status != STATUS_STOPPED ||
            read_small_file_at(container->dir_fd, ENDED_FILE, text, size) <= 0)
                return NULL;
        return text;
}

static void write_annotations(struct json_writer *json, const struct container *container)
{
        const struct oci_pairs *pairs = &container->record->annotations;
        char text[ENDED_MOST];
        const char *ended = read_ended(container, text, sizeof(text));

        if (!pairs->n && !ended)
                return;
        json_object(json, "annotations");
        for (size_t i = 0; i < pairs->n; i++)
                json_string(json, pairs->v[i].key, pairs->v[i].value);
        json_string(json, ANNOTATION_ENDED, ended);
        json_object_end(json);
}

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
        write_annotations(json, container);
        json_object_end(json);
}

int container_state_json(const struct container *container, char **json)
{
        struct json_writer writer;

        json_start(&writer, "  ");
        state_write(&writer, container);
        return json_finish(&writer, json);
}
