#include "cgroups/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "cgroups/events.h"
#include "cgroups/files.h"

#define GROUP       "oom" /* where somebody dies */
#define DEADLINE_MS 5000

/* What the child tries to have. */
#define SIZE ((size_t)1 << 20)
#define PAGE ((size_t)4096)

/* ---- room for a group with a controller ---- */

/* Each pid of the list goes to the group. One that has ended meanwhile (ESRCH) needs to go nowhere. */
static int move(const char *procs, int cgroup_fd, const char *file)
{
        uint64_t pid;

        while (cgroup_scan_number(procs, &pid, &procs)) {
                char number[24];
                int r;

                if (pid == 0)
                        return fail(EBUSY, "move a process of another pid namespace");
                snprintf(number, sizeof(number), "%llu", (unsigned long long)pid);
                r = write_file_at(cgroup_fd, file, number);
                if (r < 0 && r != -ESRCH)
                        return fail(-r, "write %s to cgroup file %s", number, file);
                procs += *procs == '\n';
        }
        return 0;
}

static int switch_controller(int cgroup_fd, const char *controller, char sign)
{
        char word[32];
        int r;

        snprintf(word, sizeof(word), "%c%s", sign, controller);
        r = write_file_at(cgroup_fd, "cgroup.subtree_control", word);
        return r < 0 ? fail(-r, "write '%s' to cgroup file cgroup.subtree_control", word) : 0;
}

int cgroup_hand_on(int cgroup_fd, const char *controller, char procs[CGROUP_PROCS_TEXT])
{
        ssize_t n = read_small_file_at(cgroup_fd, "cgroup.procs", procs, CGROUP_PROCS_TEXT);
        int r;

        if (n < 0)
                return fail((int)-n, "read cgroup file cgroup.procs");
        r = move(procs, cgroup_fd, CGROUP_ASIDE "/cgroup.procs");
        if (r == 0)
                r = switch_controller(cgroup_fd, controller, '+');
        /* Nothing was handed on: whoever was moved may go back. */
        if (r < 0)
                (void)move(procs, cgroup_fd, "cgroup.procs");
        return r;
}

int cgroup_take_back(int cgroup_fd, const char *controller, const char *procs)
{
        int r = switch_controller(cgroup_fd, controller, '-');

        return r < 0 ? r : move(procs, cgroup_fd, "cgroup.procs");
}

/* ---- the kill ---- */

/* Without swap, into which the kernel would put the pages instead. */
static int make_group(int cgroup_fd)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (mkdirat(cgroup_fd, GROUP, 0755) < 0 && errno != EEXIST)
                return fail(errno, "make cgroup " GROUP);
        fd = openat(cgroup_fd, GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "open cgroup " GROUP);
        (void)write_file_at(fd, "memory.swap.max", "0");
        r = write_file_at(fd, "memory.max", "0");
        return r < 0 ? fail(-r, "write '0' to cgroup file memory.max") : take_fd(&fd);
}

static void __attribute__((noreturn)) want_memory(void)
{
        volatile char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (size_t at = 0; (const volatile void *)memory != MAP_FAILED && at < SIZE; at += PAGE)
                memory[at] = 1;
        _exit(0);
}

static int kill_somebody(int group)
{
        _cleanup_close_ int pidfd = -EBADF;
        struct clone_args args = {.flags = CLONE_INTO_CGROUP | CLONE_PIDFD,
                                  .exit_signal = SIGCHLD,
                                  .pidfd = (uint64_t)(uintptr_t)&pidfd,
                                  .cgroup = (uint64_t)group};
        pid_t pid = sys_clone3(&args);
        int status = 0, r;

        if (pid == 0)
                want_memory();
        if (pid < 0)
                return fail(errno, "start a process in cgroup " GROUP);
        r = process_reap(pidfd, DEADLINE_MS, &status);
        if (r == -ETIMEDOUT) {
                (void)sys_pidfd_send_signal(pidfd, SIGKILL);
                return fail(-r, "wait for the process in cgroup " GROUP);
        }
        if (r < 0)
                return fail(-r, "reap the process in cgroup " GROUP);
        return status == 128 + SIGKILL ? 0 : fail(EAGAIN, "nobody was killed in cgroup " GROUP);
}

static int count_below(int cgroup_fd)
{
        _cleanup_close_ int group = make_group(cgroup_fd);
        int r = group < 0 ? group : kill_somebody(group);

        if (group >= 0)
                (void)cgroup_wait_event(group, "populated", 0, now_ms() + DEADLINE_MS);
        (void)unlinkat(cgroup_fd, GROUP, AT_REMOVEDIR);
        return r;
}

int cgroup_count_oom_kill(int cgroup_fd)
{
        char procs[CGROUP_PROCS_TEXT];
        int r = cgroup_hand_on(cgroup_fd, "memory", procs), back;

        if (r < 0)
                return r;
        r = count_below(cgroup_fd);
        back = cgroup_take_back(cgroup_fd, "memory", procs);
        return r < 0 ? r : back;
}
