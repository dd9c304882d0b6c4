#include "runtime/ctl/ids.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/number.h"
#include "runtime/ctl/subids.h"

#define RANGES_MOST 30000
#define GRANTS_MOST ((size_t)1 << 20)

/* One bit for each range. */
struct ranges {
        unsigned char taken[(RANGES_MOST + 7) / 8];
};

/* Ids that somebody has; they may lie across several ranges. */
static void take(struct ranges *ranges, int64_t first, int64_t count)
{
        int64_t last = first + count - 1 - (int64_t)SETTINGS_IDS_FIRST;

        first = first < (int64_t)SETTINGS_IDS_FIRST ? 0 : first - (int64_t)SETTINGS_IDS_FIRST;
        if (last < 0)
                return;
        for (int64_t i = first / SETTINGS_IDS_SIZE; i <= last / SETTINGS_IDS_SIZE && i < RANGES_MOST; i++)
                ranges->taken[i / 8] |= (unsigned char)(1U << i % 8);
}

/* What subuid(5) and subgid(5) grant to users: as such an id a user's process could signal a container's. */
static int take_granted(struct ranges *ranges, const char *file)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        size_t size;
        int r = read_file_at(AT_FDCWD, file, GRANTS_MOST, &text, &size);

        if (r < 0)
                return r == -ENOENT ? 0 : fail(-r, "read %s", file);
        for (rest = text; (line = strsep(&rest, "\n"));) {
                const char *colon = strchr(line, ':');
                uint32_t first, count;

                if (colon && subids_parse(colon + 1, &first, &count) == 0)
                        take(ranges, first, count);
        }
        return 0;
}

/* Each "ids = N" of a file of settings: of a thousand containers nothing else is read. */
static void take_settings(struct ranges *ranges, const char *text)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *p = line + strspn(line, " \t\n");
                char digits[24];
                size_t length;
                int64_t first;

                line = p;
                if (strncmp(p, "ids", 3) != 0)
                        continue;
                p += 3 + strspn(p + 3, " \t");
                if (*p != '=')
                        continue;
                p += 1 + strspn(p + 1, " ");
                length = strcspn(p, "\n");
                if (length >= sizeof(digits))
                        continue;
                memcpy(digits, p, length);
                digits[length] = '\0';
                if (parse_i64(digits, SETTINGS_IDS_SIZE, UINT32_MAX, &first) == 0)
                        take(ranges, first, SETTINGS_IDS_SIZE);
        }
}

/* Of partial ones, too: their settings are written first. Where these are damaged the directory's group still tells
 * (ctl_create). */
static void look_at(const struct ctl *ctl, const char *name, struct ranges *ranges)
{
        char path[CTL_NAME_MAX + sizeof("/" SETTINGS_FILE)];
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;

        if (fstatat(ctl->containers_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                take(ranges, st.st_gid, SETTINGS_IDS_SIZE);
        snprintf(path, sizeof(path), "%s/" SETTINGS_FILE, name);
        if (read_regular_file_at(ctl->containers_fd, path, SETTINGS_MOST, &text, &size) == 0)
                take_settings(ranges, text);
}

static int look_at_all(const struct ctl *ctl, struct ranges *ranges)
{
        int fd = openat(ctl->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir)
                return fail(errno, "list %s/containers", ctl->directory);
        for (struct dirent *entry; (errno = 0, entry = readdir(dir));)
                if (ctl_name_valid(entry->d_name))
                        look_at(ctl, entry->d_name, ranges);
        return errno ? fail(errno, "list %s/containers", ctl->directory) : 0;
}

int ids_allocate(struct ctl *ctl, struct ctl_container *container)
{
        _cleanup_close_ int lock = openat(ctl->directory_fd, "ids", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_free_ struct ranges *ranges = calloc(1, sizeof(*ranges));
        int r;

        if (!ranges)
                return fail(ENOMEM, "allocate ids");
        r = lock < 0 ? -errno : lock_file(lock, LOCK_EX, CTL_LOCK_SECONDS);
        if (r < 0)
                return fail(-r, "lock %s/ids", ctl->directory);
        r = look_at_all(ctl, ranges);
        if (r == 0)
                r = take_granted(ranges, "/etc/subuid");
        if (r == 0)
                r = take_granted(ranges, "/etc/subgid");
        if (r < 0)
                return r;
        for (int i = 0; i < RANGES_MOST; i++) {
                if (ranges->taken[i / 8] & 1U << i % 8)
                        continue;
                container->settings.ids =
                        (struct optional_i64){true, SETTINGS_IDS_FIRST + (int64_t)i * SETTINGS_IDS_SIZE};
                return ctl_save(container);
        }
        return refuse(ENOSPC, "all %d ranges of ids are taken", RANGES_MOST);
}
