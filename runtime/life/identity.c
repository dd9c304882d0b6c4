#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/io.h"
#include "runtime/life/proc_stat.h"
#include "runtime/life/record.h"

/* Reads and parses /proc/PID/stat. -ENOENT or -ESRCH, bare, when there is no such process. */
static int read_stat(pid_t pid, struct proc_stat *stat)
{
        char path[32], text[1024];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        n = read_line_file_at(AT_FDCWD, path, text, sizeof(text));
        if (n < 0)
                return (int)n;
        return proc_stat_parse(text, stat);
}

/* The same for as long as the machine runs: read once. */
static int read_boot_id(char boot_id[40])
{
        static char known[40];

        if (!known[0]) {
                ssize_t n = read_small_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", known, sizeof(known));

                if (n <= 0) {
                        known[0] = '\0';
                        return fail(n < 0 ? (int)-n : EIO, "read /proc/sys/kernel/random/boot_id");
                }
        }
        memcpy(boot_id, known, sizeof(known));
        return 0;
}

int process_identify(pid_t pid, struct process_identity *identity)
{
        struct proc_stat stat;
        int r = read_stat(pid, &stat);

        if (r < 0)
                return fail(-r, "read /proc/%d/stat", (int)pid);
        identity->pid = pid;
        identity->start_time = stat.start_time;
        return read_boot_id(identity->boot_id);
}

/* A leader that ended before its other threads looks like a zombie, but the process goes on. */
static bool has_ended(const struct proc_stat *stat)
{
        return (stat->state == 'Z' && stat->threads <= 1) || stat->state == 'X' || stat->state == 'x';
}

int process_is_alive(const struct process_identity *identity, char *comm)
{
        struct proc_stat stat;
        char boot_id[40];

        if (identity->pid <= 0 || read_stat(identity->pid, &stat) < 0)
                return 0;
        if (has_ended(&stat) || stat.start_time != identity->start_time)
                return 0;
        /* After a reboot another process may have the same pid at the same tick. */
        if (read_boot_id(boot_id) < 0 || strcmp(boot_id, identity->boot_id) != 0)
                return 0;
        if (comm)
                memcpy(comm, stat.comm, sizeof(stat.comm));
        return 1;
}
