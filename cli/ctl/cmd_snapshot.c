#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/size_text.h"
#include "cli/ctl/text_table.h"
#include "cli/output.h"
#include "oci/json_write.h"
#include "runtime/ctl/snapshot.h"

struct snapshot_options {
        bool json;
};

static const struct option_spec specs[] = {
        OPTION(struct snapshot_options, json, "json", 'j', NULL, "list: an array of objects instead of a table"),
};

/* A name that nobody has said is told. */
static int create(struct invocation *invocation, const char *container, const char *name)
{
        struct snapshot made;
        int r = ctl_snapshot_create(invocation->ctl, container, name, &made);

        if (r < 0 || name)
                return r;
        r = output_text(made.name);
        return r < 0 ? r : output_text("\n");
}

static int print_json(const struct snapshot *snapshots, size_t n)
{
        _cleanup_free_ char *text = NULL;
        struct json_writer json;
        int r;

        json_start(&json, "  ");
        json_array(&json, NULL);
        for (size_t i = 0; i < n; i++) {
                json_object(&json, NULL);
                json_string(&json, "name", snapshots[i].name);
                json_string(&json, "created", snapshots[i].created);
                json_u64(&json, "bytes", snapshots[i].bytes);
                json_object_end(&json);
        }
        json_array_end(&json);
        r = json_finish(&json, &text);
        return r < 0 ? r : output_text(text);
}

static int print_table(const struct snapshot *snapshots, size_t n)
{
        _cleanup_(text_table_release) struct text_table table = {.n_columns = 3};
        _cleanup_output_ struct output output = {0};
        char size[SIZE_TEXT], created[40];
        int r = output_begin(&output);

        if (r == 0)
                r = text_table_add(&table, (const char *[]){"NAME", "CREATED", "SIZE"});
        for (size_t i = 0; i < n && r == 0; i++) {
                /* Whole seconds are enough for people. */
                snprintf(created, sizeof(created), "%.19sZ", snapshots[i].created);
                r = text_table_add(&table,
                                   (const char *[]){snapshots[i].name, created, size_text(snapshots[i].bytes, size)});
        }
        if (r < 0)
                return r;
        text_table_print(&table, output.stream);
        return output_end(&output);
}

static int list(struct invocation *invocation, const char *container, const char *name)
{
        const struct snapshot_options *options = invocation->options;
        _cleanup_free_ struct snapshot *snapshots = NULL;
        size_t n;
        int r = ctl_snapshot_list(invocation->ctl, container, &snapshots, &n);

        (void)name;
        if (r < 0)
                return r;
        return options->json ? print_json(snapshots, n) : print_table(snapshots, n);
}

static int restore(struct invocation *invocation, const char *container, const char *name)
{
        return ctl_snapshot_restore(invocation->ctl, container, name);
}

static int delete (struct invocation *invocation, const char *container, const char *name)
{
        return ctl_snapshot_delete(invocation->ctl, container, name);
}

static const struct {
        const char *name;
        size_t least, most; /* arguments with this word */
        int (*act)(struct invocation *invocation, const char *container, const char *name);
} actions[] = {{"create", 2, 3, create}, {"list", 2, 2, list}, {"restore", 3, 3, restore}, {"delete", 3, 3, delete}};

static int run(struct invocation *invocation)
{
        const char *word = invocation->arguments[0];
        const size_t n = invocation->n_arguments;

        for (size_t i = 0; i < ELEMENTS(actions); i++) {
                if (strcmp(actions[i].name, word) != 0)
                        continue;
                if (n < actions[i].least || n > actions[i].most)
                        return refuse(EINVAL, "snapshot %s: expected the name of a container%s", word,
                                      actions[i].most == 2    ? ""
                                      : actions[i].least == 2 ? ", and perhaps one of a snapshot"
                                                              : " and of a snapshot");
                return actions[i].act(invocation, invocation->arguments[1], n > 2 ? invocation->arguments[2] : NULL);
        }
        return refuse(EINVAL, "snapshot: unknown word '%s': expected create, list, restore or delete", word);
}

const struct command ctl_command_snapshot = {
        .name = "snapshot",
        .arguments = "create|list|restore|delete NAME [SNAPSHOT]",
        .summary = "keep states of a container's files, and go back to them",
        .description =
                "Keeps a copy of the root file system of the container NAME as SNAPSHOT (else by the date, which is "
                "printed then), lists what is kept, puts one in the place of the root, or deletes it. A running "
                "container is frozen while its files are read, and programs see themselves as after a power cut when "
                "it is restored: what they had only in memory is not in it. Restoring is for stopped containers. "
                "Settings and volumes are not part of it. On file systems with reflinks (xfs, btrfs) a snapshot "
                "shares its data with the container and takes no time.",
        .examples = "berthctl snapshot create web before-upgrade\n"
                    "berthctl snapshot list web\n"
                    "berthctl stop web && berthctl snapshot restore web before-upgrade",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct snapshot_options),
        .least = 2,
        .most = 3,
        .root = ROOT_CHANGE,
        .interruptible = true,
        .run = run,
};
