#include "runtime/ctl/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/lock.h"

#define RANGES_MOST 30000U

/* One bit for each range. */
struct ranges {
        unsigned char taken[(RANGES_MOST + 7) / 8];
};

static void take(struct ranges *ranges, int64_t first)
{
        uint64_t index;

        if (first < (int64_t)SETTINGS_IDS_FIRST)
                return;
        /* One that a person has chosen may lie across two. */
        index = (uint64_t)(first - SETTINGS_IDS_FIRST) / SETTINGS_IDS_SIZE;
        for (uint64_t last = index + ((first - SETTINGS_IDS_FIRST) % SETTINGS_IDS_SIZE != 0); index <= last; index++)
                if (index < RANGES_MOST)
                        ranges->taken[index / 8] |= (unsigned char)(1U << index % 8);
}

/* Of partial ones, too: their settings are written first. Where these are damaged the directory's group still tells
 * (ctl_create). */
static int look_at(struct ctl_container *container, void *data)
{
        struct ranges *ranges = data;
        struct stat st;

        if (container->settings.ids.set)
                take(ranges, container->settings.ids.value);
        if (fstat(container->fd, &st) == 0)
                take(ranges, st.st_gid);
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
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < RANGES_MOST; i++) {
                if (ranges->taken[i / 8] & 1U << i % 8)
                        continue;
                container->settings.ids =
                        (struct optional_i64){true, SETTINGS_IDS_FIRST + (int64_t)i * SETTINGS_IDS_SIZE};
                return ctl_save(container);
        }
        return refuse(ENOSPC, "all %u ranges of ids are taken", RANGES_MOST);
}
