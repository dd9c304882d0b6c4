/* The containers on disk: finding, locking, saving. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "runtime/ctl/ctl.h"

static bool is_letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool ctl_name_valid(const char *name)
{
        size_t length = 0;

        while (is_letter_or_digit(name[length]) || (name[length] && strchr("_.-", name[length])))
                length++;
        return is_letter_or_digit(name[0]) && !name[length] && length <= CTL_NAME_MAX;
}

static int make_path(const char *path, mode_t mode)
{
        char partial[4096];

        if (strlen(path) >= sizeof(partial))
                return fail(ENAMETOOLONG, "make directory %s", path);
        snprintf(partial, sizeof(partial), "%s", path);
        for (char *p = partial + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(partial, 0755) < 0 && errno != EEXIST)
                        return fail(errno, "make directory %s", partial);
                *p = '/';
        }
        return mkdir(path, mode) < 0 && errno != EEXIST ? fail(errno, "make directory %s", path) : 0;
}

/* ext4 then puts the directories below apart, each with its files near it, as those of /home (chattr(1), T). Without a
 * journal it gives no inode anew for minutes, and looks at each of them for every new file (fs/ext4/ialloc.c,
 * recently_deleted): side by side, containers that are gone would be in the way of the next ones. Other file systems
 * have no such flag. */
static void spread(int directory)
{
        int flags;

        if (ioctl(directory, FS_IOC_GETFLAGS, &flags) < 0)
                return;
        flags |= FS_TOPDIR_FL;
        (void)ioctl(directory, FS_IOC_SETFLAGS, &flags);
}

/* The mapped root of a container must be able to pass, and nobody may list. What protects a container's files, of which
 * some may be set-user-id programs, from the host's users is the mode of its own directory (ctl_create). */
int ctl_open(struct ctl *ctl, bool make)
{
        const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        bool made;
        int r;

        if (make) {
                r = make_path(ctl->directory, 0711);
                if (r < 0)
                        return r;
        }
        ctl->directory_fd = open(ctl->directory, flags);
        if (ctl->directory_fd < 0)
                return errno == ENOENT && !make ? 0 : fail(errno, "open %s", ctl->directory);
        made = make && mkdirat(ctl->directory_fd, "containers", 0711) == 0;
        if (make && !made && errno != EEXIST)
                return fail(errno, "make %s/containers", ctl->directory);
        ctl->containers_fd = openat(ctl->directory_fd, "containers", flags);
        if (ctl->containers_fd < 0 && (errno != ENOENT || make))
                return fail(errno, "open %s/containers", ctl->directory);
        if (made)
                spread(ctl->containers_fd);
        return 0;
}

void ctl_close(struct ctl *ctl)
{
        replace_fd(&ctl->containers_fd, -EBADF);
        replace_fd(&ctl->directory_fd, -EBADF);
}

void ctl_release(struct ctl_container *container)
{
        replace_fd(&container->fd, -EBADF);
        replace_fd(&container->root, -EBADF);
        settings_release(&container->settings);
}

static int lock_directory(int fd, const char *name)
{
        int r = lock_file(fd, LOCK_EX, CTL_LOCK_SECONDS);

        if (r == -ETIMEDOUT)
                return refuse(EBUSY, "container %s is busy: another command has held it for a minute", name);
        return r < 0 ? fail(-r, "lock container %s", name) : 0;
}

/* What a hand has taken out must not make the container more than it was: without ids of its own its root would be the
 * host's. */
static int check_settings(const struct ctl_container *container)
{
        const struct settings *settings = &container->settings;

        if (settings->unprivileged && !settings->ids.set && geteuid() == 0)
                return refuse(EINVAL, "the settings of container %s lack its ids", container->name);
        if (!settings->unprivileged && settings->ids.set)
                return refuse(EINVAL, "the settings of container %s have ids, but unprivileged is no", container->name);
        if (settings->swap.set && !settings->memory.set)
                return refuse(EINVAL, "the settings of container %s limit swap, but not memory", container->name);
        return 0;
}

int ctl_read_settings(struct ctl_container *container, const char *file)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_own_file_at(container->fd, file, SETTINGS_MOST, &text, &size);

        if (r < 0)
                return fail(-r, "read the settings of container %s", container->name);
        if (strlen(text) != size)
                return refuse(EINVAL, "the settings of container %s hold a NUL byte", container->name);
        /* As it is where nothing says otherwise. */
        container->settings.unprivileged = true;
        r = settings_parse(NULL, text, &container->settings);
        return r < 0 ? fail_in(r, "settings of container %s", container->name) : check_settings(container);
}

static int open_container(struct ctl *ctl, const char *name, enum ctl_lock lock, struct ctl_container *container)
{
        int r;

        *container = (struct ctl_container)CTL_CONTAINER_NONE;
        if (!ctl_name_valid(name))
                return refuse(EINVAL,
                              "'%.80s' is no name of a container: expected letters, digits, '_', '.' and '-', "
                              "a letter or digit first, at most %d",
                              name, CTL_NAME_MAX);
        memcpy(container->name, name, strlen(name) + 1);
        if (ctl->containers_fd >= 0)
                container->fd = openat(ctl->containers_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (container->fd < 0)
                return ctl->containers_fd < 0 || errno == ENOENT ? refuse(ENOENT, "there is no container %s", name)
                                                                 : fail(errno, "open container %s", name);
        r = lock == CTL_LOCKED ? lock_directory(container->fd, name) : 0;
        /* While we waited for the lock it may have been destroyed or renamed. */
        if (r == 0 && lock == CTL_LOCKED && !is_file_at(container->fd, ctl->containers_fd, name))
                r = refuse(ENOENT, "there is no container %s any more", name);
        return r;
}

/* Whoever makes or removes a container has it locked all the time; a crash has not. */
static bool is_locked(int fd)
{
        if (flock(fd, LOCK_SH | LOCK_NB) < 0)
                return errno == EWOULDBLOCK;
        (void)flock(fd, LOCK_UN);
        return false;
}

static int refuse_partial(struct ctl_container *container)
{
        const char *name = container->name;

        (void)ctl_read_settings(container, CTL_PARTIAL_FILE);
        return container->busy ? refuse(EBUSY, "container %s is being made or removed by another command", name)
                               : refuse(EINVAL, "container %s is only partly made (berthctl destroy %s removes it)",
                                        name, name);
}

int ctl_find(struct ctl *ctl, const char *name, enum ctl_lock lock, struct ctl_container *container)
{
        int r = open_container(ctl, name, lock, container);

        if (r < 0)
                return r;
        r = ctl_read_settings(container, SETTINGS_FILE);
        if (r == -ENOENT && lock == CTL_UNLOCKED) {
                container->busy = is_locked(container->fd);
                /* It may have become whole between both looks. */
                if (!container->busy)
                        r = ctl_read_settings(container, SETTINGS_FILE);
        }
        container->partial = r == -ENOENT;
        container->damaged = r < 0 && !container->partial;
        return container->partial ? refuse_partial(container) : r;
}

static int save(const struct ctl_container *container, const char *file,
                int (*replace)(int dirfd, const char *name, const void *data, size_t size, mode_t mode))
{
        _cleanup_free_ char *text = NULL;
        int r = settings_format(&container->settings, &text);

        if (r < 0)
                return r;
        r = replace(container->fd, file, text, strlen(text), 0600);
        return r < 0 ? fail(-r, "write the settings of container %s", container->name) : 0;
}

int ctl_save(const struct ctl *ctl, const struct ctl_container *container)
{
        int r = save(container, SETTINGS_FILE, replace_file_durably_at);

        if (r == 0)
                ctl_configure_early(ctl, container);
        return r;
}

int ctl_save_partial(const struct ctl_container *container)
{
        return save(container, CTL_PARTIAL_FILE, replace_file_at);
}
