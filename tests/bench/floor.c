/* What the kernel alone takes for a container: the namespaces, mounts, devices, links, masks and read-only paths of the
 * default configuration (`runc spec`), a cgroup, pivot_root and the execution of a program, by straight system calls
 * and nothing else: no JSON, no record, no capabilities, no check. The lower bound to compare a runtime with.
 *
 *      floor ROOTFS PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result, const char *what)
{
        if (result < 0) {
                perror(what);
                _exit(125);
        }
}

static const struct {
        const char *source, *target, *type, *data;
        unsigned long flags;
} mounts[] = {
        {"proc", "proc", "proc", NULL, 0},
        {"tmpfs", "dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
        {"devpts", "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
        {"shm", "dev/shm", "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV},
        {"mqueue", "dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV},
        {"sysfs", "sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
        {"cgroup", "sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME | MS_RDONLY},
};

static const struct {
        const char *path;
        unsigned major, minor;
} devices[] = {
        {"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
        {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0},
};

static const char *const links[][2] = {
        {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"},
};

static const char *const masked[] = {
        "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};

static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static void make_tree(const char *rootfs)
{
        check(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL), "slave /");
        check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind root");
        check(chdir(rootfs), "chdir");
        for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
                mkdir(mounts[i].target, 0755);
                check(mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data),
                      mounts[i].target);
        }
        for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
                check(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)),
                      devices[i].path);
        for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
                check(symlink(links[i][0], links[i][1]), links[i][1]);
}

static void hide(void)
{
        for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++) {
                if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT)
                        continue;
                check(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k"), masked[i]);
        }
        for (size_t i = 0; i < sizeof(readonly) / sizeof(*readonly); i++) {
                if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) < 0)
                        continue;
                check(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), readonly[i]);
        }
}

static void be_container(const char *rootfs, char **program)
{
        check(unshare(CLONE_NEWCGROUP), "unshare cgroup");
        make_tree(rootfs);
        check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
        check(umount2(".", MNT_DETACH), "umount old root");
        check(chdir("/"), "chdir /");
        hide();
        check(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only root");
        check(sethostname("floor", 5), "sethostname");
        execv(program[0], program);
        check(-1, program[0]);
}

int main(int argc, char **argv)
{
        struct clone_args args = {
                .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_INTO_CGROUP,
                .exit_signal = SIGCHLD,
        };
        char group[64];
        int status;
        pid_t pid;

        if (argc < 3)
                return 125;
        snprintf(group, sizeof(group), "/sys/fs/cgroup/floor-%d", getpid());
        check(mkdir(group, 0755), group);
        args.cgroup = (uint64_t)open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
        check(pid, "clone3");
        if (pid == 0)
                be_container(argv[1], argv + 2);
        check(waitpid(pid, &status, 0), "waitpid");
        check(rmdir(group), "rmdir");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
