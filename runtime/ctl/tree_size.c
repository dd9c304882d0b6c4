/* A tree that a container has made, of any depth, is measured as it is removed (base/remove_tree.c): with two
 * descriptors at a time and no recursion. */
#include "runtime/ctl/tree_size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define BLOCK 512

/* A directory to go to: one in the present one, or without a name the one above it. */
struct stop {
        dev_t dev;
        ino_t ino;
        char *name;
};

struct walk {
        int fd; /* the present one */
        dev_t dev;
        struct stop *stops; /* the next is the last of them */
        size_t n, room;
        uint64_t bytes;
};

static void walk_release(struct walk *walk)
{
        replace_fd(&walk->fd, -EBADF);
        for (size_t i = 0; i < walk->n; i++)
                free(walk->stops[i].name);
        free(walk->stops);
}

/* Takes the name. */
static int put_stop(struct walk *walk, const struct stat *st, char *name)
{
        if (walk->n == walk->room) {
                size_t room = walk->room * 2 + 64;
                struct stop *bigger = realloc(walk->stops, room * sizeof(*bigger));

                if (!bigger) {
                        free(name);
                        return fail(ENOMEM, "keep a directory's name");
                }
                walk->stops = bigger;
                walk->room = room;
        }
        walk->stops[walk->n++] = (struct stop){st->st_dev, st->st_ino, name};
        return 0;
}

static int add_entry(struct walk *walk, const char *name)
{
        struct stat st;
        char *copy;

        if (fstatat(walk->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(errno, "look at %s", name);
        if (!S_ISDIR(st.st_mode)) {
                /* Each name gets its share. */
                walk->bytes += (uint64_t)st.st_blocks * BLOCK / st.st_nlink;
                return 0;
        }
        if (st.st_dev != walk->dev)
                return 0;
        walk->bytes += (uint64_t)st.st_blocks * BLOCK;
        copy = strdup(name);
        return copy ? put_stop(walk, &st, copy) : fail(ENOMEM, "keep a directory's name");
}

static int add_entries(struct walk *walk)
{
        int copy = openat(walk->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *list = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        int r = 0;

        if (!list) {
                r = fail(errno, "read a directory");
                replace_fd(&copy, -EBADF);
                return r;
        }
        while (r == 0 && (errno = 0, (entry = readdir(list))))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = add_entry(walk, entry->d_name);
        return r == 0 && errno ? fail(errno, "read a directory") : r;
}

/* What has another number than it had was exchanged meanwhile. */
static int go_to(struct walk *walk, const struct stop *stop)
{
        const char *name = stop->name ? stop->name : "..";
        int fd = openat(walk->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat above, st;
        int r;

        if (fd < 0)
                return fail(errno, "open directory %s", name);
        r = fstat(fd, &st) < 0 || fstat(walk->fd, &above) < 0 ? -errno : 0;
        replace_fd(&walk->fd, fd);
        if (r < 0)
                return fail(-r, "look at directory %s", name);
        if (st.st_dev != stop->dev || st.st_ino != stop->ino)
                return refuse(EBUSY, "directory %s was moved while it was being measured", name);
        if (!stop->name)
                return 0;
        r = put_stop(walk, &above, NULL);
        return r < 0 ? r : add_entries(walk);
}

static int measure(struct walk *walk)
{
        int r = add_entries(walk);

        while (r == 0 && walk->n) {
                struct stop stop = walk->stops[--walk->n];

                r = go_to(walk, &stop);
                free(stop.name);
        }
        return r;
}

int tree_size(int dirfd, const char *name, uint64_t *bytes)
{
        _cleanup_(walk_release) struct walk walk = {.fd = -EBADF};
        struct stat st;
        int r;

        walk.fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (walk.fd < 0 || fstat(walk.fd, &st) < 0)
                return fail(errno, "measure %s", name);
        walk.dev = st.st_dev;
        walk.bytes = (uint64_t)st.st_blocks * BLOCK;
        r = measure(&walk);
        *bytes = walk.bytes;
        return r < 0 ? fail_in(r, "measure %s", name) : 0;
}
