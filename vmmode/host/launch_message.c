#include "vmmode/host/launch_message.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/devices.h"
#include "runtime/core/isolation.h"
#include "runtime/core/plan_inside.h"
#include "vmmode/host/launch_message.h"
#include "vmmode/host/writes_message.h"
#include "vmmode/protocol/message.h"

/* ---- slots ---- */

static void mark_trees(const struct launch *launch, uint8_t *sources)
{
        const struct plan_facts *facts = launch->inside->facts;

        if (facts->root_tree != PLAN_NO_SLOT)
                sources[facts->root_tree] = SLOT_TREE_ALL;
        for (size_t i = 0; i < launch->inside->view->inside->mounts.n; i++)
                if (facts->mount_sources[i] != PLAN_NO_SLOT)
                        sources[facts->mount_sources[i]] = SLOT_TREE_ALL;
}

static void put_slots(struct message_builder *builder, const struct launch *launch)
{
        uint8_t sources[PLAN_SLOTS_MAX] = {SLOT_NOTHING};

        if (launch->inside->view)
                mark_trees(launch, sources);
        else
                sources[0] = SLOT_FIRST_INIT;
        message_put(builder, PART_SLOTS, sources, launch->n_slots);
}

/* ---- limits ---- */

static int put_resources(struct message_builder *builder, const struct oci_resources *resources)
{
        _cleanup_free_ struct bpf_insn *program = NULL;
        struct cgroup_writes writes = {0};
        struct arena arena = {0};
        size_t n = 0;
        int r = cgroup_plan_writes(resources, &arena, &writes);

        if (r == 0)
                writes_put(builder, &writes);
        arena_free(&arena);
        if (r == 0 && resources->devices.n && !device_rules_allow_all(&resources->devices))
                r = device_program_build(&resources->devices, &program, &n);
        if (r == 0 && n)
                message_put(builder, PART_DEVICE_PROGRAM, program, n * sizeof(*program));
        return r;
}

static int64_t flags_of(const struct launch *launch)
{
        return (launch->inside->view ? 0 : MESSAGE_IS_EXEC) | (launch->inside->terminal ? MESSAGE_TERMINAL : 0) |
               (launch->staged ? MESSAGE_STAGED : 0);
}

/* As make_cgroup.c's delegate() does on the host. */
static void put_owner(struct message_builder *builder, const struct oci_spec *inside)
{
        const struct oci_namespace *namespace = &inside->linux_.namespaces[OCI_NS_CGROUP];

        if (namespace->listed && !namespace->path && inside->process.user.uid && oci_mounts_cgroup_writable(inside))
                message_put_number(builder, PART_OWNER, inside->process.user.uid);
}

static int put_container(struct message_builder *builder, const struct oci_spec *inside)
{
        put_owner(builder, inside);
        return put_resources(builder, &inside->linux_.resources);
}

static void put_exec(struct message_builder *builder, const struct launch *launch)
{
        message_put_text(builder, PART_CGROUP, launch->inside->below);
        message_put_text(builder, PART_AFFINITY, launch->affinity);
}

int launch_message_file(const struct launch *launch)
{
        const struct launch_inside *inside = launch->inside;
        struct message_builder builder;
        int r = 0, fd;

        message_begin(&builder, MESSAGE_LAUNCH);
        message_put_text(&builder, PART_ID, inside->id);
        message_put_number(&builder, PART_VERSION, PROTOCOL_VERSION);
        message_put_number(&builder, PART_FLAGS, flags_of(launch));
        message_put_number(&builder, PART_NAMESPACES, (int64_t)launch->namespaces);
        message_put(&builder, PART_PLAN, launch->plan, launch->plan_size);
        put_slots(&builder, launch);
        if (inside->view)
                r = put_container(&builder, inside->view->inside);
        else
                put_exec(&builder, launch);
        if (r < 0) {
                message_drop(&builder);
                return r;
        }
        fd = message_file(&builder, "berth-launch");
        return fd < 0 ? fail(-fd, "store the plan for the virtual machine") : fd;
}
