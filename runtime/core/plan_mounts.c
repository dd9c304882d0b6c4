#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/core/plan_inside.h"

static enum plan_mount_kind kind_of(const struct oci_mount *mount)
{
        static const struct {
                const char *type;
                enum plan_mount_kind kind;
        } kinds[] = {
                {"proc", MOUNT_KIND_PROC},      {"sysfs", MOUNT_KIND_SYSFS},   {"cgroup", MOUNT_KIND_CGROUP},
                {"cgroup2", MOUNT_KIND_CGROUP}, {"mqueue", MOUNT_KIND_MQUEUE},
        };

        if (mount->options.remount)
                return MOUNT_KIND_REMOUNT;
        if (mount->options.bind)
                return MOUNT_KIND_BIND;
        for (size_t i = 0; mount->type && i < ELEMENTS(kinds); i++)
                if (strcmp(mount->type, kinds[i].type) == 0)
                        return kinds[i].kind;
        return MOUNT_KIND_FS;
}

/* A fresh procfs needs a pid namespace of one's own, sysfs a network namespace, mqueue an ipc namespace: in a user
 * namespace that has not got it, the host's view is all there is. */
static bool may_show_the_host(const struct oci_spec *spec, enum plan_mount_kind kind, const struct plan_facts *facts)
{
        const struct oci_namespace *namespaces = spec->linux_.namespaces;

        if (!namespaces[OCI_NS_USER].listed && !facts->in_user_namespace)
                return false;
        switch (kind) {
        case MOUNT_KIND_PROC:
                return !namespaces[OCI_NS_PID].listed;
        case MOUNT_KIND_SYSFS:
                return true;
        case MOUNT_KIND_MQUEUE:
                return !namespaces[OCI_NS_IPC].listed;
        default:
                return false;
        }
}

/* Nested quotes do not occur in labels; a file system that takes no context fails and says so. */
static bool takes_label(const char *type)
{
        static const char *const types[] = {"tmpfs", "devpts", "ramfs", "overlay", "ext4", "xfs", "btrfs"};

        for (size_t i = 0; type && i < ELEMENTS(types); i++)
                if (strcmp(type, types[i]) == 0)
                        return true;
        return false;
}

static plan_text put_data(struct plan_builder *builder, const struct oci_mount *mount, const char *label)
{
        _cleanup_free_ char *joined = NULL;
        const char *data = mount->options.data;

        if (!label || mount->options.bind || !takes_label(mount->type) || (data && strstr(data, "context=")))
                return plan_put(builder, data);
        if (asprintf(&joined, "%s%scontext=\"%s\"", data ? data : "", data ? "," : "", label) < 0) {
                builder->failed = true;
                return 0;
        }
        return plan_put(builder, joined);
}

/* A container with neither a cgroup namespace nor a group of its own. */
static bool shows_the_tree(const struct oci_spec *spec, const struct plan_facts *facts)
{
        return !facts->own_cgroup && facts->cgroup_tree && !spec->linux_.namespaces[OCI_NS_CGROUP].listed;
}

static plan_text put_source(struct plan_builder *builder, const struct oci_spec *spec, const struct oci_mount *mount,
                            enum plan_mount_kind kind, const struct plan_facts *facts)
{
        _cleanup_free_ char *joined = NULL;

        if (kind == MOUNT_KIND_CGROUP)
                return plan_put(builder, shows_the_tree(spec, facts) ? facts->cgroup_tree : facts->own_cgroup);
        if (kind != MOUNT_KIND_BIND || mount->source[0] == '/')
                return plan_put(builder, mount->source);
        joined = path_from(facts->bundle, mount->source);
        if (!joined) {
                builder->failed = true;
                return 0;
        }
        return plan_put(builder, joined);
}

static bool is_tmpfs(const struct oci_mount *mount)
{
        return mount->type && strcmp(mount->type, "tmpfs") == 0;
}

static bool names_mode(const struct oci_mount *mount)
{
        const char *data = mount->options.data;

        return data && (strncmp(data, "mode=", strlen("mode=")) == 0 || strstr(data, ",mode="));
}

static uint32_t flags_of(const struct oci_spec *spec, const struct oci_mount *mount, enum plan_mount_kind kind,
                         const struct plan_facts *facts)
{
        const struct oci_mount_options *options = &mount->options;
        uint32_t flags = 0;

        if (options->recursive)
                flags |= PLAN_MOUNT_RECURSIVE;
        if (options->tmpcopyup)
                flags |= PLAN_MOUNT_COPYUP;
        if (options->idmap == OCI_IDMAP_RECURSIVE)
                flags |= PLAN_MOUNT_IDMAP_RECURSIVE;
        if (options->source_nofollow)
                flags |= PLAN_MOUNT_SOURCE_NOFOLLOW;
        if (options->destination_nofollow)
                flags |= PLAN_MOUNT_DESTINATION_NOFOLLOW;
        if (kind == MOUNT_KIND_REMOUNT && options->bind)
                flags |= PLAN_MOUNT_BIND_REMOUNT;
        if (spec->linux_.namespaces[OCI_NS_CGROUP].listed)
                flags |= PLAN_MOUNT_PRIVATE_CGROUP;
        if (kind == MOUNT_KIND_BIND && spec->linux_.namespaces[OCI_NS_USER].listed)
                flags |= PLAN_MOUNT_KEEP_LOCKED;
        if (kind == MOUNT_KIND_FS && is_tmpfs(mount) && !names_mode(mount))
                flags |= PLAN_MOUNT_INHERIT_MODE;
        if (may_show_the_host(spec, kind, facts))
                flags |= PLAN_MOUNT_HOST_VIEW;
        return flags;
}

/* A read-only file system that is filled first (tmpcopyup, the nodes of /dev) becomes read-only afterwards, and as a
 * mount: its super block must stay writable until then. */
static void postpone_readonly(struct step_mount *step, const struct oci_mount *mount)
{
        bool dev = strcmp(mount->destination, "/dev") == 0;

        if (!(step->attr_set & MOUNT_ATTR_RDONLY))
                return;
        /* The super blocks of proc, sysfs, cgroup2 and mqueue are shared; tmpfs is filled by the steps that follow. */
        if (step->kind != MOUNT_KIND_FS || is_tmpfs(mount))
                step->sb_set &= ~(uint64_t)MS_RDONLY;
        if (!dev && !(step->flags & PLAN_MOUNT_COPYUP))
                return;
        step->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        step->flags |= dev ? PLAN_MOUNT_READONLY_LAST : PLAN_MOUNT_READONLY_AFTER_COPY;
}

static int add_mount(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts,
                     size_t index)
{
        const struct oci_mount *mount = &spec->mounts.v[index];
        const struct oci_mount_options *options = &mount->options;
        enum plan_mount_kind kind = kind_of(mount);
        const char *link = facts->mount_links ? facts->mount_links[index] : NULL;
        plan_text destination = plan_put(builder, mount->destination);
        plan_text source, data = put_data(builder, mount, spec->linux_.mount_label);
        plan_text type = plan_put(builder, mount->type);
        struct step_mount *step;

        if (kind == MOUNT_KIND_BIND && !mount->source)
                return refuse(EINVAL, "mounts[%zu].source: a bind mount needs one", index);
        if (kind == MOUNT_KIND_FS && !mount->type)
                return refuse(EINVAL, "mounts[%zu].type: required field is missing", index);
        source = link ? plan_put(builder, link) : put_source(builder, spec, mount, kind, facts);
        step = PLAN_ADD(builder, MOUNT, mount);
        step->kind = kind;
        step->flags = flags_of(spec, mount, kind, facts) | (link ? PLAN_MOUNT_COPY_SYMLINK : 0);
        step->destination = destination;
        step->source = source;
        step->type = type;
        step->data = data;
        step->source_slot = facts->mount_sources ? facts->mount_sources[index] : PLAN_NO_SLOT;
        step->userns_slot = facts->mount_user_namespaces ? facts->mount_user_namespaces[index] : PLAN_NO_SLOT;
        step->attr_set = options->attr_set;
        step->attr_clear = options->attr_clear;
        /* Groups that the user may write are not the container's (CVE-2023-25809). */
        if (kind == MOUNT_KIND_CGROUP && shows_the_tree(spec, facts)) {
                step->attr_set |= MOUNT_ATTR_RDONLY;
                step->attr_clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
        }
        step->recursive_set = options->recursive_set;
        step->recursive_clear = options->recursive_clear;
        step->sb_set = options->sb_set;
        step->sb_clear = options->sb_clear;
        step->propagation_before = (uint32_t)options->propagation_before;
        step->propagation = (uint32_t)options->propagation;
        step->index = (uint32_t)index;
        postpone_readonly(step, mount);
        return 0;
}

int plan_add_mounts(struct plan_builder *builder, const struct oci_spec *spec, const struct plan_facts *facts)
{
        for (size_t i = 0; i < spec->mounts.n; i++) {
                int r = add_mount(builder, spec, facts, i);

                if (r < 0)
                        return r;
        }
        return 0;
}
