#include "cgroups/statistics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/files.h"
#include "cgroups/statistics_parse.h"

#define FILE_MOST         ((size_t)256 * 1024)
#define HUGETLB_SIZES_MAX 16 /* no architecture has more page sizes */

/* A group that never got a limit shows the page counter's largest value instead of "max"; it is rounded to pages, of
 * which 16 GiB are the largest. */
#define HUGETLB_UNLIMITED ((uint64_t)INT64_MAX - ((uint64_t)16 << 30))

/* Where the files are: a group of this host, or texts that came from elsewhere. */
struct source {
        int fd;
        const struct cgroup_texts *texts; /* NULL: the group */
        bool brief;
};

static const char *find_text(const struct cgroup_texts *texts, const char *file)
{
        for (size_t i = 0; i < texts->n; i++)
                if (strcmp(texts->v[i].file, file) == 0)
                        return texts->v[i].text;
        return NULL;
}

static int copy_text(const struct cgroup_texts *texts, const char *file, char **copy)
{
        const char *text = find_text(texts, file);

        *copy = text ? strdup(text) : NULL;
        return *copy ? 0 : text ? -ENOMEM : -ENOENT;
}

/* 1 read, 0 the host does not have it (ENOENT), or keeps it switched off (EOPNOTSUPP: pressure with psi=0), -errno. */
static int read_text(const struct source *source, const char *file, char **text)
{
        size_t size;
        int r = source->texts ? copy_text(source->texts, file, text)
                              : read_file_at(source->fd, file, FILE_MOST, text, &size);

        if (r == 0)
                return 1;
        if (cgroup_is_gone(r) || r == -EOPNOTSUPP)
                return 0;
        return fail(-r, "read cgroup file %s", file);
}

/* A number that stays as it is when its file is absent. */
static int read_number(const struct source *source, const char *file, uint64_t *value)
{
        const char *text = source->texts ? find_text(source->texts, file) : NULL;
        int r = !source->texts ? cgroup_read_number(source->fd, file, value)
                : text         ? cgroup_parse_number(text, value)
                               : -ENOENT;

        if (r == 0)
                return 1;
        return cgroup_is_gone(r) || r == -EOPNOTSUPP ? 0 : fail(-r, "read cgroup file %s", file);
}

static int read_keyed(const struct source *source, const char *file, const char *key, uint64_t *value)
{
        const char *text;
        int r;

        if (source->texts) {
                text = find_text(source->texts, file);
                if (text && !cgroup_find_number(text, key, value))
                        *value = 0;
                return 0;
        }
        r = cgroup_read_keyed(source->fd, file, key, value);
        return r == 0 || cgroup_is_gone(r) ? 0 : fail(-r, "read cgroup file %s", file);
}

static int read_pressure(const struct source *source, const char *file, struct pressure *pressure)
{
        _cleanup_free_ char *text = NULL;
        int r = source->brief ? 0 : read_text(source, file, &text);

        if (r > 0)
                pressure->set = cgroup_parse_pressure(text, pressure);
        return r < 0 ? r : 0;
}

static int read_cpu(const struct source *source, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *text = NULL;
        int r = read_text(source, "cpu.stat", &text);

        if (r > 0)
                cgroup_parse_cpu_stat(text, statistics);
        if (r >= 0)
                r = read_pressure(source, "cpu.pressure", &statistics->cpu.pressure);
        return r;
}

static int read_memory(const struct source *source, struct arena *arena, struct cgroup_statistics *statistics)
{
        const struct {
                const char *file, *key;
                uint64_t *value;
        } counters[] = {
                {"memory.max", NULL, &statistics->memory.limit},
                {"memory.peak", NULL, &statistics->memory.max_usage}, /* 5.19 */
                {"memory.events", "max", &statistics->memory.fail_count},
                {"memory.events", "oom_kill", &statistics->memory.oom_kills},
                {"memory.swap.current", NULL, &statistics->memory.swap_usage},
                {"memory.swap.peak", NULL, &statistics->memory.swap_max_usage}, /* 6.5 */
                {"memory.swap.max", NULL, &statistics->memory.swap_limit},
                {"memory.swap.events", "max", &statistics->memory.swap_fail_count},
        };
        const size_t n = source->brief ? 1 : ELEMENTS(counters);
        _cleanup_free_ char *text = NULL;
        int r = read_number(source, "memory.current", &statistics->memory.usage);

        if (r < 0)
                return r;
        statistics->memory.set = r > 0;
        statistics->memory.limit = UINT64_MAX;
        for (size_t i = 0; statistics->memory.set && i < n; i++) {
                r = counters[i].key ? read_keyed(source, counters[i].file, counters[i].key, counters[i].value)
                                    : read_number(source, counters[i].file, counters[i].value);
                if (r < 0)
                        return r;
                if (counters[i].value == &statistics->memory.swap_limit)
                        statistics->memory.swap_set = r > 0;
        }
        r = source->brief ? 0 : read_text(source, "memory.stat", &text);
        if (r > 0)
                r = cgroup_parse_memory_stat(text, arena, statistics);
        if (r < 0)
                return r;
        return read_pressure(source, "memory.pressure", &statistics->memory.pressure);
}

static int read_pids(const struct source *source, struct cgroup_statistics *statistics)
{
        int r = read_number(source, "pids.current", &statistics->pids.current);

        if (r <= 0)
                return r;
        statistics->pids.set = true;
        r = read_number(source, "pids.max", &statistics->pids.limit);
        if (statistics->pids.limit == UINT64_MAX)
                statistics->pids.limit = 0;
        return r;
}

static int read_io(const struct source *source, struct arena *arena, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *text = NULL;
        int r = read_text(source, "io.stat", &text);

        if (r > 0)
                r = cgroup_parse_io_stat(text, arena, statistics);
        if (r >= 0)
                r = read_pressure(source, "io.pressure", &statistics->io.pressure);
        return r;
}

static int read_hugetlb_size(const struct source *source, struct hugetlb_counter *counter)
{
        char file[300];
        int r;

        counter->max = UINT64_MAX;
        snprintf(file, sizeof(file), "hugetlb.%s.current", counter->page_size);
        r = read_number(source, file, &counter->usage);
        if (r < 0)
                return r;
        snprintf(file, sizeof(file), "hugetlb.%s.max", counter->page_size);
        r = read_number(source, file, &counter->max);
        if (r < 0)
                return r;
        if (counter->max >= HUGETLB_UNLIMITED)
                counter->max = UINT64_MAX;
        snprintf(file, sizeof(file), "hugetlb.%s.events", counter->page_size);
        return read_keyed(source, file, "max", &counter->fail_count);
}

/* "hugetlb.2MB.current" -> the length of "2MB"; 0 for every other name. */
static size_t page_size_length(const char *name)
{
        size_t length;

        if (strncmp(name, "hugetlb.", 8) != 0)
                return 0;
        length = strcspn(name + 8, ".");
        return strcmp(name + 8 + length, ".current") == 0 ? length : 0;
}

static int add_hugetlb_size(const struct source *source, struct arena *arena, const char *file,
                            struct hugetlb_counter *counter)
{
        *counter = (struct hugetlb_counter){.page_size = arena_strndup(arena, file + 8, page_size_length(file))};
        if (!counter->page_size)
                return fail(ENOMEM, "read hugetlb statistics");
        return read_hugetlb_size(source, counter);
}

/* The page sizes are those that there are files for. */
static int find_hugetlb_in_texts(const struct source *source, struct arena *arena, struct hugetlb_counter *found,
                                 size_t *n)
{
        int r = 0;

        for (size_t i = 0; i < source->texts->n && *n < HUGETLB_SIZES_MAX && r == 0; i++)
                if (page_size_length(source->texts->v[i].file) > 0)
                        r = add_hugetlb_size(source, arena, source->texts->v[i].file, &found[(*n)++]);
        return r;
}

static int find_hugetlb(const struct source *source, struct arena *arena, struct hugetlb_counter *found, size_t *n)
{
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd = openat(source->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : fail(errno, "list the files of the cgroup");
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return fail(ENOMEM, "list the files of the cgroup");
        }
        while (r == 0 && (entry = readdir(dir)) && *n < HUGETLB_SIZES_MAX)
                if (page_size_length(entry->d_name) > 0)
                        r = add_hugetlb_size(source, arena, entry->d_name, &found[(*n)++]);
        return r;
}

static int read_hugetlb(const struct source *source, struct arena *arena, struct cgroup_statistics *statistics)
{
        struct hugetlb_counter found[HUGETLB_SIZES_MAX];
        size_t n = 0;
        int r = source->texts ? find_hugetlb_in_texts(source, arena, found, &n)
                              : find_hugetlb(source, arena, found, &n);

        if (r < 0)
                return r;
        statistics->hugetlb = arena_array(arena, n, sizeof(found[0]));
        if (!statistics->hugetlb)
                return fail(ENOMEM, "read hugetlb statistics");
        if (n)
                memcpy(statistics->hugetlb, found, n * sizeof(found[0]));
        statistics->n_hugetlb = n;
        return 0;
}

static int read_cpuset(const struct source *source, struct arena *arena, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *cpus = NULL;
        _cleanup_free_ char *mems = NULL;
        int r = read_text(source, "cpuset.cpus.effective", &cpus);

        if (r <= 0)
                return r;
        r = read_text(source, "cpuset.mems.effective", &mems);
        if (r <= 0)
                return r;
        statistics->cpuset.cpus = arena_strndup(arena, cpus, strcspn(cpus, "\n"));
        statistics->cpuset.mems = arena_strndup(arena, mems, strcspn(mems, "\n"));
        if (!statistics->cpuset.cpus || !statistics->cpuset.mems)
                return fail(ENOMEM, "read cpuset statistics");
        statistics->cpuset.set = true;
        return 0;
}

static int read_all_of_it(const struct source *source, struct arena *arena, struct cgroup_statistics *statistics)
{
        int r;

        memset(statistics, 0, sizeof(*statistics));
        r = read_cpu(source, statistics);
        if (r >= 0)
                r = read_memory(source, arena, statistics);
        if (r >= 0)
                r = read_pids(source, statistics);
        if (r >= 0)
                r = read_io(source, arena, statistics);
        if (r >= 0 && !source->brief)
                r = read_hugetlb(source, arena, statistics);
        if (r >= 0 && !source->brief)
                r = read_cpuset(source, arena, statistics);
        return r < 0 ? r : 0;
}

int cgroup_read_statistics(int cgroup_fd, bool brief, struct arena *arena, struct cgroup_statistics *statistics)
{
        const struct source source = {.fd = cgroup_fd, .brief = brief};
        int r = read_all_of_it(&source, arena, statistics);

        if (r < 0)
                return r;
        /* Every group has this file: when it is absent the group went away, and what was read is half of it. */
        if (faccessat(cgroup_fd, "cgroup.procs", F_OK, 0) < 0)
                return refuse(ENOENT, "read cgroup statistics: the cgroup is gone");
        return 0;
}

int cgroup_parse_statistics(const struct cgroup_texts *texts, struct arena *arena, struct cgroup_statistics *statistics)
{
        const struct source source = {.fd = -EBADF, .texts = texts};

        return read_all_of_it(&source, arena, statistics);
}
