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

#define FILE_MOST ((size_t)256 * 1024)

/* A group that never got a limit shows the page counter's largest value instead of "max"; it is rounded to pages, of
 * which 16 GiB are the largest. */
#define HUGETLB_UNLIMITED ((uint64_t)INT64_MAX - ((uint64_t)16 << 30))

/* 1 read, 0 the host does not have it (ENOENT), or keeps it switched off (EOPNOTSUPP: pressure with psi=0), -errno. */
static int read_text(int cgroup_fd, const char *file, char **text)
{
        size_t size;
        int r = read_file_at(cgroup_fd, file, FILE_MOST, text, &size);

        if (r == 0)
                return 1;
        if (cgroup_is_gone(r) || r == -EOPNOTSUPP)
                return 0;
        return fail(-r, "read cgroup file %s", file);
}

/* A number that stays as it is when its file is absent. */
static int read_number(int cgroup_fd, const char *file, uint64_t *value)
{
        int r = cgroup_read_number(cgroup_fd, file, value);

        if (r == 0)
                return 1;
        return cgroup_is_gone(r) || r == -EOPNOTSUPP ? 0 : fail(-r, "read cgroup file %s", file);
}

static int read_keyed(int cgroup_fd, const char *file, const char *key, uint64_t *value)
{
        int r = cgroup_read_keyed(cgroup_fd, file, key, value);

        return r == 0 || cgroup_is_gone(r) ? 0 : fail(-r, "read cgroup file %s", file);
}

static int read_pressure(int cgroup_fd, const char *file, struct pressure *pressure)
{
        _cleanup_free_ char *text = NULL;
        int r = read_text(cgroup_fd, file, &text);

        if (r > 0)
                pressure->set = cgroup_parse_pressure(text, pressure);
        return r < 0 ? r : 0;
}

static int read_cpu(int cgroup_fd, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *text = NULL;
        int r = read_text(cgroup_fd, "cpu.stat", &text);

        if (r > 0)
                cgroup_parse_cpu_stat(text, statistics);
        if (r >= 0)
                r = read_pressure(cgroup_fd, "cpu.pressure", &statistics->cpu.pressure);
        return r;
}

static int read_memory(int cgroup_fd, struct arena *arena, struct cgroup_statistics *statistics)
{
        const struct {
                const char *file, *key;
                uint64_t *value;
        } counters[] = {
                {"memory.peak", NULL, &statistics->memory.max_usage}, /* 5.19 */
                {"memory.max", NULL, &statistics->memory.limit},
                {"memory.events", "max", &statistics->memory.fail_count},
                {"memory.events", "oom_kill", &statistics->memory.oom_kills},
                {"memory.swap.current", NULL, &statistics->memory.swap_usage},
                {"memory.swap.peak", NULL, &statistics->memory.swap_max_usage}, /* 6.5 */
                {"memory.swap.max", NULL, &statistics->memory.swap_limit},
                {"memory.swap.events", "max", &statistics->memory.swap_fail_count},
        };
        _cleanup_free_ char *text = NULL;
        int r = read_number(cgroup_fd, "memory.current", &statistics->memory.usage);

        if (r < 0)
                return r;
        statistics->memory.set = r > 0;
        statistics->memory.limit = UINT64_MAX;
        for (size_t i = 0; statistics->memory.set && i < ELEMENTS(counters); i++) {
                r = counters[i].key ? read_keyed(cgroup_fd, counters[i].file, counters[i].key, counters[i].value)
                                    : read_number(cgroup_fd, counters[i].file, counters[i].value);
                if (r < 0)
                        return r;
        }
        r = read_text(cgroup_fd, "memory.stat", &text);
        if (r > 0)
                r = cgroup_parse_memory_stat(text, arena, statistics);
        if (r < 0)
                return r;
        return read_pressure(cgroup_fd, "memory.pressure", &statistics->memory.pressure);
}

static int read_pids(int cgroup_fd, struct cgroup_statistics *statistics)
{
        int r = read_number(cgroup_fd, "pids.current", &statistics->pids.current);

        if (r <= 0)
                return r;
        statistics->pids.set = true;
        r = read_number(cgroup_fd, "pids.max", &statistics->pids.limit);
        if (statistics->pids.limit == UINT64_MAX)
                statistics->pids.limit = 0;
        return r;
}

static int read_io(int cgroup_fd, struct arena *arena, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *text = NULL;
        int r = read_text(cgroup_fd, "io.stat", &text);

        if (r > 0)
                r = cgroup_parse_io_stat(text, arena, statistics);
        if (r >= 0)
                r = read_pressure(cgroup_fd, "io.pressure", &statistics->io.pressure);
        return r;
}

static int read_hugetlb_size(int cgroup_fd, struct hugetlb_counter *counter)
{
        char file[300];
        int r;

        counter->max = UINT64_MAX;
        snprintf(file, sizeof(file), "hugetlb.%s.current", counter->page_size);
        r = read_number(cgroup_fd, file, &counter->usage);
        if (r < 0)
                return r;
        snprintf(file, sizeof(file), "hugetlb.%s.max", counter->page_size);
        r = read_number(cgroup_fd, file, &counter->max);
        if (r < 0)
                return r;
        if (counter->max >= HUGETLB_UNLIMITED)
                counter->max = UINT64_MAX;
        snprintf(file, sizeof(file), "hugetlb.%s.events", counter->page_size);
        return read_keyed(cgroup_fd, file, "max", &counter->fail_count);
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

/* The page sizes are those that the group has files for. */
static int read_hugetlb(int cgroup_fd, struct arena *arena, struct cgroup_statistics *statistics)
{
        struct hugetlb_counter found[16]; /* no architecture has more page sizes */
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return cgroup_is_gone(-errno) ? 0 : fail(errno, "list the files of the cgroup");
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return fail(ENOMEM, "list the files of the cgroup");
        }
        while ((entry = readdir(dir)) && statistics->n_hugetlb < ELEMENTS(found)) {
                size_t length = page_size_length(entry->d_name);
                struct hugetlb_counter *counter = &found[statistics->n_hugetlb];
                int r;

                if (length == 0)
                        continue;
                *counter = (struct hugetlb_counter){.page_size = arena_strndup(arena, entry->d_name + 8, length)};
                if (!counter->page_size)
                        return fail(ENOMEM, "read hugetlb statistics");
                r = read_hugetlb_size(cgroup_fd, counter);
                if (r < 0)
                        return r;
                statistics->n_hugetlb++;
        }
        statistics->hugetlb = arena_array(arena, statistics->n_hugetlb, sizeof(found[0]));
        if (!statistics->hugetlb)
                return fail(ENOMEM, "read hugetlb statistics");
        if (statistics->n_hugetlb)
                memcpy(statistics->hugetlb, found, statistics->n_hugetlb * sizeof(found[0]));
        return 0;
}

static int read_cpuset(int cgroup_fd, struct arena *arena, struct cgroup_statistics *statistics)
{
        _cleanup_free_ char *cpus = NULL;
        _cleanup_free_ char *mems = NULL;
        int r = read_text(cgroup_fd, "cpuset.cpus.effective", &cpus);

        if (r <= 0)
                return r;
        r = read_text(cgroup_fd, "cpuset.mems.effective", &mems);
        if (r <= 0)
                return r;
        statistics->cpuset.cpus = arena_strndup(arena, cpus, strcspn(cpus, "\n"));
        statistics->cpuset.mems = arena_strndup(arena, mems, strcspn(mems, "\n"));
        if (!statistics->cpuset.cpus || !statistics->cpuset.mems)
                return fail(ENOMEM, "read cpuset statistics");
        statistics->cpuset.set = true;
        return 0;
}

int cgroup_read_statistics(int cgroup_fd, struct arena *arena, struct cgroup_statistics *statistics)
{
        int r;

        memset(statistics, 0, sizeof(*statistics));
        r = read_cpu(cgroup_fd, statistics);
        if (r >= 0)
                r = read_memory(cgroup_fd, arena, statistics);
        if (r >= 0)
                r = read_pids(cgroup_fd, statistics);
        if (r >= 0)
                r = read_io(cgroup_fd, arena, statistics);
        if (r >= 0)
                r = read_hugetlb(cgroup_fd, arena, statistics);
        if (r >= 0)
                r = read_cpuset(cgroup_fd, arena, statistics);
        if (r < 0)
                return r;
        /* Every group has this file: when it is absent the group went away, and what was read is half of it. */
        if (faccessat(cgroup_fd, "cgroup.procs", F_OK, 0) < 0)
                return refuse(ENOENT, "read cgroup statistics: the cgroup is gone");
        return 0;
}
