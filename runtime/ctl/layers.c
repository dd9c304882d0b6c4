#include "runtime/ctl/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/number.h"
#include "base/path.h"
#include "namespaces/idmap.h"
#include "namespaces/overlay.h"
#include "namespaces/procfs.h"

#define LOCK_SECONDS 600
#define DRAFT        ".new"
#define DRAFT_WORK   ".work"
#define ABOUT        ".about"
#define ABOUT_MOST   256
#define WORKS        ".works" /* since when this host was started layers have been seen to work on it */
#define BOOT_SIZE    64

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

int layers_read(const struct ctl_container *container, struct layers_root *root)
{
        char chain[LAYERS_TEXT], *save = NULL;
        size_t n = 0;
        int r = read_chain(container, chain);

        if (r < 0)
                return r;
        for (char *name = strtok_r(chain, ":", &save); name; name = strtok_r(NULL, ":", &save)) {
                snprintf(root->paths[n], sizeof(root->paths[n]), "../../" LAYERS_STORE "/%s", name);
                root->lower[n] = root->paths[n];
                n++;
        }
        root->overlay = (struct oci_overlay){
                .lower = {.n = n, .v = root->lower}, .upper = LAYERS_RW "/upper", .work = LAYERS_RW "/work"};
        return 0;
}

static int mount_root(const struct ctl *ctl, const struct ctl_container *container, const struct oci_overlay *overlay,
                      const struct overlay_map *map, bool brief)
{
        char base[PATH_MAX];
        int mount;

        snprintf(base, sizeof(base), "%s/containers/%s", ctl->directory, container->name);
        mount = overlay_mount(base, overlay, map, brief);
        return mount < 0 ? fail_in(mount, "container %s", container->name) : mount;
}

/* What the container has written is one more layer, which another mount may have as its upper one. */
int layers_mount(const struct ctl *ctl, const struct ctl_container *container)
{
        const char *all[LAYERS_MOST + 1] = {LAYERS_RW "/upper"};
        struct layers_root root;
        int r = layers_read(container, &root);

        if (r < 0)
                return r;
        memcpy(all + 1, root.lower, root.overlay.lower.n * sizeof(*all));
        return mount_root(ctl, container, &(struct oci_overlay){.lower = {.n = root.overlay.lower.n + 1, .v = all}},
                          NULL, false);
}

int layers_mount_writable(const struct ctl *ctl, const struct ctl_container *container, bool brief)
{
        struct layers_root root;
        int r = layers_read(container, &root);

        return r < 0 ? r : mount_root(ctl, container, &root.overlay, NULL, brief);
}

/* ---- mapped ---- */

static int user_namespace(uint32_t first)
{
        struct oci_id_map map = {.host_id = first, .size = SETTINGS_IDS_SIZE};
        const struct oci_id_maps maps = {.n = 1, .v = &map};
        _cleanup_close_ int procfs = procfs_open();

        return procfs < 0 ? procfs : idmap_namespace(procfs, &maps, &maps);
}

/* What root is inside owns the root. */
static bool is_right(int mount, uint32_t owner)
{
        struct statvfs fs;
        struct stat st;

        return fstat(mount, &st) == 0 && st.st_uid == owner && fstatvfs(mount, &fs) == 0 && !(fs.f_flag & ST_RDONLY);
}

static bool try_mapped(const struct ctl *ctl, const struct ctl_container *container)
{
        const struct settings *settings = &container->settings;
        struct overlay_map map = {.uid = (uint32_t)settings->ids.value, .gid = (uint32_t)settings->ids.value};
        _cleanup_close_ int user = -EBADF, mount = -EBADF;
        struct layers_root root;

        if (settings->ids.set)
                map.user = user = user_namespace(map.uid);
        if ((settings->ids.set && user < 0) || layers_read(container, &root) < 0)
                return false;
        mount = mount_root(ctl, container, &root.overlay, settings->ids.set ? &map : NULL, true);
        return mount >= 0 && is_right(mount, settings->ids.set ? map.uid : 0);
}

static bool read_boot(char boot[BOOT_SIZE])
{
        return read_line_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, BOOT_SIZE) > 0;
}

/* Known until the host starts anew, with perhaps another kernel. */
bool layers_work(const struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_close_ int store = open_store(ctl, false);
        char boot[BOOT_SIZE], known[BOOT_SIZE];
        bool booted = store >= 0 && read_boot(boot);

        if (booted && read_small_file_at(store, WORKS, known, sizeof(known)) > 0 && strcmp(known, boot) == 0)
                return true;
        if (store < 0 || !try_mapped(ctl, container) || layers_settle(container) < 0) {
                error_clear();
                return false;
        }
        if (booted && container->settings.ids.set)
                (void)replace_file_at(store, WORKS, boot, strlen(boot), 0600);
        return true;
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

int layers_settle(const struct ctl_container *container)
{
        return remove_tree_at(container->fd, LAYERS_RW "/work/work/incompat");
}

int layers_forget(const struct ctl_container *container)
{
        int r = remove_tree_at(container->fd, LAYERS_FILE);

        return r < 0 ? r : remove_tree_at(container->fd, LAYERS_RW);
}

/* Calls visit with the chain of each container, those that are only partly made, too, until it says true. false: that
 * cannot be known. */
static bool each_chain(const struct ctl *ctl, bool (*visit)(const char *chain, void *data), void *data)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(ctl->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;
        bool known = list != NULL, done = false;

        while (known && !done && (entry = readdir(list))) {
                char path[NAME_MAX + 16], chain[LAYERS_TEXT];
                ssize_t n;

                if (!ctl_name_valid(entry->d_name))
                        continue;
                snprintf(path, sizeof(path), "%s/" LAYERS_FILE, entry->d_name);
                n = read_small_file_at(dirfd(list), path, chain, sizeof(chain));
                known = n >= 0 || n == -ENOENT;
                done = n > 0 && visit(chain, data);
        }
        return known;
}

static bool note_chain(const char *chain, void *data)
{
        fprintf(data, ":%s:", chain);
        return false;
}

/* ":7:3:1:" of all containers and of `more`. malloc'ed; NULL when that cannot be known. */
static char *used_layers(const struct ctl *ctl, const char *more)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        bool known;

        if (!out)
                return NULL;
        fprintf(out, ":%s:", more);
        known = each_chain(ctl, note_chain, out);
        if (fclose(out) != 0 || !known) {
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

/* Without the layers that no container has, nor `chain`. */
static void sweep(const struct ctl *ctl, int store, const char *chain)
{
        _cleanup_closedir_ DIR *list = NULL;
        _cleanup_free_ char *used = used_layers(ctl, chain);
        struct dirent *entry;

        list = used ? fdopendir(openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) : NULL;
        while (list && (entry = readdir(list)))
                if (number_of(entry->d_name))
                        remove_unused(store, used, number_of(entry->d_name));
        (void)remove_draft(store);
        if (used && strspn(used, ":") == strlen(used))
                (void)unlinkat(store, WORKS, 0);
        error_clear();
}

void layers_sweep(const struct ctl *ctl)
{
        _cleanup_close_ int store =
                openat(ctl->directory_fd, LAYERS_STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (store >= 0 && flock(store, LOCK_EX | LOCK_NB) == 0)
                sweep(ctl, store, "");
}

/* The layers of a chain that nobody has been seen to have. */
struct wanted {
        char chain[LAYERS_TEXT + 2]; /* ":7:3:1:"; those that somebody has are ":-:" */
};

static bool strike_out(const char *chain, void *data)
{
        struct wanted *wanted = data;
        char other[LAYERS_TEXT], *save = NULL;

        snprintf(other, sizeof(other), "%s", chain);
        for (char *name = strtok_r(other, ":", &save); name; name = strtok_r(NULL, ":", &save)) {
                char number[LAYERS_TEXT + 2], *found;

                snprintf(number, sizeof(number), ":%s:", name);
                found = strstr(wanted->chain, number);
                if (found)
                        memset(found + 1, '-', strlen(name));
        }
        return !strpbrk(wanted->chain, "0123456789");
}

void layers_read_chain(const struct ctl_container *container, char chain[LAYERS_TEXT])
{
        if (read_chain(container, chain) < 0)
                *chain = '\0';
        error_clear();
}

/* Where many share an image, another of them is soon found. */
void layers_release(const struct ctl *ctl, const char *chain)
{
        struct wanted wanted;

        snprintf(wanted.chain, sizeof(wanted.chain), ":%s:", chain);
        if (strpbrk(chain, "0123456789") && each_chain(ctl, strike_out, &wanted) && strpbrk(wanted.chain, "0123456789"))
                layers_sweep(ctl);
}

/* ---- adding ---- */

static int mount_in_store(const struct layers *layers, const struct oci_overlay *overlay)
{
        char base[PATH_MAX];

        snprintf(base, sizeof(base), "%s/" LAYERS_STORE, layers->ctl->directory);
        return overlay_mount(base, overlay, NULL, true);
}

/* Whether one can be written over another here. */
static int try_overlay(const struct layers *layers)
{
        static const char *names[] = {".try-lower", ".try-upper", ".try-work"};
        const struct oci_overlay overlay = {.lower = {.n = 1, .v = names}, .upper = names[1], .work = names[2]};
        int mount = -EBADF;

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (mkdirat(layers->store, names[i], 0700) < 0 && errno != EEXIST)
                        return fail(errno, "make a directory for layers");
        mount = mount_in_store(layers, &overlay);
        if (mount >= 0)
                close(mount);
        error_clear();
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                int r = remove_tree_at(layers->store, names[i]);

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
        return r < 0 ? fail(-r, "lock %s/" LAYERS_STORE, ctl->directory) : 0;
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

/* What it lies on is below it: links and whiteouts mean there what they mean in the image. */
static int mount_draft(const struct layers *layers)
{
        const char *lower[LAYERS_MOST];
        struct oci_overlay overlay = {.lower = {.v = lower}, .upper = DRAFT, .work = DRAFT_WORK};
        char chain[LAYERS_TEXT], *save = NULL;

        if (mkdirat(layers->store, DRAFT_WORK, 0700) < 0)
                return fail(errno, "make a directory for a layer");
        memcpy(chain, layers->chain, sizeof(chain));
        for (char *name = strtok_r(chain, ":", &save); name; name = strtok_r(NULL, ":", &save))
                lower[overlay.lower.n++] = name;
        return mount_in_store(layers, &overlay);
}

static int open_draft(const struct layers *layers)
{
        _cleanup_close_ int mount = -EBADF;
        int fd;

        if (mkdirat(layers->store, DRAFT, 0755) < 0 || fchmodat(layers->store, DRAFT, 0755, 0) < 0)
                return fail(errno, "make a directory for a layer");
        if (*layers->chain) {
                mount = mount_draft(layers);
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

/* Before the first one that is to be made. Numbers are given anew: nothing may be left that lies on one that is gone.
 */
static int prepare(struct layers *layers)
{
        sweep(layers->ctl, layers->store, layers->chain);
        layers->prepared = true;
        return try_overlay(layers);
}

int layers_add(struct layers *layers, const char *digest, int (*unpack)(int root, void *data), void *data)
{
        char about[ABOUT_MOST], name[24], chain[LAYERS_TEXT];
        uint64_t number = 0;
        bool found = false;
        int r;

        format_about(layers, digest, about);
        r = look_up(layers, about, &number, &found);
        if (r == 0 && !found && !layers->prepared) {
                r = prepare(layers);
                if (r == 0)
                        r = look_up(layers, about, &number, &found);
        }
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
