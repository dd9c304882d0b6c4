#include "runtime/ctl/ids.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/number.h"
#include "base/path.h"
#include "runtime/ctl/subids.h"

#define LOCK        "ids"
#define CLAIMS      "id-ranges"
#define RANGES_MOST 30000
#define GRANTS_MOST ((size_t)1 << 20)

/* ---- what the host's users have ---- */

/* One bit for each range. */
struct ranges {
        unsigned char taken[(RANGES_MOST + 7) / 8];
};

/* Ids that are granted; they may lie across several ranges. */
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

/* ---- what containers have ---- */

#define RANGE_TEXT 24

/* The first id of the range that an id lies in; those below SETTINGS_IDS_FIRST, which only a hand writes, lie in some,
 * too. */
static int64_t first_of_range(int64_t id)
{
        return id - (id - SETTINGS_IDS_FIRST % SETTINGS_IDS_SIZE) % SETTINGS_IDS_SIZE;
}

static const char *range_text(int64_t first, char text[RANGE_TEXT])
{
        snprintf(text, RANGE_TEXT, "%" PRId64, first);
        return text;
}

typedef int (*claim_function)(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE]);

/* A container's ids, which lie in two ranges when a hand has written them. */
static int claim(const struct ctl *ctl, int claims, claim_function function, int64_t ids, const char *name,
                 char holder[CLAIM_TEXT_SIZE])
{
        char range[RANGE_TEXT];
        int r = 0;

        for (int64_t first = first_of_range(ids); r == 0 && first < ids + SETTINGS_IDS_SIZE; first += SETTINGS_IDS_SIZE)
                r = function(claims, range_text(first, range), name, ctl->containers_fd, holder);
        return r;
}

/* Ids that two containers have are those of one of them, and the other one does not start. */
static int enter(const struct ctl *ctl, int claims, int64_t ids, const char *name)
{
        char holder[CLAIM_TEXT_SIZE];
        int r = ids < SETTINGS_IDS_SIZE || ids > UINT32_MAX - (int64_t)SETTINGS_IDS_SIZE
                        ? 0
                        : claim(ctl, claims, claim_take, ids, name, holder);

        return r == -EADDRINUSE ? 0 : r;
}

/* Each "ids = N" of a file of settings, which may be damaged. */
static int enter_settings(const struct ctl *ctl, int claims, const char *text, const char *name)
{
        int r = 0;

        for (const char *line = text; line && r == 0; line = strchr(line, '\n')) {
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
                if (parse_i64(digits, 0, UINT32_MAX, &first) == 0)
                        r = enter(ctl, claims, first, name);
        }
        return r;
}

/* Of partial ones, too: their settings are written first. Where these are damaged the directory's group still tells
 * (ctl_create). */
static int enter_container(const struct ctl *ctl, int claims, const char *name)
{
        static const char *const files[] = {SETTINGS_FILE, CTL_PARTIAL_FILE};
        struct stat st;
        int r = 0;

        if (fstatat(ctl->containers_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                r = enter(ctl, claims, st.st_gid, name);
        for (size_t i = 0; i < ELEMENTS(files) && r == 0; i++) {
                char path[CTL_NAME_MAX + 16];
                _cleanup_free_ char *text = NULL;
                size_t size;

                snprintf(path, sizeof(path), "%s/%s", name, files[i]);
                if (read_regular_file_at(ctl->containers_fd, path, SETTINGS_MOST, &text, &size) == 0)
                        r = enter_settings(ctl, claims, text, name);
        }
        return r;
}

static int enter_all(const struct ctl *ctl, int claims)
{
        int fd = openat(ctl->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir)
                return -errno;
        for (struct dirent *entry; r == 0 && (errno = 0, entry = readdir(dir));)
                if (ctl_name_valid(entry->d_name))
                        r = enter_container(ctl, claims, entry->d_name);
        return r == 0 ? -errno : r;
}

/* It gets its name when it is whole. */
static int make_claims(const struct ctl *ctl)
{
        static const char draft[] = CLAIMS ".new";
        _cleanup_close_ int fd = -EBADF;
        int r = remove_tree_at(ctl->directory_fd, draft);

        if (r < 0)
                return r;
        if (mkdirat(ctl->directory_fd, draft, 0700) < 0)
                return fail(errno, "make %s/%s", ctl->directory, draft);
        fd = openat(ctl->directory_fd, draft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = fd < 0 ? -errno : enter_all(ctl, fd);
        if (r == 0 && renameat(ctl->directory_fd, draft, ctl->directory_fd, CLAIMS) < 0)
                r = -errno;
        return r < 0 ? fail(-r, "make %s/" CLAIMS, ctl->directory) : take_fd(&fd);
}

static int open_claims(const struct ctl *ctl)
{
        int fd = openat(ctl->directory_fd, CLAIMS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return make_claims(ctl);
        return fd < 0 ? fail(errno, "open %s/" CLAIMS, ctl->directory) : fd;
}

/* The descriptor holds the lock. */
static int lock_claims(const struct ctl *ctl)
{
        _cleanup_close_ int lock = openat(ctl->directory_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = lock < 0 ? -errno : lock_file(lock, LOCK_EX, CTL_LOCK_SECONDS);

        return r < 0 ? fail(-r, "lock %s/" LOCK, ctl->directory) : take_fd(&lock);
}

/* ---- one container ---- */

static bool has_ids(const struct settings *settings)
{
        return settings->unprivileged && settings->ids.set && geteuid() == 0;
}

/* The low bits of FNV mix little. */
static uint32_t place_of(const char *name)
{
        uint64_t hash = hash_more(HASH_START, name, strlen(name));

        return (uint32_t)((hash ^ hash >> 32) % RANGES_MOST);
}

/* Whatever is wrong with a single claim, there are others. */
static int take_range(const struct ctl *ctl, const struct ranges *granted, const char *name, int64_t *ids)
{
        _cleanup_close_ int claims = open_claims(ctl);
        char holder[CLAIM_TEXT_SIZE];
        uint32_t start = place_of(name);

        if (claims < 0)
                return claims;
        for (uint32_t n = 0; n < RANGES_MOST; n++) {
                uint32_t i = (start + n) % RANGES_MOST;
                int r;

                if (granted->taken[i / 8] & 1U << i % 8)
                        continue;
                *ids = SETTINGS_IDS_FIRST + (int64_t)i * SETTINGS_IDS_SIZE;
                r = claim(ctl, claims, claim_take, *ids, name, holder);
                if (r != -EADDRINUSE && r != -EINVAL)
                        return r < 0 ? fail(-r, "take ids from %" PRId64 " on", *ids) : 0;
        }
        return refuse(ENOSPC, "all %d ranges of ids are taken", RANGES_MOST);
}

int ids_allocate(struct ctl *ctl, struct ctl_container *container)
{
        _cleanup_free_ struct ranges *granted = calloc(1, sizeof(*granted));
        _cleanup_close_ int lock = -EBADF;
        int64_t ids = 0;
        int r;

        if (!granted)
                return fail(ENOMEM, "allocate ids");
        r = take_granted(granted, "/etc/subuid");
        if (r == 0)
                r = take_granted(granted, "/etc/subgid");
        if (r == 0)
                r = lock = lock_claims(ctl);
        if (r >= 0)
                r = take_range(ctl, granted, container->name, &ids);
        if (r < 0)
                return r;
        container->settings.ids = (struct optional_i64){true, ids};
        return 0;
}

/* A claim that is in force changes by nobody else's hand, so that a look needs no lock. */
static bool has_claim(const struct ctl *ctl, const struct ctl_container *container)
{
        int64_t ids = container->settings.ids.value;
        char path[sizeof(CLAIMS "/") + RANGE_TEXT], text[CLAIM_TEXT_SIZE];

        snprintf(path, sizeof(path), CLAIMS "/%" PRId64, ids);
        return first_of_range(ids) == ids && claim_read(ctl->directory_fd, path, text) == 0 &&
               strcmp(text, container->name) == 0;
}

int ids_keep(struct ctl *ctl, const struct ctl_container *container)
{
        const struct settings *settings = &container->settings;
        _cleanup_close_ int lock = -EBADF, claims = -EBADF;
        char holder[CLAIM_TEXT_SIZE];
        int r;

        if (!has_ids(settings) || has_claim(ctl, container))
                return 0;
        lock = lock_claims(ctl);
        claims = lock < 0 ? lock : open_claims(ctl);
        if (claims < 0)
                return claims;
        r = claim(ctl, claims, claim_keep, settings->ids.value, container->name, holder);
        if (r == -EADDRINUSE)
                return refuse(EADDRINUSE,
                              "the ids of container %s are those of %s (berthctl clone gives a copy ids of its own)",
                              container->name, holder);
        return r < 0 ? fail(-r, "keep the ids of container %s", container->name) : 0;
}

static int share(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE])
{
        (void)owners;
        (void)text;
        return claim_hand_over(claims, what, owner);
}

int ids_share(struct ctl *ctl, const struct ctl_container *container, const char *to)
{
        _cleanup_close_ int lock = -EBADF, claims = -EBADF;
        char both[CLAIM_TEXT_SIZE];
        int r = ids_keep(ctl, container);

        if (r < 0 || !has_ids(&container->settings))
                return r;
        snprintf(both, sizeof(both), "%s:%s", container->name, to);
        lock = lock_claims(ctl);
        claims = lock < 0 ? lock : open_claims(ctl);
        if (claims < 0)
                return claims;
        r = claim(ctl, claims, share, container->settings.ids.value, both, NULL);
        return r < 0 ? fail(-r, "keep the ids of container %s", container->name) : 0;
}

void ids_forget(struct ctl *ctl, const struct settings *settings)
{
        _cleanup_close_ int lock = -EBADF, claims = -EBADF;
        char range[RANGE_TEXT];

        if (!has_ids(settings))
                return;
        lock = lock_claims(ctl);
        claims = lock < 0 ? lock : openat(ctl->directory_fd, CLAIMS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int64_t first = first_of_range(settings->ids.value);
             claims >= 0 && first < settings->ids.value + SETTINGS_IDS_SIZE; first += SETTINGS_IDS_SIZE)
                (void)claim_drop(claims, range_text(first, range), ctl->containers_fd);
        error_clear();
}
