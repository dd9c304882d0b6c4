/* Making a container and removing it. Its settings lie in the file `partial` until the last step; whoever finds a
 * directory without `settings` that nobody has locked knows that a crash left it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/timestamp.h"
#include "runtime/ctl/create.h"
#include "runtime/ctl/event_log.h"
#include "runtime/ctl/ids.h"
#include "runtime/ctl/init_program.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/network.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"
#include "runtime/ctl/temporary.h"

/* Locked before anybody can see that it is there and not whole. */
static int make_directory(struct ctl *ctl, struct ctl_container *container)
{
        const char *name = container->name;
        int r = 0;

        if (mkdirat(ctl->containers_fd, name, 0700) < 0)
                return errno == EEXIST ? refuse(EEXIST, "there is a container %s already", name)
                                       : fail(errno, "make container %s", name);
        container->fd = openat(ctl->containers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (container->fd < 0 || flock(container->fd, LOCK_EX) < 0)
                r = fail(errno, "open container %s", name);
        if (r < 0)
                (void)unlinkat(ctl->containers_fd, name, AT_REMOVEDIR);
        return r;
}

/* Files of the container belong to the ids that they have inside, and are mapped when it starts; some of them are
 * programs that change the user. So nobody may come near them but root and the container itself, which passes as the
 * group that its root is on this host. */
static int protect(const struct ctl_container *container)
{
        bool mapped = container->settings.unprivileged && container->settings.ids.set && geteuid() == 0;

        if (mapped && fchown(container->fd, 0, (gid_t)container->settings.ids.value) < 0)
                return fail(errno, "give the directory of container %s to its group", container->name);
        return fchmod(container->fd, mapped ? 0710 : 0700) < 0
                       ? fail(errno, "protect the directory of container %s", container->name)
                       : 0;
}

static int adopt_texts(struct settings *settings, const char *key, const struct oci_strings *values)
{
        for (size_t i = 0; i < values->n; i++) {
                int r = settings_set(settings, setting_find(key), values->v[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int adopt_text(struct settings *settings, const char *key, const char *value, const char *present)
{
        return !value || !*value || present ? 0 : settings_set(settings, setting_find(key), value);
}

/* What the person said wins over what the image says; of the environment both count, the person's later. */
static int adopt_config(struct settings *settings, const struct image_config *config)
{
        struct oci_strings said = settings->env;
        int r = 0;

        settings_unset(settings, setting_find("env"));
        r = adopt_texts(settings, "env", &config->env);
        if (r == 0)
                r = adopt_texts(settings, "env", &said);
        if (r == 0 && settings->args.n == 0)
                r = adopt_texts(settings, "arg", &config->args);
        if (r == 0)
                r = adopt_text(settings, "user", config->user, settings->user);
        if (r == 0)
                r = adopt_text(settings, "workdir", config->workdir, settings->workdir);
        if (r == 0)
                r = adopt_text(settings, "stop-signal", config->stop_signal, settings->stop_signal);
        return r < 0 ? fail_in(r, "the image's configuration") : 0;
}

/* 1: not here. */
static int lay_on_layers(struct ctl *ctl, struct ctl_container *container, const char *image, struct arena *arena,
                         struct image_config *config)
{
        _cleanup_layers_ struct layers layers;
        int r = layers_begin(ctl, &layers);

        if (r == 0)
                r = image_unpack(ctl, image, -EBADF, &layers, arena, config);
        if (r == -EOPNOTSUPP || r == -E2BIG) {
                error_clear();
                *config = (struct image_config){0};
                return 1;
        }
        return r < 0 ? r : layers_give(&layers, container);
}

/* Whether the kernel and its file systems can map layers is found out by doing it. */
static int check_layers(struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_close_ int from = -EBADF;

        if (layers_work(ctl, container))
                return 0;
        from = storage_open(ctl, container, STORAGE_READ);
        return from < 0 ? from : storage_replace(ctl, container, from);
}

static int fill_root(struct ctl *ctl, struct ctl_container *container, const struct create_source *source,
                     struct arena *arena, struct image_config *config)
{
        _cleanup_close_ int root = -EBADF;
        int r = source->image && storage_may_share(&container->settings)
                        ? lay_on_layers(ctl, container, source->image, arena, config)
                        : 1;

        if (r <= 0)
                return r < 0 ? r : check_layers(ctl, container);
        root = storage_make(ctl, container);
        return root < 0 ? root : source->fill(ctl, root, arena, config, source->data);
}

/* Engines mount something there, so an image need not have them. What is there already stays as it is. */
static int make_volumes(int root, const struct oci_strings *volumes)
{
        mode_t before = umask(022);
        int r = 0;

        for (size_t i = 0; i < volumes->n && r == 0; i++) {
                _cleanup_close_ int fd = in_root_mkdir(root, volumes->v[i], 0755);

                r = fd < 0 ? fail_in(fd, "the image's volume") : 0;
        }
        (void)umask(before);
        return r;
}

static int fill(struct ctl *ctl, struct ctl_container *container, const struct create_source *source)
{
        struct settings *settings = &container->settings;
        _cleanup_(arena_free) struct arena arena = {0};
        struct image_config config = {0};
        _cleanup_close_ int root = -EBADF;
        int r = fill_root(ctl, container, source, &arena, &config);

        if (r == 0)
                r = adopt_config(settings, &config);
        if (r < 0)
                return r;
        root = storage_open(ctl, container, STORAGE_MAKE);
        if (root < 0)
                return root;
        r = make_volumes(root, &config.volumes);
        if (r == 0)
                r = init_program_choose(settings, root);
        if (r == 0 && !source->moved)
                r = init_program_personalise(settings, root, container->name);
        replace_fd(&root, -EBADF);
        return r < 0 ? r : storage_made(container);
}

/* What is found out there comes back by the file. */
struct filling {
        struct ctl *ctl;
        struct ctl_container *container;
        const struct create_source *source;
};

static int fill_and_save(void *data)
{
        const struct filling *filling = data;
        int r = fill(filling->ctl, filling->container, filling->source);

        return r < 0 ? r : ctl_save_partial(filling->container);
}

static int fill_mapped(struct ctl *ctl, struct ctl_container *container, const struct create_source *source)
{
        struct filling filling = {ctl, container, source};
        int r;

        if (geteuid() == 0)
                return fill(ctl, container, source);
        r = subids_run(&container->settings, fill_and_save, &filling);
        if (r < 0)
                return r;
        settings_release(&container->settings);
        return ctl_read_settings(container, CTL_PARTIAL_FILE);
}

static int choose_ids(struct ctl *ctl, struct ctl_container *container)
{
        struct settings *settings = &container->settings;

        if (!settings->unprivileged)
                return 0;
        if (geteuid() == 0)
                return ids_allocate(ctl, container);
        return settings->subuids ? 0 : subids_choose(settings);
}

static int make(struct ctl *ctl, struct ctl_container *container, const struct create_source *source)
{
        struct settings *settings = &container->settings;
        char now[TIMESTAMP_SIZE];
        int r = 0;

        timestamp_now(now);
        r = settings_set(settings, setting_find("created"), now);
        if (r == 0)
                r = choose_ids(ctl, container);
        /* From here on the settings say which ids are this container's. */
        if (r == 0)
                r = ctl_save_partial(container);
        if (r == 0)
                r = protect(container);
        if (r == 0)
                r = fill_mapped(ctl, container, source);
        /* Taken now, a fixed address that another has is refused before there is anything to lose. */
        if (r == 0)
                r = network_prepare(ctl, container, STORAGE_MAKE);
        if (r == 0)
                r = storage_made(container);
        if (r == 0)
                r = ctl_save_partial(container);
        if (r == 0)
                ctl_configure_early(ctl, container);
        if (r == 0 && renameat(container->fd, CTL_PARTIAL_FILE, container->fd, SETTINGS_FILE) < 0)
                r = fail(errno, "finish container %s", container->name);
        return r;
}

/* Its settings, `partial` from now on, are the last to go but for the directory: a crash on the way leaves what can be
 * removed again. */
static int remove_files(void *data)
{
        const struct ctl_container *container = data;
        static const char *const entries[] = {CTL_ROOTFS,      CTL_ROOTFS ".new", STORAGE_DISK,  STORAGE_DISK ".new",
                                              CTL_CONFIG_FILE, CTL_WAS_FILE,      CTL_LOG_FILE,  CTL_LOG_FILE ".1",
                                              CTL_LAST_FILE,   CTL_STOPPED_FILE,  CTL_SNAPSHOTS, LAYERS_RW,
                                              LAYERS_FILE};
        int r;

        if (renameat(container->fd, SETTINGS_FILE, container->fd, CTL_PARTIAL_FILE) < 0 && errno != ENOENT)
                return fail(errno, "remove container %s", container->name);
        for (size_t i = 0; i < ELEMENTS(entries); i++) {
                r = remove_tree_at(container->fd, entries[i]);
                if (r < 0)
                        return fail_in(r, "remove container %s", container->name);
        }
        return 0;
}

static int remove_directory(struct ctl *ctl, struct ctl_container *container)
{
        int r = 0;

        /* Its settings may be damaged. */
        if (geteuid() != 0 && !container->settings.created)
                r = subids_choose(&container->settings);
        if (r == 0)
                r = subids_run(&container->settings, remove_files, container);
        if (r < 0)
                return r;
        /* By the settings, which go now. */
        storage_forget(container);
        r = remove_tree_at(container->fd, CTL_PARTIAL_FILE);
        if (r == 0)
                r = remove_tree_at(ctl->containers_fd, container->name);
        if (r < 0)
                return fail_in(r, "remove container %s", container->name);
        ids_forget(ctl, &container->settings);
        return 0;
}

int create_container(struct ctl *ctl, const char *name, const struct create_source *source, struct settings *settings)
{
        struct ctl_container container = CTL_CONTAINER_NONE;
        int r;

        if (!ctl_name_valid(name))
                return ctl_find(ctl, name, CTL_UNLOCKED, &container);
        r = network_check(ctl, name, settings);
        if (r < 0)
                return r;
        temporary_sweep(ctl);
        snprintf(container.name, sizeof(container.name), "%s", name);
        r = make_directory(ctl, &container);
        if (r < 0) {
                replace_fd(&container.fd, -EBADF);
                return r;
        }
        container.settings = *settings;
        r = make(ctl, &container, source);
        if (r < 0) {
                _cleanup_free_ char *reason = strdup(error_message());

                if (network_forget(ctl, name) < 0 || remove_directory(ctl, &container) < 0)
                        log_warning("%s", error_message());
                if (source->image)
                        layers_sweep(ctl);
                r = refuse(-r, "create container %s: %s", name, reason ? reason : "not enough memory");
        }
        if (r == 0)
                event_record(ctl, name, EVENT_CREATED, (struct event_details){0});
        *settings = container.settings;
        replace_fd(&container.fd, -EBADF);
        return r;
}

static int fill_from_image(struct ctl *ctl, int root, struct arena *arena, struct image_config *config,
                           const void *data)
{
        return image_unpack(ctl, data, root, NULL, arena, config);
}

int ctl_create(struct ctl *ctl, const char *name, const char *image, struct settings *settings)
{
        int r = image_check(image);

        return r < 0 ? r
                     : create_container(ctl, name,
                                        &(struct create_source){.fill = fill_from_image,
                                                                .data = image,
                                                                .image = image_has_layers(image) ? image : NULL},
                                        settings);
}

int ctl_destroy(struct ctl *ctl, const char *name, bool force)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct ctl_status status;
        char layers[LAYERS_TEXT];
        int r;

        if (force) {
                r = ctl_stop(ctl, name, 0, false);
                if (r < 0)
                        return r;
        }
        r = ctl_find(ctl, name, CTL_LOCKED, &container);
        if (r < 0 && (container.partial || (container.damaged && force)))
                error_clear();
        else if (r < 0)
                return container.damaged ? fail_in(r, "destroy container %s (--force does it even so)", name) : r;
        r = ctl_status(ctl, &container, &status);
        if (r == 0 && (status.state == CTL_RUNNING || status.state == CTL_PAUSED || status.state == CTL_RESTARTING))
                return refuse(EBUSY, "container %s is %s (berthctl stop %s, or destroy --force)", name,
                              ctl_state_name(status.state), name);
        if (r < 0 && !force)
                return r;
        error_clear();
        /* Records of an end that nobody has tidied up after. */
        r = container_delete(ctl->runtime, name, true);
        if (r == 0)
                r = ctl_finish_rename(ctl, &container);
        if (r == 0)
                r = network_forget(ctl, name);
        if (r == 0)
                r = keeper_forget(ctl, name);
        layers_read_chain(&container, layers);
        if (r == 0)
                r = remove_directory(ctl, &container);
        temporary_sweep(ctl);
        if (container.partial)
                layers_sweep(ctl);
        else
                layers_release(ctl, layers);
        if (r == 0)
                event_record(ctl, name, EVENT_DESTROYED, (struct event_details){0});
        return r;
}
