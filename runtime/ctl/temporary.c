#include "runtime/ctl/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/path.h"

#define ATTEMPTS 16
#define PREFIX   "image-"

/* Who sweeps may have it before we have locked it. */
static int make_one(const struct ctl *ctl, struct temporary *temporary)
{
        struct stat st;

        snprintf(temporary->path, sizeof(temporary->path), "%s/%s", ctl->directory, TEMPORARY_TEMPLATE);
        if (!mkdtemp(temporary->path)) {
                temporary->path[0] = '\0';
                return fail(errno, "make a directory in %s", ctl->directory);
        }
        snprintf(temporary->name, sizeof(temporary->name), "%s", strrchr(temporary->path, '/') + 1);
        replace_fd(&temporary->fd, open(temporary->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (temporary->fd < 0)
                return errno == ENOENT ? 0 : fail(errno, "open %s", temporary->path);
        if (flock(temporary->fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : fail(errno, "lock %s", temporary->path);
        return fstat(temporary->fd, &st) == 0 && st.st_nlink > 0;
}

int temporary_make(const struct ctl *ctl, struct temporary *temporary)
{
        *temporary = (struct temporary){.ctl = ctl, .fd = -EBADF};
        for (int i = 0; i < ATTEMPTS; i++) {
                int r = make_one(ctl, temporary);

                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return refuse(EBUSY, "make a directory in %s: somebody else removes it each time", ctl->directory);
}

/* The lock lasts until it is gone. */
void temporary_remove(struct temporary *temporary)
{
        if (temporary->path[0])
                (void)remove_tree_at(temporary->ctl->directory_fd, temporary->name);
        replace_fd(&temporary->fd, -EBADF);
}

static void sweep_one(const struct ctl *ctl, const char *name)
{
        _cleanup_close_ int fd = openat(ctl->directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return;
        if (remove_tree_at(ctl->directory_fd, name) < 0)
                log_warning("remove what is left of an image: %s", error_message());
        error_clear();
}

void temporary_sweep(const struct ctl *ctl)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(ctl->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;

        while (list && (entry = readdir(list)))
                if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
                    strlen(entry->d_name) == strlen(TEMPORARY_TEMPLATE))
                        sweep_one(ctl, entry->d_name);
}
