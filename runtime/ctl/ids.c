#include "runtime/ctl/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
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

/* Of partial ones, too: their settings are written first. Where these are damaged the directory's group still tells
 * (ctl_create). */
static int look_at(struct ctl_container *container, void *data)
{
        struct ranges *ranges = data;
        struct stat st;

        if (container->settings.ids.set)
                take(ranges, container->settings.ids.value, SETTINGS_IDS_SIZE);
        if (fstat(container->fd, &st) == 0)
                take(ranges, st.st_gid, SETTINGS_IDS_SIZE);
        return 0;
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
        r = ctl_each(ctl, look_at, ranges);
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
