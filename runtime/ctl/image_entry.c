#include "runtime/ctl/image_entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "runtime/ctl/archive_library.h"

#define WHITEOUT     ".wh."
#define WHITEOUT_ALL ".wh..wh..opq"

static const char *last_component(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* The directory in the root that the path's last component is in, as a path without any link: "" or ending with "/". */
static int settle_parent(int root, const char *path, char *out, size_t size)
{
        char text[PATH_MAX], of_root[PATH_MAX], of_parent[PATH_MAX];
        size_t length = (size_t)(last_component(path) - path);
        _cleanup_close_ int parent = -EBADF;
        int r;

        *out = '\0';
        if (length == 0)
                return 0;
        if (length >= sizeof(text))
                return refuse(ENAMETOOLONG, "its name is too long");
        snprintf(text, sizeof(text), "%.*s", (int)length, path);
        parent = in_root_mkdir(root, text, 0755);
        if (parent < 0)
                return parent;
        r = fd_path(root, of_root);
        if (r == 0)
                r = fd_path(parent, of_parent);
        if (r < 0)
                return fail(-r, "find its directory");
        /* Of a mount that is attached nowhere. */
        if (strcmp(of_root, "/") == 0)
                *of_root = '\0';
        if (strcmp(of_parent, "/") == 0)
                *of_parent = '\0';
        length = strlen(of_root);
        if (strncmp(of_parent, of_root, length) != 0 || strlen(of_parent + length) + 2 > size)
                return refuse(ENAMETOOLONG, "its name is too long");
        if (of_parent[length])
                snprintf(out, size, "%s/", of_parent + length + 1);
        return 0;
}

static int settle_name(int root, const char *path, char *out, size_t size)
{
        int r = settle_parent(root, path, out, size);
        size_t used = strlen(out);

        if (r == 0 && snprintf(out + used, size - used, "%s", last_component(path)) >= (int)(size - used))
                r = refuse(ENAMETOOLONG, "its name is too long");
        return r;
}

static bool is_directory(int root, const char *path)
{
        struct stat st;

        return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool is_images_business(const char *name)
{
        return strcmp(name, "security.capability") == 0 ||
               (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

static bool is_kept_of_container(const char *name)
{
        return is_images_business(name) ||
               (strncmp(name, "trusted.", 8) == 0 && strncmp(name, "trusted.overlay.", 16) != 0);
}

static void entry_drop(struct archive_entry **entry)
{
        if (*entry)
                archive_entry_free(*entry);
}

static void copy_attributes(struct archive_entry *from, struct archive_entry *to, bool (*wanted)(const char *name))
{
        const char *name;
        const void *value;
        size_t size;

        archive_entry_xattr_clear(to);
        archive_entry_xattr_reset(from);
        while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
                if (wanted(name))
                        archive_entry_xattr_add_entry(to, name, value, size);
}

static int filter_attributes(struct archive_entry *entry, bool (*wanted)(const char *name))
{
        _cleanup_(entry_drop) struct archive_entry *kept = NULL;

        if (archive_entry_xattr_count(entry) == 0)
                return 0;
        kept = archive_entry_new();
        if (!kept)
                return fail(ENOMEM, "keep its attributes");
        copy_attributes(entry, kept, wanted);
        copy_attributes(kept, entry, wanted);
        return 0;
}

static bool is_no_power(const char *name)
{
        return strncmp(name, "security.", 9) != 0 && strncmp(name, "trusted.", 8) != 0;
}

int image_entry_disarm(struct archive_entry *entry)
{
        mode_t set_ids = archive_entry_filetype(entry) == AE_IFDIR ? S_ISGID : S_ISUID | S_ISGID;

        archive_entry_set_perm(entry, archive_entry_perm(entry) & ~set_ids);
        return filter_attributes(entry, is_no_power);
}

static int settle_entry(int root, struct archive_entry *entry)
{
        char path[PATH_MAX], settled[PATH_MAX];
        int r;

        if ((size_t)snprintf(path, sizeof(path), "%s", archive_entry_pathname(entry)) >= sizeof(path))
                return refuse(ENAMETOOLONG, "its name is too long");
        for (size_t length = strlen(path); length > 0 && path[length - 1] == '/'; length--)
                path[length - 1] = '\0';
        r = settle_name(root, path, settled, sizeof(settled));
        if (r < 0)
                return r;
        archive_entry_copy_pathname(entry, settled);
        return archive_entry_filetype(entry) != AE_IFDIR && is_directory(root, settled) ? remove_tree_at(root, settled)
                                                                                        : 0;
}

int image_entry_settle(int root, struct archive_entry *entry, bool container)
{
        const char *link = archive_entry_hardlink(entry);
        char settled[PATH_MAX];
        int r = filter_attributes(entry, container ? is_kept_of_container : is_images_business);

        if (r == 0)
                r = settle_entry(root, entry);
        if (r < 0 || !link)
                return r;
        r = settle_name(root, link, settled, sizeof(settled));
        if (r == 0)
                archive_entry_copy_hardlink(entry, settled);
        return r;
}

static int remove_contents(int dir)
{
        _cleanup_closedir_ DIR *list = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;

        while (list && (entry = readdir(list))) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = remove_tree_at(dir, entry->d_name);
                if (r < 0)
                        return r;
        }
        return 0;
}

bool image_entry_is_whiteout(struct archive_entry *entry)
{
        return strncmp(last_component(archive_entry_pathname(entry)), WHITEOUT, strlen(WHITEOUT)) == 0;
}

int image_entry_whiteout(int root, struct archive_entry *entry)
{
        const char *path = archive_entry_pathname(entry), *name = last_component(path), *hidden;
        _cleanup_close_ int dir = -EBADF;
        char parent[PATH_MAX];

        if (!image_entry_is_whiteout(entry))
                return 0;
        hidden = name + strlen(WHITEOUT);
        if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
                return refuse(EINVAL, "it hides no name");
        if ((size_t)snprintf(parent, sizeof(parent), "./%.*s", (int)(name - path), path) >= sizeof(parent))
                return refuse(ENAMETOOLONG, "its name is too long");
        dir = in_root_open(root, parent, O_RDONLY | O_DIRECTORY);
        if (dir < 0) {
                error_clear();
                return 0;
        }
        return strcmp(name, WHITEOUT_ALL) == 0 ? remove_contents(dir) : remove_tree_at(dir, hidden);
}
