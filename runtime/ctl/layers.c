#include "runtime/ctl/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/number.h"
#include "base/path.h"
#include "namespaces/mount.h"
#include "runtime/ctl/write_as.h"

#define LOCK_SECONDS 600
#define DRAFT        ".new"
#define DRAFT_WORK   ".work"
#define ABOUT        ".about"
#define ABOUT_MOST   256
/* The kernel's defaults are the distribution's choice; a layer must mean the same everywhere. */
#define OVERLAY_OPTIONS "index=off,metacopy=off,redirect_dir=off,xino=off"

/* ---- mounting ---- */

/* Paths in the options are relative, because an option is short: `directory` is where they begin. */
static int mount_overlay(int directory, const char *options)
{
        _cleanup_close_ int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int mount;

        if (before < 0 || fchdir(directory) < 0)
                return fail(errno, "mount layers");
        mount = mount_new("overlay", "overlay", options, 0, 0);
        return fchdir(before) < 0 ? fail(errno, "mount layers") : mount;
}

/* Some files of layers are programs that change the user, to ids that the host has, too: nobody but root comes there.
 */
static int open_store(const struct ctl *ctl, bool make)
{
        int fd;

        if (make && mkdirat(ctl->directory_fd, LAYERS_STORE, 0700) < 0 && errno != EEXIST)
                return fail(errno, "make %s/" LAYERS_STORE, ctl->directory);
        fd = openat(ctl->directory_fd, LAYERS_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open %s/" LAYERS_STORE, ctl->directory) : fd;
}

/* The chain of a container. -ENOENT without a message when it has none. */
static int read_chain(const struct ctl_container *container, char chain[LAYERS_TEXT])
{
        ssize_t n = read_small_file_at(container->fd, LAYERS_FILE, chain, LAYERS_TEXT);

        if (n == -ENOENT)
                return -ENOENT;
        if (n <= 0 || strspn(chain, "0123456789:") != (size_t)n)
                return refuse(EINVAL, "container %s: damaged file '" LAYERS_FILE "'", container->name);
        return 0;
}

/* For reading, what the container has written is one more layer, which another mount may have as its upper one. */
int layers_mount(const struct ctl *ctl, const struct ctl_container *container, bool writable)
{
        _cleanup_close_ int store = -EBADF;
        _cleanup_free_ char *options = NULL;
        char chain[LAYERS_TEXT], rw[CTL_NAME_MAX + 32];
        int r = read_chain(container, chain);

        if (r < 0)
                return r;
        store = open_store(ctl, false);
        if (store < 0)
                return store;
        snprintf(rw, sizeof(rw), "../containers/%s/" LAYERS_RW, container->name);
        if (writable)
                r = asprintf(&options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work," OVERLAY_OPTIONS, chain, rw, rw);
        else
                r = asprintf(&options, "lowerdir=%s/upper:%s," OVERLAY_OPTIONS, rw, chain);
        if (r < 0) {
                options = NULL;
                return fail(ENOMEM, "mount layers");
        }
        r = mount_overlay(store, options);
        return r < 0 ? fail_in(r, "container %s", container->name) : r;
}

/* ---- mapped ---- */

static int attach_mapped(int from, const char *name, int stage, const char *as, int user)
{
        _cleanup_close_ int tree = mount_clone(from, name, false, AT_SYMLINK_NOFOLLOW), target = -EBADF;
        int r;

        if (tree < 0)
                return tree;
        r = mount_idmap(tree, user, false);
        if (r < 0)
                return r;
        if (mkdirat(stage, as, 0700) < 0)
                return fail(errno, "make a place for a layer");
        target = openat(stage, as, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return target < 0 ? fail(errno, "open the place of a layer") : mount_attach(tree, target);
}

static int attach_layers(int store, const char *chain, int stage, int user)
{
        char copy[LAYERS_TEXT], *save = NULL;

        snprintf(copy, sizeof(copy), "%s", chain);
        for (char *name = strtok_r(copy, ":", &save); name; name = strtok_r(NULL, ":", &save)) {
                int r = attach_mapped(store, name, stage, name, user);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A tmpfs over the directory, whose mounts the overlay takes its parts from. */
static int make_stage(const char *directory)
{
        _cleanup_close_ int tree = mount_new("tmpfs", "layers", "size=64k,mode=0711", 0, 0), target = -EBADF;
        int r, stage;

        if (tree < 0)
                return tree;
        target = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = target < 0 ? fail(errno, "open %s", directory) : mount_attach(tree, target);
        if (r < 0)
                return r;
        stage = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return stage < 0 ? fail(errno, "open %s", directory) : stage;
}

/* By paths: descriptors of before are of mounts of another namespace. */
int layers_mount_mapped(const struct ctl *ctl, const struct ctl_container *container, const char *directory, int user)
{
        _cleanup_close_ int stage = -EBADF, store = -EBADF, own = -EBADF;
        char path[4096], chain[LAYERS_TEXT], options[2 * LAYERS_TEXT + 128];
        int before, r = read_chain(container, chain);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "%s/" LAYERS_STORE, ctl->directory);
        store = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        snprintf(path, sizeof(path), "%s/containers/%s", ctl->directory, container->name);
        own = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (store < 0 || own < 0)
                return fail(errno, "open the layers of container %s", container->name);
        stage = make_stage(directory);
        if (stage < 0)
                return stage;
        r = attach_layers(store, chain, stage, user);
        if (r == 0)
                r = attach_mapped(own, LAYERS_RW, stage, LAYERS_RW, user);
        if (r < 0)
                return r;
        snprintf(options, sizeof(options),
                 "lowerdir=%s,upperdir=" LAYERS_RW "/upper,workdir=" LAYERS_RW "/work," OVERLAY_OPTIONS, chain);
        /* The overlay makes its files as who has mounted it; it is read-only when it cannot. */
        r = write_as((uint32_t)container->settings.ids.value, &before);
        if (r == 0)
                r = mount_overlay(stage, options);
        write_as_self(before);
        return r;
}

/* ---- removing ---- */

/* The number of "N.about" or "N", 0 for another name. */
static uint64_t number_of(const char *name)
{
        char digits[24];
        size_t length = strspn(name, "0123456789");
        uint64_t number;

        if (length == 0 || length >= sizeof(digits) || (name[length] && strcmp(name + length, ABOUT) != 0))
                return 0;
        snprintf(digits, sizeof(digits), "%.*s", (int)length, name);
        return parse_u64(digits, UINT64_MAX - 1, &number) < 0 ? 0 : number;
}

static int remove_draft(int store)
{
        int r = remove_tree_at(store, DRAFT);

        return r < 0 ? r : remove_tree_at(store, DRAFT_WORK);
}

int layers_forget(const struct ctl_container *container)
{
        int r = remove_tree_at(container->fd, LAYERS_FILE);

        return r < 0 ? r : remove_tree_at(container->fd, LAYERS_RW);
}

/* ":7:3:1:" of all containers, those that are only partly made, too. malloc'ed; NULL when that cannot be known. */
static char *used_layers(const struct ctl *ctl)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(ctl->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        char *text = NULL;
        size_t size;
        FILE *out = list ? open_memstream(&text, &size) : NULL;
        struct dirent *entry;
        bool known = true;

        while (out && (entry = readdir(list))) {
                char path[NAME_MAX + 16], chain[LAYERS_TEXT];
                ssize_t n;

                if (!ctl_name_valid(entry->d_name))
                        continue;
                snprintf(path, sizeof(path), "%s/" LAYERS_FILE, entry->d_name);
                n = read_small_file_at(dirfd(list), path, chain, sizeof(chain));
                known = known && (n >= 0 || n == -ENOENT);
                if (n > 0)
                        fprintf(out, ":%s:", chain);
        }
        if (!out || fclose(out) != 0 || !known) {
                free(text);
                return NULL;
        }
        return text;
}

/* What says what it is goes first: without it nobody takes a layer that is only half there. */
static void remove_unused(int store, const char *used, uint64_t number)
{
        char name[48], wanted[48];

        snprintf(wanted, sizeof(wanted), ":%" PRIu64 ":", number);
        if (strstr(used, wanted))
                return;
        snprintf(name, sizeof(name), "%" PRIu64 ABOUT, number);
        (void)unlinkat(store, name, 0);
        snprintf(name, sizeof(name), "%" PRIu64, number);
        if (remove_tree_at(store, name) < 0)
                log_warning("remove a layer that nobody has: %s", error_message());
        error_clear();
}

static void sweep(const struct ctl *ctl, int store)
{
        _cleanup_closedir_ DIR *list = NULL;
        _cleanup_free_ char *used = used_layers(ctl);
        struct dirent *entry;

        list = used ? fdopendir(openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) : NULL;
        while (list && (entry = readdir(list)))
                if (number_of(entry->d_name))
                        remove_unused(store, used, number_of(entry->d_name));
        (void)remove_draft(store);
        error_clear();
}

void layers_sweep(const struct ctl *ctl)
{
        _cleanup_close_ int store =
                openat(ctl->directory_fd, LAYERS_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (store >= 0 && flock(store, LOCK_EX | LOCK_NB) == 0)
                sweep(ctl, store);
}

/* ---- adding ---- */

/* Whether one can be written over another here. */
static int try_overlay(int store)
{
        static const char *const names[] = {".try-lower", ".try-upper", ".try-work"};
        int mount = -EBADF;

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (mkdirat(store, names[i], 0700) < 0 && errno != EEXIST)
                        return fail(errno, "make a directory for layers");
        mount = mount_overlay(store, "lowerdir=.try-lower,upperdir=.try-upper,workdir=.try-work," OVERLAY_OPTIONS);
        if (mount >= 0)
                close(mount);
        error_clear();
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                int r = remove_tree_at(store, names[i]);

                if (r < 0)
                        return r;
        }
        return mount < 0 ? -EOPNOTSUPP : 0;
}

int layers_begin(const struct ctl *ctl, struct layers *layers)
{
        int r;

        *layers = (struct layers){.ctl = ctl, .store = open_store(ctl, true)};
        if (layers->store < 0)
                return layers->store;
        r = lock_file(layers->store, LOCK_EX, LOCK_SECONDS);
        if (r < 0 && ctl->interrupted && *ctl->interrupted)
                return refuse(EINTR, "interrupted");
        if (r < 0)
                return fail(-r, "lock %s/" LAYERS_STORE, ctl->directory);
        /* Numbers are given anew: nothing may be left that lies on one that is gone. */
        sweep(ctl, layers->store);
        return try_overlay(layers->store);
}

void layers_end(struct layers *layers)
{
        replace_fd(&layers->store, -EBADF);
}

static void format_about(const struct layers *layers, const char *digest, char about[ABOUT_MOST])
{
        snprintf(about, ABOUT_MOST, "below = %s\ndigest = %s\n", layers->chain, digest);
}

/* *number: the one whose about says the same, or else a new one; *found says which. */
static int look_up(const struct layers *layers, const char *about, uint64_t *number, bool *found)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(layers->store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;
        uint64_t most = 0;

        if (!list)
                return fail(errno, "list %s/" LAYERS_STORE, layers->ctl->directory);
        *found = false;
        while (!*found && (entry = readdir(list))) {
                char text[ABOUT_MOST], name[24];

                *number = number_of(entry->d_name);
                if (*number > most)
                        most = *number;
                snprintf(name, sizeof(name), "%" PRIu64, *number);
                *found = *number && strstr(entry->d_name, ABOUT) && faccessat(layers->store, name, F_OK, 0) == 0 &&
                         read_small_file_at(layers->store, entry->d_name, text, sizeof(text)) > 0 &&
                         strncmp(text, about, strlen(text)) == 0 && strlen(about) == strlen(text) + 1;
        }
        if (!*found)
                *number = most + 1;
        return 0;
}

static int open_draft(const struct layers *layers)
{
        char options[2 * LAYERS_TEXT + 128];
        _cleanup_close_ int mount = -EBADF;
        int fd;

        if (mkdirat(layers->store, DRAFT, 0755) < 0 || fchmodat(layers->store, DRAFT, 0755, 0) < 0)
                return fail(errno, "make a directory for a layer");
        if (*layers->chain) {
                if (mkdirat(layers->store, DRAFT_WORK, 0700) < 0)
                        return fail(errno, "make a directory for a layer");
                snprintf(options, sizeof(options),
                         "lowerdir=%s,upperdir=" DRAFT ",workdir=" DRAFT_WORK "," OVERLAY_OPTIONS, layers->chain);
                mount = mount_overlay(layers->store, options);
                if (mount < 0)
                        return mount;
        }
        fd = openat(*layers->chain ? mount : layers->store, *layers->chain ? "." : DRAFT,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open a layer") : fd;
}

/* Its number comes when it is whole and on the disk. */
static int make_layer(const struct layers *layers, const char *name, const char *about,
                      int (*unpack)(int root, void *data), void *data)
{
        char about_name[48];
        int root, r = remove_draft(layers->store);

        if (r < 0)
                return r;
        root = open_draft(layers);
        if (root < 0)
                return root;
        r = unpack(root, data);
        close(root);
        if (r == 0 && syncfs(layers->store) < 0)
                r = fail(errno, "write a layer");
        snprintf(about_name, sizeof(about_name), "%s" ABOUT, name);
        if (r == 0) {
                r = replace_file_at(layers->store, about_name, about, strlen(about), 0600);
                r = r < 0 ? fail(-r, "write what a layer is") : 0;
        }
        if (r == 0 && renameat(layers->store, DRAFT, layers->store, name) < 0)
                r = fail(errno, "give a layer its number");
        if (r == 0)
                return remove_draft(layers->store);
        return r;
}

int layers_add(struct layers *layers, const char *digest, int (*unpack)(int root, void *data), void *data)
{
        char about[ABOUT_MOST], name[24], chain[LAYERS_TEXT];
        uint64_t number = 0;
        bool found = false;
        int r;

        format_about(layers, digest, about);
        r = look_up(layers, about, &number, &found);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%" PRIu64, number);
        if ((size_t)snprintf(chain, sizeof(chain), "%s%s%s", name, *layers->chain ? ":" : "", layers->chain) >=
            sizeof(chain))
                return -E2BIG;
        if (!found) {
                r = make_layer(layers, name, about, unpack, data);
                if (r < 0) {
                        _cleanup_free_ char *reason = strdup(error_message());

                        (void)remove_draft(layers->store);
                        return refuse(-r, "%s", reason ? reason : "not enough memory");
                }
        }
        memcpy(layers->chain, chain, sizeof(chain));
        return 0;
}

int layers_give(const struct layers *layers, const struct ctl_container *container)
{
        _cleanup_close_ int rw = -EBADF;
        int r;

        if (mkdirat(container->fd, CTL_ROOTFS, 0755) < 0 || mkdirat(container->fd, LAYERS_RW, 0700) < 0 ||
            (rw = openat(container->fd, LAYERS_RW, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            mkdirat(rw, "upper", 0755) < 0 || fchmodat(rw, "upper", 0755, 0) < 0 || mkdirat(rw, "work", 0700) < 0)
                return fail(errno, "make the root of container %s", container->name);
        r = replace_file_at(container->fd, LAYERS_FILE, layers->chain, strlen(layers->chain), 0600);
        return r < 0 ? fail(-r, "write the layers of container %s", container->name) : 0;
}
