/* What check tries. Each runs in a process of its own, which ends afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/loop.h>
#include <linux/quota.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/namespace.h"
#include "namespaces/procfs.h"
#include "netdev/ctlnet_probe.h"
#include "runtime/ctl/check.h"
#include "runtime/ctl/group.h"
#include "runtime/ctl/image.h"
#include "vmmode/host/config.h"
#include "vmmode/host/image.h"
#include "vmmode/host/machine.h"

#define PROGRAM_MS 10000
#define REMOVE_MS  5000

int probe_namespaces(const struct ctl *ctl, const struct check *check)
{
        (void)ctl;
        (void)check;
        if (geteuid() != 0 && unshare(CLONE_NEWUSER) < 0)
                return fail(errno, "make a user namespace");
        for (size_t i = 0; i < OCI_NS_KINDS; i++)
                if (namespace_kinds[i].flag != CLONE_NEWUSER && unshare(namespace_kinds[i].flag) < 0)
                        return fail(errno, "make a %s namespace", namespace_kinds[i].name);
        return 0;
}

int probe_user_namespace(const struct ctl *ctl, const struct check *check)
{
        struct oci_id_map map = {.host_id = SETTINGS_IDS_SIZE, .size = SETTINGS_IDS_SIZE};
        const struct oci_id_maps maps = {.n = 1, .v = &map};
        _cleanup_close_ int procfs = -EBADF, made = -EBADF;

        (void)ctl;
        (void)check;
        if (geteuid() != 0)
                return unshare(CLONE_NEWUSER) < 0 ? fail(errno, "make a user namespace") : 0;
        procfs = procfs_open();
        if (procfs < 0)
                return procfs;
        made = idmap_namespace(procfs, &maps, &maps);
        return made < 0 ? made : 0;
}

static int use_group(int group)
{
        char text[64];

        if (group < 0)
                return group;
        return read_small_file_at(group, "cgroup.freeze", text, sizeof(text)) < 0
                       ? refuse(ENOTSUP, "groups without cgroup.freeze (Linux 5.2)")
                       : 0;
}

int probe_cgroup(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int group = -EBADF;
        char path[4096], name[32];
        struct cgroup_host host;
        int depth, r = cgroup_host_probe(&host), removed;

        (void)ctl;
        (void)check;
        if (r < 0 || group_by_users_systemd(NULL))
                return r;
        snprintf(name, sizeof(name), "check-%d", (int)getpid());
        r = cgroup_path_for(&host, NULL, name, path, sizeof(path));
        depth = r < 0 ? r : cgroup_existing_depth(&host, path);
        if (depth < 0)
                return depth;
        group = cgroup_create(&host, path, 0);
        r = use_group(group);
        if (r < 0) {
                _cleanup_free_ char *reason = strdup(error_message());

                (void)cgroup_remove(&host, path, depth, now_ms() + REMOVE_MS);
                return refuse(-r, "%s", reason ? reason : "not enough memory");
        }
        removed = cgroup_remove(&host, path, depth, now_ms() + REMOVE_MS);
        return removed;
}

/* Of those that the host has, a user's systemd has those that it was given. */
static int probe_users_controller(const struct cgroup_host *host, unsigned controller)
{
        char path[128], text[256];
        _cleanup_close_ int group = -EBADF;

        snprintf(path, sizeof(path), "/user.slice/user-%u.slice/user@%u.service", (unsigned)geteuid(),
                 (unsigned)geteuid());
        group = cgroup_open(host, path);
        if (group < 0 || read_small_file_at(group, "cgroup.controllers", text, sizeof(text)) < 0)
                error_clear();
        else if (!(cgroup_controllers_parse(text) & controller))
                return refuse(ENOTSUP, "the user's systemd was not given %s (Delegate= of user@.service)",
                              cgroup_controller_name(controller));
        return 0;
}

int probe_controller(const struct ctl *ctl, const struct check *check)
{
        struct cgroup_host host;
        int r = cgroup_host_probe(&host);

        (void)ctl;
        if (r < 0)
                return r;
        if (host.controllers & (unsigned)check->argument && group_by_users_systemd(NULL))
                return probe_users_controller(&host, (unsigned)check->argument);
        if (host.controllers & (unsigned)check->argument)
                return 0;
        return refuse(ENOTSUP, "%s/cgroup.controllers does not name %s%s", host.mount_point,
                      cgroup_controller_name((unsigned)check->argument), host.hybrid ? ": cgroups v1 may have it" : "");
}

int probe_seccomp(const struct ctl *ctl, const struct check *check)
{
        struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const struct sock_fprog program = {.len = 1, .filter = &allow};

        (void)ctl;
        (void)check;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                return fail(errno, "install a filter");
        return 0;
}

/* ---- file systems ---- */

/* The containers' directory, or what is there of the way to it. Returns a descriptor. */
static int open_directory(const struct ctl *ctl, char *path, size_t size)
{
        int fd;

        snprintf(path, size, "%s", ctl->directory);
        while ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT && strrchr(path, '/')) {
                char *slash = strrchr(path, '/');

                slash[slash == path] = '\0';
        }
        return fd < 0 ? fail(errno, "open %s", path) : fd;
}

int probe_idmap(const struct ctl *ctl, const struct check *check)
{
        struct oci_id_map map = {.host_id = SETTINGS_IDS_SIZE, .size = SETTINGS_IDS_SIZE};
        const struct oci_id_maps maps = {.n = 1, .v = &map};
        _cleanup_close_ int procfs = procfs_open(), user = -EBADF, tree = -EBADF, directory = -EBADF;
        char path[4096];
        int r;

        (void)check;
        if (procfs < 0)
                return procfs;
        directory = open_directory(ctl, path, sizeof(path));
        if (directory < 0)
                return directory;
        user = idmap_namespace(procfs, &maps, &maps);
        if (user < 0)
                return user;
        tree = mount_clone(AT_FDCWD, path, false, 0);
        r = tree < 0 ? tree : mount_idmap(tree, user, false);
        return r < 0 ? fail_in(r, "%s", path) : 0;
}

int probe_overlay(const struct ctl *ctl, const struct check *check)
{
        static const char *const directories[] = {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"};

        (void)ctl;
        (void)check;
        if (sys_mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0755") < 0)
                return fail(errno, "mount a tmpfs");
        for (size_t i = 0; i < ELEMENTS(directories); i++)
                if (mkdir(directories[i], 0755) < 0)
                        return fail(errno, "make %s", directories[i]);
        return sys_mount("overlay", "/tmp/merged", "overlay", 0,
                         "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr") < 0
                       ? fail(errno, "mount an overlayfs")
                       : 0;
}

int probe_quota(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int directory = -EBADF;
        char path[4096];
        uint32_t format;

        (void)check;
        directory = open_directory(ctl, path, sizeof(path));
        if (directory < 0)
                return directory;
        if (syscall(SYS_quotactl_fd, directory, QCMD(Q_GETFMT, PRJQUOTA), 0, &format) == 0)
                return 0;
        return errno == ESRCH ? refuse(ESRCH, "%s: project quota is not switched on", path)
                              : fail(errno, "%s: look at the project quota", path);
}

int probe_loop(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), device = -EBADF;
        char path[32];
        int number;

        (void)ctl;
        (void)check;
        if (control < 0)
                return fail(errno, "open /dev/loop-control");
        number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
                return fail(errno, "find a free loop device");
        snprintf(path, sizeof(path), "/dev/loop%d", number);
        device = open(path, O_RDWR | O_CLOEXEC);
        return device < 0 ? fail(errno, "open %s", path) : 0;
}

/* ---- network ---- */

int probe_tun(const struct ctl *ctl, const struct check *check)
{
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        (void)ctl;
        (void)check;
        if (fd < 0)
                return fail(errno, "open /dev/net/tun");
        return ioctl(fd, TUNSETIFF, &request) < 0 ? fail(errno, "make a tap device") : 0;
}

int probe_network(const struct ctl *ctl, const struct check *check)
{
        (void)ctl;
        return ctlnet_probe((enum ctlnet_part)check->argument);
}

int probe_forward(const struct ctl *ctl, const struct check *check)
{
        (void)ctl;
        (void)check;
        return ctlnet_probe_forward();
}

/* ---- virtual machines ---- */

int probe_kvm(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int kvm = vm_kvm_open(), machine = -EBADF, processor = -EBADF;

        (void)ctl;
        (void)check;
        if (kvm < 0)
                return kvm;
        machine = ioctl(kvm, KVM_CREATE_VM, 0);
        if (machine < 0)
                return fail(errno, "make a virtual machine");
        processor = ioctl(machine, KVM_CREATE_VCPU, 0);
        return processor < 0 ? fail(errno, "make a virtual processor") : 0;
}

int probe_guest_kernel(const struct ctl *ctl, const struct check *check)
{
        struct vm_image image = VM_IMAGE_NONE;
        struct vm_config config;
        int r = vm_config_load_here(&config);

        (void)ctl;
        (void)check;
        if (r < 0)
                return r;
        r = vm_image_find(&config, NULL, &image);
        vm_image_close(&image);
        vm_config_free(&config);
        return r;
}

int probe_file_server(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int program = -EBADF;
        struct vm_config config;
        int r = vm_config_load_here(&config);

        (void)ctl;
        (void)check;
        if (r < 0)
                return r;
        program = vm_file_server_open(&config);
        vm_config_free(&config);
        return program < 0 ? program : 0;
}

/* ---- programs ---- */

int probe_helper(const struct ctl *ctl, const struct check *check)
{
        char path[4096];

        (void)ctl;
        return helper_find(check->program, path, sizeof(path));
}

/* Runs it: one that misses a library is not there. */
int probe_program(const struct ctl *ctl, const struct check *check)
{
        const char *const arguments[] = {check->program, "--version", NULL};
        char output[512];
        int r = process_run(check->program, arguments, PROGRAM_MS, output, sizeof(output));

        (void)ctl;
        if (r < 0)
                return r;
        return r == 126 || r == 127 ? refuse(ENOEXEC, "%s does not run: %.200s", check->program, output) : 0;
}

int probe_busybox(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int root = -EBADF;

        (void)ctl;
        (void)check;
        if (sys_mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0755") < 0)
                return fail(errno, "mount a tmpfs");
        root = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return root < 0 ? fail(errno, "open /tmp") : image_busybox(root, NULL);
}

int probe_systemd(const struct ctl *ctl, const struct check *check)
{
        (void)ctl;
        (void)check;
        return access("/run/systemd/system", F_OK) < 0 ? refuse(ENOENT, "systemd is not the first process here") : 0;
}
