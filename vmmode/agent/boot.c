#include "vmmode/agent/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/core/loopback.h"
#include "vmmode/agent/modules.h"
#include "vmmode/agent/oom_score.h"
#include "vmmode/protocol/message.h"

/* Where the future root is until it is the root: a directory of the initramfs. */
#define ROOT "/berth-root"

/* As on a host whose systemd leaves fs.nr_open alone. */
#define NOFILE_HARD 1048576

#define SYNC_DEADLINE_MS 5000

static int log_fd = -EBADF;

static void write_log(enum log_level level, const char *message)
{
        char line[1024];
        int n = snprintf(line, sizeof(line), "<%d>berth-agent: %s\n", level == LOG_LEVEL_DEBUG ? 7 : 4, message);

        if (n > 0)
                (void)!write(log_fd, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void open_log(void)
{
        log_fd = open(ROOT "/dev/kmsg", O_WRONLY | O_CLOEXEC);
        if (log_fd >= 0)
                log_set_sink(write_log, LOG_LEVEL_WARNING);
}

struct file_system {
        const char *type, *source, *target;
        unsigned long flags;
        const char *data;
};

#define USUAL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* In this order; below the root that will be. */
static const struct file_system file_systems[] = {
        {"tmpfs", "root", ROOT, 0, "mode=0755,size=16m"},
        {"proc", "proc", ROOT "/proc", USUAL, NULL},
        {"sysfs", "sysfs", ROOT "/sys", USUAL, NULL},
        {"devtmpfs", "devtmpfs", ROOT "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
        {"devpts", "devpts", ROOT "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
        {"tmpfs", "run", ROOT "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
        {"cgroup2", "cgroup2", ROOT "/sys/fs/cgroup", USUAL, "nsdelegate,memory_recursiveprot"},
};

static int mount_all(void)
{
        for (size_t i = 0; i < ELEMENTS(file_systems); i++) {
                const struct file_system *fs = &file_systems[i];

                if (mkdir(fs->target, 0755) < 0 && errno != EEXIST)
                        return fail(errno, "make %s", fs->target);
                if (sys_mount(fs->source, fs->target, fs->type, fs->flags, fs->data) < 0)
                        return fail(errno, "mount %s on %s", fs->type, fs->target);
        }
        return 0;
}

/* Nothing of the kernel's first process is open where /dev/console was missing. */
static int open_standard(void)
{
        int fd = open(ROOT "/dev/null", O_RDWR);

        if (fd < 0)
                return fail(errno, "open /dev/null");
        for (int i = 0; i < 3; i++)
                if (fd != i && dup2(fd, i) < 0)
                        return fail(errno, "replace descriptor %d", i);
        if (fd > 2)
                close(fd);
        return 0;
}

/* pivot_root(2), with which every container leaves its old root behind, refuses a root that is the initramfs itself. So
 * a mount is moved over it. What is in the initramfs stays in memory: its files are removed. */
static int move_root(struct agent *agent)
{
        agent->modules = open("/modules", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)unlink("/init");
        if (chdir(ROOT) < 0 || sys_mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
                return fail(errno, "leave the initramfs");
        return sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? fail(errno, "make the mounts private") : 0;
}

/* The kernel's first process has limits that no service manager would leave. */
static int raise_limits(void)
{
        static const struct {
                int resource;
                struct rlimit limit;
        } limits[] = {
                {RLIMIT_NOFILE, {1024, NOFILE_HARD}},
                {RLIMIT_NPROC, {RLIM_INFINITY, RLIM_INFINITY}},
                {RLIMIT_SIGPENDING, {RLIM_INFINITY, RLIM_INFINITY}},
        };

        for (size_t i = 0; i < ELEMENTS(limits); i++)
                if (setrlimit(limits[i].resource, &limits[i].limit) < 0)
                        return fail(errno, "set resource limit %d", limits[i].resource);
        return 0;
}

/* Without nosuid or nodev: copies of the mount, which are the containers' roots, would inherit them. */
static void mount_share(void)
{
        if (mkdir("/run/berth", 0700) < 0 || mkdir(SHARE_MOUNT, 0700) < 0 ||
            sys_mount(SHARE_TAG, SHARE_MOUNT, "virtiofs", 0, NULL) < 0)
                log_warning("mount the share of the host (virtiofs " SHARE_TAG "): %s", strerror(errno));
}

int boot_machine(struct agent *agent)
{
        int r = mount_all();

        if (r == 0)
                r = open_standard();
        open_log();
        if (r == 0)
                r = move_root(agent);
        if (r < 0)
                return r;
        oom_score_protect(agent);
        modules_load(agent->modules, MODULES_EARLY);
        r = raise_limits();
        if (r == 0)
                r = loopback_up();
        if (r == 0)
                mount_share();
        return r;
}

/* The share's pages belong to the host, which may never take them. */
static void sync_within(int timeout_ms)
{
        struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        _cleanup_close_ int pidfd = -EBADF;
        pid_t pid;
        int status;

        args.pidfd = (uint64_t)(uintptr_t)&pidfd;
        pid = sys_clone3(&args);
        if (pid == 0) {
                sync();
                _exit(0);
        }
        if (pid > 0)
                (void)process_reap(pidfd, timeout_ms, &status);
}

void boot_power_off(void)
{
        sync_within(SYNC_DEADLINE_MS);
        (void)reboot(RB_POWER_OFF);
}
