/* /proc/PID/stat (proc(5)): one line whose second field is a name that a process chooses freely. */
#pragma once

#include <stdint.h>

struct proc_stat {
        char comm[16];       /* without the parentheses */
        char state;          /* R S D Z T t X I ... */
        uint64_t threads;    /* a zombie leader counts itself and the threads that still run */
        uint64_t start_time; /* clock ticks since boot */
};

/* Pure. -EINVAL, bare, when the text is no such line. */
int proc_stat_parse(const char *text, struct proc_stat *stat);
