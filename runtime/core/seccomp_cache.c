#include "runtime/core/seccomp_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/path.h"

/* To be raised when the code that makes filters changes what it makes of the same profile. */
#define FORMAT_VERSION 1
#define MAGIC          0x70636562 /* "becp" */
#define FILE_MAX       (1U << 20)

struct file_header {
        uint32_t magic, version;
        uint64_t checksum; /* of everything behind this field */
        uint64_t key_size;
        uint64_t n; /* instructions */
};

/* ---- the key ---- */

/* Writes when there is room, and counts: the first pass measures, the second writes. */
struct encoder {
        char *bytes;
        size_t n;
};

static void put_bytes(struct encoder *encoder, const void *data, size_t size)
{
        if (encoder->bytes && size)
                memcpy(encoder->bytes + encoder->n, data, size);
        encoder->n += size;
}

static void put_number(struct encoder *encoder, uint64_t value)
{
        put_bytes(encoder, &value, sizeof(value));
}

static void put_text(struct encoder *encoder, const char *text)
{
        size_t length = strlen(text);

        put_number(encoder, length);
        put_bytes(encoder, text, length);
}

static void put_rule(struct encoder *encoder, const struct oci_seccomp_rule *rule)
{
        put_number(encoder, rule->action);
        put_number(encoder, rule->names.n);
        for (size_t i = 0; i < rule->names.n; i++)
                put_text(encoder, rule->names.v[i]);
        put_number(encoder, rule->n_args);
        for (size_t i = 0; i < rule->n_args; i++) {
                put_number(encoder, rule->args[i].index);
                put_number(encoder, rule->args[i].value);
                put_number(encoder, rule->args[i].value_two);
                put_number(encoder, (uint64_t)rule->args[i].op);
        }
}

/* Not in it: the listener's path and metadata, which the filter knows nothing of and which may differ with every
 * container. */
static void put_profile(struct encoder *encoder, const struct oci_seccomp *profile)
{
        const struct scmp_version *version = seccomp_version();

        put_number(encoder, FORMAT_VERSION);
        put_number(encoder, seccomp_arch_native());
        put_number(encoder, version->major);
        put_number(encoder, version->minor);
        put_number(encoder, version->micro);
        put_number(encoder, profile->default_action);
        put_number(encoder, profile->flags_set);
        put_number(encoder, profile->flags);
        put_number(encoder, profile->notifies);
        put_number(encoder, profile->n_architectures);
        for (size_t i = 0; i < profile->n_architectures; i++)
                put_number(encoder, profile->architectures[i]);
        put_number(encoder, profile->n_rules);
        for (size_t i = 0; i < profile->n_rules; i++)
                put_rule(encoder, &profile->rules[i]);
}

int seccomp_cache_key(const struct oci_seccomp *profile, char **key, size_t *size)
{
        struct encoder encoder = {0};

        put_profile(&encoder, profile);
        encoder.bytes = malloc(encoder.n);
        if (!encoder.bytes)
                return -ENOMEM;
        encoder.n = 0;
        put_profile(&encoder, profile);
        *key = encoder.bytes;
        *size = encoder.n;
        return 0;
}

/* ---- the directory ---- */

static int is_ours(int fd, mode_t type)
{
        struct stat st;

        return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && fd_is_ours_alone(fd);
}

static int open_directory(int parent, const char *name)
{
        _cleanup_close_ int fd = -EBADF;

        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                return fail(errno, "make the seccomp cache: directory %s", name);
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "open the seccomp cache: directory %s", name);
        if (!is_ours(fd, S_IFDIR))
                return refuse(EPERM, "seccomp cache: directory %s is not ours alone", name);
        return take_fd(&fd);
}

int seccomp_cache_open(int root)
{
        _cleanup_close_ int parent = open_directory(root, ".cache");

        return parent < 0 ? parent : open_directory(parent, "seccomp");
}

static void file_name(const void *key, size_t size, char name[static 17])
{
        snprintf(name, 17, "%016llx", (unsigned long long)hash_more(HASH_START, key, size));
}

/* ---- load ---- */

/* The filter in a file's bytes, or NULL: whatever is not exactly what store wrote for this key. */
static const struct sock_filter *check(const char *data, size_t size, const void *key, size_t key_size,
                                       struct file_header *header)
{
        const size_t covered = offsetof(struct file_header, key_size);

        if (size < sizeof(*header))
                return NULL;
        memcpy(header, data, sizeof(*header));
        if (header->magic != MAGIC || header->version != FORMAT_VERSION || header->key_size != key_size ||
            header->n == 0 || header->n > BPF_MAXINSNS)
                return NULL;
        if (size != sizeof(*header) + key_size + header->n * sizeof(struct sock_filter))
                return NULL;
        if (memcmp(data + sizeof(*header), key, key_size) != 0 ||
            header->checksum != hash_more(HASH_START, data + covered, size - covered))
                return NULL;
        return (const struct sock_filter *)(const void *)(data + sizeof(*header) + key_size);
}

int seccomp_cache_load(int cache, const void *key, size_t size, struct sock_filter **filter, unsigned short *n)
{
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        const struct sock_filter *found;
        struct file_header header;
        size_t data_size;
        char name[17];
        int r;

        file_name(key, size, name);
        fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        if (!is_ours(fd, S_IFREG))
                return 0;
        r = read_all(fd, FILE_MAX, &data, &data_size);
        if (r < 0)
                return r == -EFBIG ? 0 : r;
        found = check(data, data_size, key, size, &header);
        if (!found)
                return 0;
        *filter = malloc(header.n * sizeof(**filter));
        if (!*filter)
                return -ENOMEM;
        memcpy(*filter, found, header.n * sizeof(**filter));
        *n = (unsigned short)header.n;
        return 1;
}

/* ---- store ---- */

/* One pass: how many entries there are, and which was written first. Left-over temporary files are entries, too. */
static void find_oldest(DIR *dir, char oldest[static 256], size_t *count)
{
        struct timespec first = {0};
        struct dirent *entry;
        struct stat st;

        *count = 0;
        oldest[0] = '\0';
        rewinddir(dir);
        while ((entry = readdir(dir))) {
                if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
                        continue;
                ++*count;
                if (oldest[0] && (st.st_mtim.tv_sec > first.tv_sec ||
                                  (st.st_mtim.tv_sec == first.tv_sec && st.st_mtim.tv_nsec >= first.tv_nsec)))
                        continue;
                first = st.st_mtim;
                snprintf(oldest, 256, "%s", entry->d_name);
        }
}

/* Makes room for one more. Two berths that do it at once may remove one entry too many: that is a miss later. */
static int evict(int cache)
{
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_close_ int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char oldest[256];
        size_t count;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        take_fd(&fd);
        for (find_oldest(dir, oldest, &count); count >= SECCOMP_CACHE_ENTRIES; find_oldest(dir, oldest, &count))
                if (unlinkat(cache, oldest, 0) < 0 && errno != ENOENT)
                        return -errno;
        return 0;
}

int seccomp_cache_store(int cache, const void *key, size_t size, const struct sock_filter *filter, unsigned short n)
{
        const size_t covered = offsetof(struct file_header, key_size);
        size_t total = sizeof(struct file_header) + size + n * sizeof(*filter);
        _cleanup_free_ char *data = NULL;
        struct file_header header = {.magic = MAGIC, .version = FORMAT_VERSION, .key_size = size, .n = n};
        char name[17];
        int r;

        if (total > FILE_MAX)
                return -EFBIG;
        data = malloc(total);
        if (!data)
                return -ENOMEM;
        memcpy(data, &header, sizeof(header));
        memcpy(data + sizeof(header), key, size);
        memcpy(data + sizeof(header) + size, filter, n * sizeof(*filter));
        header.checksum = hash_more(HASH_START, data + covered, total - covered);
        memcpy(data, &header, sizeof(header));
        r = evict(cache);
        if (r < 0)
                return r;
        file_name(key, size, name);
        return replace_file_at(cache, name, data, total, 0600);
}
