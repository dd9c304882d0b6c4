/* Groups in a temporary directory: plain files stand for those of the kernel, which shows what is asked of them. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/events.h"
#include "cgroups/host.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define EMPTY "populated 0\nfrozen 0\n"

struct fixture {
        char directory[64];
        struct cgroup_host host;
};

static inline int make_tree(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        snprintf(f->directory, sizeof(f->directory), "/tmp/berth-cgroup-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        f->host.root_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->host.root_fd >= 0);
        snprintf(f->host.mount_point, sizeof(f->host.mount_point), "/cg");
        snprintf(f->host.own_path, sizeof(f->host.own_path), "/system.slice/engine");
        f->host.controllers = CGROUP_CPU | CGROUP_MEMORY;
        *state = f;
        return 0;
}

static inline int remove_tree(void **state)
{
        struct fixture *f = *state;

        close(f->host.root_fd);
        assert_int_equal(remove_tree_at(AT_FDCWD, f->directory), 0);
        free(f);
        return 0;
}

static inline void put(const struct fixture *f, const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(f->host.root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static inline void holds(const struct fixture *f, const char *path, const char *expected)
{
        char text[256];

        assert_true(read_small_file_at(f->host.root_fd, path, text, sizeof(text)) >= 0);
        assert_string_equal(text, expected);
}

static inline void make_directory(const struct fixture *f, const char *path)
{
        assert_int_equal(mkdirat(f->host.root_fd, path, 0755), 0);
}

static inline int open_directory(const struct fixture *f, const char *path)
{
        int fd = openat(f->host.root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static inline bool exists(const struct fixture *f, const char *path)
{
        return faccessat(f->host.root_fd, path, F_OK, 0) == 0;
}
