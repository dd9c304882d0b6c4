#include "runtime/ctl/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "cgroups/cgroup.h"
#include "namespaces/idmap.h"
#include "namespaces/procfs.h"
#include "netdev/ctlnet_probe.h"

#define PROBE_MS 150000 /* the kernel of a guest may have to be made first */

#define CONTROLLERS "start the kernel with systemd.unified_cgroup_hierarchy=1, without cgroups v1"
#define LINKS       "load the module (modprobe) or take a kernel that has it"

const struct check check_table[] = {
        {"namespaces", CHECK_BASIC, false, "every container", "take a kernel with CONFIG_NAMESPACES", CHECK_HERE, 0,
         NULL, probe_namespaces},
        {"user namespaces", CHECK_BASIC, false, "unprivileged containers",
         "sysctl user.max_user_namespaces=65536 kernel.unprivileged_userns_clone=1", CHECK_HERE, 0, NULL,
         probe_user_namespace},
        {"cgroup v2", CHECK_BASIC_FOR_ROOT, false, "every container", CONTROLLERS "; a user needs a session of systemd",
         CHECK_HERE, 0, NULL, probe_cgroup},
        {"seccomp", CHECK_BASIC, false, "system call filters", "take a kernel with CONFIG_SECCOMP_FILTER", CHECK_HERE,
         0, NULL, probe_seccomp},
        {"keeper", CHECK_BASIC, false, "every container", "install berth whole (make install)", CHECK_HERE, 0,
         "berth-keeper", probe_helper},
        {"id-mapped mounts", CHECK_BASIC, true, "unprivileged containers",
         "let --directory lie on ext4, xfs or btrfs, or create with --unprivileged=false", CHECK_MOUNTS, 0, NULL,
         probe_idmap},
        {"cpu controller", CHECK_EXTRA, false, "--cpus, --cpu-weight", CONTROLLERS, CHECK_HERE, CGROUP_CPU, NULL,
         probe_controller},
        {"cpuset controller", CHECK_EXTRA, false, "--cpu-set", CONTROLLERS, CHECK_HERE, CGROUP_CPUSET, NULL,
         probe_controller},
        {"memory controller", CHECK_EXTRA, false, "--memory, --swap, oom events", CONTROLLERS, CHECK_HERE,
         CGROUP_MEMORY, NULL, probe_controller},
        {"pids controller", CHECK_EXTRA, false, "--pids", CONTROLLERS, CHECK_HERE, CGROUP_PIDS, NULL, probe_controller},
        {"io controller", CHECK_EXTRA, false, "--io-read, --io-write", CONTROLLERS, CHECK_HERE, CGROUP_IO, NULL,
         probe_controller},
        {"overlayfs", CHECK_EXTRA, true, "image layers that containers share", "modprobe overlay", CHECK_MOUNTS, 0,
         NULL, probe_overlay},
        {"project quota", CHECK_EXTRA, true, "--disk by the file system",
         "mount it with prjquota (ext4: tune2fs -O quota,project)", CHECK_HERE, 0, NULL, probe_quota},
        {"loop devices", CHECK_EXTRA, true, "--disk by an image file", "modprobe loop", CHECK_HERE, 0, NULL,
         probe_loop},
        {"bridge, veth", CHECK_EXTRA, true, "networks with the mode bridge or routed", LINKS, CHECK_NETWORK,
         CTLNET_PART_BRIDGE, NULL, probe_network},
        {"nftables", CHECK_EXTRA, true, "NAT, published ports, anti-spoofing",
         "modprobe nf_tables nft_nat nft_masq nft_ct", CHECK_NETWORK, CTLNET_PART_FILTER, NULL, probe_network},
        {"forwarding", CHECK_EXTRA, true, "containers' way to the world",
         "rules for the bridges in that chain (docs/network.md)", CHECK_HERE, 0, NULL, probe_forward},
        {"macvlan", CHECK_EXTRA, true, "networks with the mode macvlan", LINKS, CHECK_NETWORK, CTLNET_PART_MACVLAN,
         NULL, probe_network},
        {"vlan", CHECK_EXTRA, true, "networks with the mode vlan", LINKS, CHECK_NETWORK, CTLNET_PART_VLAN, NULL,
         probe_network},
        {"ifb", CHECK_EXTRA, true, "--net-rate-out", LINKS, CHECK_NETWORK, CTLNET_PART_RATES, NULL, probe_network},
        {"tun", CHECK_EXTRA, false, "the network of virtual machines", "modprobe tun", CHECK_NETWORK, 0, NULL,
         probe_tun},
        {"dnsmasq", CHECK_EXTRA, true, "names between the containers of a network", "apt install dnsmasq-base",
         CHECK_HERE, 0, "dnsmasq", probe_program},
        {"pasta", CHECK_EXTRA, false, "networks of an ordinary user", "apt install passt", CHECK_HERE, 0, "pasta",
         probe_program},
        {"subordinate ids", CHECK_EXTRA, false, "an ordinary user's containers with more than one id",
         "apt install uidmap, and lines in /etc/subuid and /etc/subgid", CHECK_HERE, 0, "newuidmap", probe_program},
        {"busybox", CHECK_EXTRA, false, "--image busybox", "apt install busybox-static", CHECK_MOUNTS, 0, NULL,
         probe_busybox},
        {"mmdebstrap", CHECK_EXTRA, false, "--image debian:SUITE", "apt install mmdebstrap", CHECK_HERE, 0,
         "mmdebstrap", probe_program},
        {"skopeo", CHECK_EXTRA, false, "--image docker://", "apt install skopeo", CHECK_HERE, 0, "skopeo",
         probe_program},
        {"systemd", CHECK_EXTRA, false, "autostart with the host, the systemd cgroup driver",
         "call berthctl autostart from what starts this host", CHECK_HERE, 0, NULL, probe_systemd},
        {"KVM", CHECK_EXTRA, false, "--isolation vm",
         "load kvm_intel or kvm_amd, switch virtualisation on in the firmware", CHECK_HERE, 0, NULL, probe_kvm},
        {"kernel for guests", CHECK_EXTRA, false, "--isolation vm",
         "apt install linux-image-cloud-amd64, or kernel = in berth.conf", CHECK_HERE, 0, NULL, probe_guest_kernel},
        {"virtiofsd", CHECK_EXTRA, false, "--isolation vm", "apt install qemu-system-common, or virtiofsd", CHECK_HERE,
         0, NULL, probe_file_server},
};
const size_t n_checks = ELEMENTS(check_table);

bool check_applies(const struct check *check)
{
        return !check->root || geteuid() == 0;
}

bool check_is_basic(const struct check *check)
{
        return check->level == CHECK_BASIC || (check->level == CHECK_BASIC_FOR_ROOT && geteuid() == 0);
}

/* An ordinary user may make other namespaces only inside a user namespace. */
static int enter(enum check_place place)
{
        int flags = place == CHECK_MOUNTS ? CLONE_NEWNS : place == CHECK_NETWORK ? CLONE_NEWNET : 0;
        _cleanup_close_ int procfs = -EBADF;
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        if (!flags)
                return 0;
        procfs = procfs_open();
        if (procfs < 0)
                return procfs;
        if (unshare(uid == 0 ? flags : flags | CLONE_NEWUSER) < 0)
                return fail(errno, "make a namespace");
        r = uid ? idmap_keep_self(procfs, uid, gid) : 0;
        if (r < 0)
                return r;
        if (place == CHECK_MOUNTS && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(errno, "detach the mount namespace");
        return 0;
}

static void __attribute__((noreturn)) probe(const struct ctl *ctl, const struct check *check, int report)
{
        int r;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        error_clear();
        r = enter(check->place);
        if (r == 0)
                r = check->probe(ctl, check);
        if (r < 0)
                (void)write_all(report, error_message(), strlen(error_message()));
        _exit(r < 0);
}

int check_run(const struct ctl *ctl, const struct check *check)
{
        _cleanup_close_ int pidfd = -EBADF, from = -EBADF, to = -EBADF;
        _cleanup_free_ char *text = NULL;
        int pair[2], status, r;
        size_t size;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        from = pair[0];
        to = pair[1];
        pid = fork();
        if (pid < 0)
                return fail(errno, "start a process");
        if (pid == 0)
                probe(ctl, check, to);
        replace_fd(&to, -EBADF);
        pidfd = sys_pidfd_open(pid, 0);
        r = pidfd < 0 ? -errno : process_reap(pidfd, PROBE_MS, &status);
        if (r < 0) {
                (void)kill(pid, SIGKILL);
                if (pidfd >= 0)
                        (void)process_reap(pidfd, PROBE_MS, &status);
                return refuse(-r, "it could not be tried: %s", strerror(-r));
        }
        if (status == 0)
                return 0;
        r = read_all(from, ERROR_MESSAGE_MAX, &text, &size);
        return refuse(ENOTSUP, "%s", r == 0 && size ? text : "the process that tried it was killed");
}
