/* The one module that resolves paths inside a root. Everything that names a file of a container goes through here:
 * symlinks, "..", absolute links and magic links of the image stay inside `root` (openat2(2) RESOLVE_IN_ROOT |
 * RESOLVE_NO_MAGICLINKS, Linux 5.6). What is returned is a descriptor; nobody uses the string again (CVE-2021-30465,
 * CVE-2024-45310). Messages name the path.
 *
 * root: a descriptor of the root directory (O_PATH is enough). path: as in config.json, absolute or not. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Opens an existing object. flags as open(2); O_CLOEXEC is added. Returns the descriptor. ENOENT and the like are
 * left as the errno with a message. */
int in_root_open(int root, const char *path, int flags);

/* Opens a directory (O_PATH), making it and its missing parents with `mode`. Each step is made with mkdirat below a
 * descriptor and opened in-root again, so a symlink put in its way stays inside the root. Returns the descriptor. */
int in_root_mkdir(int root, const char *path, mode_t mode);

/* Opens (O_PATH) the parent directory of path, made with mode 0755 when missing, and gives the last component in
 * `name` (at most name_size - 1 bytes). A path that ends in "..", "." or "/" alone is refused. Returns the
 * descriptor. */
int in_root_parent(int root, const char *path, char *name, size_t name_size);

/* Opens (O_PATH) a mount target: the existing object, or a new directory or empty file with its parents. */
int in_root_target(int root, const char *path, int is_directory);

/* A path that begins in this directory unless it is absolute. malloc'ed; NULL without memory. */
char *path_from(const char *directory, const char *path);

/* Takes ".", ".." and doubled or trailing slashes out of an absolute path, in place and by the text alone: what a path
 * in a configuration means before any link of an image is looked at. ".." at the root stays at the root. */
void path_clean(char *path);

/* The path that an open file has now (PATH_MAX bytes), by /proc/self/fd. Bare -errno. */
int fd_path(int fd, char path[PATH_MAX]);

/* open(2) of a path that may be longer than the kernel takes (PATH_MAX). What is cut off in front must be directories.
 * Bare -errno. */
int path_open_long(const char *path, int flags);

/* 1 when fd is a directory, 0 when it is something else, -errno. */
int fd_is_directory(int fd);

/* Whether the open file is the caller's, and nobody else may write to it. */
bool fd_is_ours_alone(int fd);

/* Removes everything below `name` in dirfd and `name` itself, by descriptor, without following a symlink or crossing a
 * mount (CVE-2022-21658). A missing name is success. */
int remove_tree_at(int dirfd, const char *name);
