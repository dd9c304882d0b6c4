/* What a group has used: the numbers behind `events --stats`. A file that the host does not have leaves its part
 * marked absent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct pressure_line {
        double avg10, avg60, avg300; /* percent */
        uint64_t total;              /* us */
};

struct pressure {
        bool set;
        struct pressure_line some, full;
};

struct named_number {
        const char *name;
        uint64_t value;
};

struct io_counter {
        uint64_t major, minor, read_bytes, write_bytes, read_ops, write_ops, discard_bytes, discard_ops;
};

struct hugetlb_counter {
        const char *page_size;           /* "2MB" */
        uint64_t usage, max, fail_count; /* max: UINT64_MAX is no limit */
};

struct cgroup_statistics {
        struct {
                bool set;
                uint64_t total, user, kernel;                        /* ns */
                uint64_t periods, throttled_periods, throttled_time; /* throttled_time in ns */
                struct pressure pressure;
        } cpu;
        struct {
                bool set;
                uint64_t usage, max_usage, limit, fail_count; /* bytes; limit UINT64_MAX is none */
                /* swap alone, as cgroup v2 counts it: without the memory */
                uint64_t swap_usage, swap_max_usage, swap_limit, swap_fail_count;
                bool swap_set;
                uint64_t cache; /* "file" of memory.stat */
                uint64_t oom_kills;
                size_t n_raw;
                struct named_number *raw; /* memory.stat, each line */
                struct pressure pressure;
        } memory;
        struct {
                bool set;
                uint64_t current, limit; /* limit 0: none, as runc prints it */
        } pids;
        struct {
                bool set;
                size_t n;
                struct io_counter *v;
                struct pressure pressure;
        } io;
        size_t n_hugetlb;
        struct hugetlb_counter *hugetlb;
        struct {
                bool set;
                const char *cpus, *mems; /* effective lists */
        } cpuset;
};

/* Reads all, or (brief) what a table of many groups shows: CPU time, processes, I/O, memory in use and its limit. Names
 * and arrays live in `arena`. Absent files are no error; a vanished group is -ENOENT. */
int cgroup_read_statistics(int cgroup_fd, bool brief, struct arena *arena, struct cgroup_statistics *statistics);

/* The same from texts of the files that were read elsewhere (in a virtual machine): numbers with or without their
 * newline. */
struct cgroup_texts {
        size_t n;
        struct cgroup_text {
                const char *file, *text;
        } * v;
};

int cgroup_parse_statistics(const struct cgroup_texts *texts, struct arena *arena,
                            struct cgroup_statistics *statistics);
