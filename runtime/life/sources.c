#include "runtime/life/sources.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/namespace.h"
#include "namespaces/overlay.h"

int sources_add(struct sources *sources, int fd, plan_slot *slot)
{
        if (sources->n == PLAN_SLOTS_MAX) {
                close(fd);
                return refuse(E2BIG, "more than %d descriptors for one container", PLAN_SLOTS_MAX);
        }
        *slot = (plan_slot)sources->n;
        sources->fds[sources->n++] = fd;
        return 0;
}

void sources_close(struct sources *sources)
{
        while (sources->n)
                close(sources->fds[--sources->n]);
        for (size_t i = 0; sources->mount_links && i < sources->n_mounts; i++)
                free(sources->mount_links[i]);
        free(sources->mount_links);
        free(sources->mount_sources);
        free(sources->mount_user_namespaces);
        sources->mount_sources = sources->mount_user_namespaces = NULL;
        sources->mount_links = NULL;
}

static int open_namespaces(struct sources *sources, const struct oci_spec *spec, struct plan_facts *facts)
{
        for (enum oci_namespace_kind kind = 0; kind < OCI_NS_KINDS; kind++) {
                const struct oci_namespace *namespace = &spec->linux_.namespaces[kind];
                int fd, r;

                facts->namespaces[kind] = PLAN_NO_SLOT;
                if (!namespace->listed || !namespace->path)
                        continue;
                fd = namespace_open(kind, namespace->path);
                if (fd < 0)
                        return fail_in(fd, "linux.namespaces");
                r = sources_add(sources, fd, &facts->namespaces[kind]);
                if (r < 0)
                        return r;
                /* User namespaces come first in the list. */
                if (kind != OCI_NS_USER && facts->namespaces[OCI_NS_USER] != PLAN_NO_SLOT)
                        facts->owned_by_user[kind] =
                                namespace_is_owned_by(fd, sources->fds[facts->namespaces[OCI_NS_USER]]);
        }
        return 0;
}

/* The user namespace by which a mount is mapped: its own maps, or the container's (mount: NULL for the root). The
 * container's new one does not exist yet; one with the same maps does the same. */
static int mapping_namespace(const struct sources *sources, const struct oci_spec *spec, const struct plan_facts *facts,
                             const struct oci_mount *mount, int procfs)
{
        const struct oci_linux *linux_ = &spec->linux_;
        int fd;

        if (mount && mount->uid_mappings.n)
                return idmap_namespace(procfs, &mount->uid_mappings, &mount->gid_mappings);
        if (facts->namespaces[OCI_NS_USER] != PLAN_NO_SLOT) {
                fd = fcntl(sources->fds[facts->namespaces[OCI_NS_USER]], F_DUPFD_CLOEXEC, 0);
                return fd < 0 ? fail(errno, "keep the user namespace") : fd;
        }
        return idmap_namespace(procfs, &linux_->uid_mappings, &linux_->gid_mappings);
}

/* A copy of the mount; who may make none gives the place itself, and the copy is made in a mount namespace of his own
 * (vmmode/proxy/share.c). */
static int open_place(const char *path, bool recursive, unsigned at, bool privileged)
{
        int nofollow = at & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, fd;

        if (privileged)
                return mount_clone(AT_FDCWD, path, recursive, at);
        fd = open(path, O_PATH | O_CLOEXEC | nofollow);
        return fd < 0 ? fail(errno, "%s", path) : fd;
}

/* copy-symlink: where a source that is a link points to, malloc'ed; NULL for another one. */
static int read_source_link(const struct oci_mount *mount, const struct plan_facts *facts, char **target)
{
        _cleanup_free_ char *path = path_from(facts->bundle, mount->source);
        char text[PATH_MAX];
        ssize_t n;

        if (!path)
                return fail(ENOMEM, "source %s", mount->source);
        n = readlink(path, text, sizeof(text));
        if (n < 0)
                return 0;
        *target = strndup(text, (size_t)n);
        return *target ? 0 : fail(ENOMEM, "source %s", mount->source);
}

static int open_tree_of(const struct oci_mount *mount, const struct plan_facts *facts, bool privileged)
{
        _cleanup_free_ char *path = path_from(facts->bundle, mount->source);
        _cleanup_close_ int tree = -EBADF;
        unsigned at = mount->options.source_nofollow ? AT_SYMLINK_NOFOLLOW : 0;
        int r = 0;

        if (!path)
                return fail(ENOMEM, "source %s", mount->source);
        tree = open_place(path, mount->options.recursive, at, privileged);
        if (tree < 0)
                return fail_in(tree, "source");
        if (!privileged)
                return take_fd(&tree);
        /* A copy of a shared mount would stay tied to the host's both ways; only who asks for that gets it. */
        if (!(mount->options.propagation & MS_SHARED) || mount->options.propagation_before)
                r = mount_propagate(tree, MS_SLAVE | MS_REC);
        return r < 0 ? r : take_fd(&tree);
}

/* An id-mapped bind mount is finished here, where we have the privilege over the file system; one that is made inside
 * gets the namespace along. */
static int open_mount(struct sources *sources, const struct oci_spec *spec, const struct oci_mount *mount,
                      const struct plan_facts *facts, size_t index, int procfs, bool trees, bool privileged)
{
        bool is_bind = mount->options.bind && !mount->options.remount;
        _cleanup_close_ int tree = -EBADF, user = -EBADF;
        int r;

        if (mount->options.idmap != OCI_IDMAP_NONE) {
                user = mapping_namespace(sources, spec, facts, mount, procfs);
                if (user < 0)
                        return user;
                if (!is_bind)
                        return sources_add(sources, take_fd(&user), &sources->mount_user_namespaces[index]);
        }
        if (is_bind && mount->options.copy_symlink) {
                r = read_source_link(mount, facts, &sources->mount_links[index]);
                if (r < 0)
                        return r;
        }
        if (!is_bind || (!trees && user < 0) || sources->mount_links[index])
                return 0;
        tree = open_tree_of(mount, facts, privileged || user >= 0);
        if (tree < 0)
                return tree;
        r = user >= 0 ? mount_idmap(tree, user, mount->options.idmap == OCI_IDMAP_RECURSIVE) : 0;
        return r < 0 ? r : sources_add(sources, take_fd(&tree), &sources->mount_sources[index]);
}

static int open_mounts(struct sources *sources, const struct oci_spec *spec, const struct oci_mounts *mounts,
                       const struct plan_facts *facts, int procfs, bool trees, bool privileged)
{
        size_t n = mounts->n;

        sources->mount_sources = malloc((n + 1) * sizeof(plan_slot));
        sources->mount_user_namespaces = malloc((n + 1) * sizeof(plan_slot));
        sources->mount_links = calloc(n + 1, sizeof(*sources->mount_links));
        sources->n_mounts = n;
        if (!sources->mount_sources || !sources->mount_user_namespaces || !sources->mount_links)
                return fail(ENOMEM, "open mount sources");
        for (size_t i = 0; i < n; i++) {
                int r;

                sources->mount_sources[i] = sources->mount_user_namespaces[i] = PLAN_NO_SLOT;
                r = open_mount(sources, spec, &mounts->v[i], facts, i, procfs, trees, privileged);
                if (r < 0)
                        return fail_in(r, "mounts[%zu] %s", i, mounts->v[i].destination);
        }
        return 0;
}

/* Of the root alone: what is mounted below it may lie on a file system that cannot be mapped. */
static int open_mapped_root(const struct sources *sources, const struct oci_spec *spec, const struct plan_facts *facts,
                            int procfs)
{
        _cleanup_close_ int tree = -EBADF, user = -EBADF;
        int r;

        user = mapping_namespace(sources, spec, facts, NULL, procfs);
        if (user < 0)
                return user;
        tree = mount_clone(AT_FDCWD, facts->root, false, 0);
        if (tree < 0)
                return fail_in(tree, "root.path");
        r = mount_idmap(tree, user, false);
        return r < 0 ? fail_in(r, "root.idmap: root file system %s", facts->root) : take_fd(&tree);
}

/* Root's ids inside, or whatever ids there are. */
static struct overlay_map overlay_map_of(const struct oci_linux *linux_, int user)
{
        struct overlay_map map = {.user = user};

        if (!idmap_host_id(&linux_->uid_mappings, &map.uid))
                map.uid = linux_->uid_mappings.v[0].host_id;
        if (!idmap_host_id(&linux_->gid_mappings, &map.gid))
                map.gid = linux_->gid_mappings.n ? linux_->gid_mappings.v[0].host_id : 0;
        return map;
}

static int open_overlay_root(const struct sources *sources, const struct oci_spec *spec, const struct plan_facts *facts,
                             int procfs)
{
        _cleanup_close_ int user = -EBADF;
        struct overlay_map map;
        int tree;

        if (spec->root_idmap) {
                user = mapping_namespace(sources, spec, facts, NULL, procfs);
                if (user < 0)
                        return user;
                map = overlay_map_of(&spec->linux_, user);
        }
        tree = overlay_mount(facts->bundle, &spec->root_overlay, spec->root_idmap ? &map : NULL, false);
        return tree < 0 ? fail_in(tree, "root.overlay") : tree;
}

static int open_root(struct sources *sources, const struct oci_spec *spec, struct plan_facts *facts, int procfs,
                     bool privileged)
{
        int tree;

        if (spec->root_overlay_set) {
                tree = open_overlay_root(sources, spec, facts, procfs);
                if (tree < 0)
                        return tree;
        } else if (spec->root_idmap) {
                tree = open_mapped_root(sources, spec, facts, procfs);
                if (tree < 0)
                        return tree;
        } else {
                tree = open_place(facts->root, true, 0, privileged);
                if (tree < 0)
                        return fail_in(tree, "root.path");
        }
        return sources_add(sources, tree, &facts->root_tree);
}

int sources_open(struct sources *sources, const struct oci_spec *spec, const struct oci_spec *inside,
                 struct plan_facts *facts, int procfs, bool trees, bool privileged)
{
        int r = open_namespaces(sources, spec, facts);

        facts->root_tree = PLAN_NO_SLOT;
        if (r == 0 && (trees || spec->root_idmap || spec->root_overlay_set))
                r = open_root(sources, spec, facts, procfs, privileged);
        if (r == 0)
                r = open_mounts(sources, spec, &inside->mounts, facts, procfs, trees, privileged);
        facts->mount_sources = sources->mount_sources;
        facts->mount_user_namespaces = sources->mount_user_namespaces;
        facts->mount_links = (const char *const *)sources->mount_links;
        return r;
}
