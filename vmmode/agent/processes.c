/* PROCESSES: a container's processes as `ps -ef` would show them in the guest, which has no ps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/printable.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/session.h"

#define COMMAND_MAX 1024
#define DAY         ((time_t)24 * 60 * 60)

/* When the answer has grown so large, commands are cut short. */
#define ANSWER_LARGE (MESSAGE_SMALL_MAX / 2)
#define COMMAND_CUT  64

struct process {
        int pid, ppid, tty;
        unsigned uid;
        unsigned long long user, system, start; /* in ticks; start since boot */
        char name[64];
        char command[COMMAND_MAX];
};

/* proc_pid_stat(5). The name in parentheses may hold anything, parentheses too. */
static bool parse_stat(const char *text, struct process *process)
{
        const char *open = strchr(text, '('), *close = strrchr(text, ')');

        if (!open || !close || close < open)
                return false;
        snprintf(process->name, sizeof(process->name), "[%.*s]", (int)(close - open - 1), open + 1);
        return sscanf(close + 1, " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
                      &process->ppid, &process->tty, &process->user, &process->system, &process->start) == 5;
}

/* Its words in one line, which may be those of a table. */
static void join_words(char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (text[i] == '\0' || text[i] == '\n')
                        text[i] = ' ';
        while (size && text[size - 1] == ' ')
                size--;
        text[size] = '\0';
        text_make_printable(text, "\n", '?');
}

static void read_command(int directory, struct process *process)
{
        _cleanup_close_ int fd = openat(directory, "cmdline", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, process->command, sizeof(process->command) - 1);

        if (n <= 0)
                n = snprintf(process->command, sizeof(process->command), "%s", process->name);
        join_words(process->command, (size_t)n);
}

/* false: it is gone. */
static bool read_process(pid_t pid, struct process *process)
{
        _cleanup_close_ int directory = -EBADF;
        char path[32], text[2048];
        const char *uid;

        snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        process->pid = pid;
        if (directory < 0 || read_small_file_at(directory, "stat", text, sizeof(text)) < 0 ||
            !parse_stat(text, process) || read_small_file_at(directory, "status", text, sizeof(text)) < 0)
                return false;
        uid = strstr(text, "\nUid:");
        if (!uid || sscanf(uid, "\nUid: %*u %u", &process->uid) != 1)
                return false;
        read_command(directory, process);
        return true;
}

/* Of the device number's parts (tty_nr): pseudo terminals have eight majors. */
static void name_terminal(int tty, char *name, size_t size)
{
        unsigned major = (unsigned)tty >> 8 & 0xfff, minor = ((unsigned)tty & 0xff) | ((unsigned)tty >> 12 & 0xfff00);

        if (major >= 136 && major < 144)
                snprintf(name, size, "pts/%u", minor + (major - 136) * 256);
        else if (major == 4)
                snprintf(name, size, minor < 64 ? "tty%u" : "ttyS%u", minor < 64 ? minor : minor - 64);
        else
                snprintf(name, size, major == 5 && minor == 1 ? "console" : "?");
}

/* The time of day for what began within the last day, else the date, as ps does. */
static void tell_start(time_t age, char *text, size_t size)
{
        time_t now = time(NULL), start = now - age;
        struct tm parts;

        if (!gmtime_r(&start, &parts) || strftime(text, size, age < DAY ? "%H:%M" : "%b%d", &parts) == 0)
                snprintf(text, size, "?");
}

static void put_process(const struct process *process, struct message_builder *answer)
{
        unsigned long long hz = (unsigned long long)sysconf(_SC_CLK_TCK);
        unsigned long long used = (process->user + process->system) / hz, age = 0;
        char terminal[32], start[16], line[COMMAND_MAX + 128];
        struct timespec up;
        unsigned share;

        if (clock_gettime(CLOCK_BOOTTIME, &up) == 0 && (unsigned long long)up.tv_sec > process->start / hz)
                age = (unsigned long long)up.tv_sec - process->start / hz;
        share = age ? (unsigned)(used * 100 / age) : 0;
        name_terminal(process->tty, terminal, sizeof(terminal));
        tell_start((time_t)age, start, sizeof(start));
        snprintf(line, sizeof(line), "%-8u %7d %7d %2u %5s %-8s %02llu:%02llu:%02llu %.*s", process->uid, process->pid,
                 process->ppid, share > 99 ? 99 : share, start, terminal, used / 3600, used / 60 % 60, used % 60,
                 answer->size > ANSWER_LARGE ? COMMAND_CUT : COMMAND_MAX, process->command);
        message_put_text(answer, PART_PROCESS, line);
}

int request_processes(const struct session *session, const struct message *request, struct message_builder *answer)
{
        _cleanup_close_ int cgroup = container_open_cgroup(&session->agent->cgroups, message_text(request, PART_ID));
        _cleanup_free_ pid_t *pids = NULL;
        struct process process;
        size_t n = 0;
        int r;

        if (cgroup < 0)
                return cgroup;
        r = cgroup_processes(cgroup, &pids, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (read_process(pids[i], &process))
                        put_process(&process, answer);
        return answer->size > MESSAGE_SMALL_MAX ? refuse(EMSGSIZE, "%zu processes are too many for one list", n) : 0;
}
