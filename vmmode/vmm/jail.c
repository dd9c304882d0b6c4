#include "vmmode/vmm/jail.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* ---- file system ---- */

/* -errno: it may not have them here. In a user namespace of its own, without ids in it, whoever is not root gets as far
 * as root. */
int vmm_jail_leave_namespaces(int *left)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail(errno, "forbid new privileges");
        *left = unshare(NAMESPACES) == 0 || unshare(CLONE_NEWUSER | NAMESPACES) == 0 ? 0 : -errno;
        return 0;
}

/* An empty file system that nobody can write to; nothing of it is mounted yet. */
static int make_empty_root(void)
{
        _cleanup_close_ int context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
        int fd;

        if (context < 0 || sys_fsconfig(context, FSCONFIG_SET_STRING, "size", "4096", 0) < 0 ||
            sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return fail(errno, "make an empty file system");
        fd = sys_fsmount(context, FSMOUNT_CLOEXEC,
                         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return fd < 0 ? fail(errno, "make an empty file system") : fd;
}

/* The empty one becomes the root, and what was there is let go. */
static int empty_file_system(void)
{
        _cleanup_close_ int root = -EBADF;

        if (sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(errno, "make the mounts private");
        root = make_empty_root();
        if (root < 0)
                return root;
        if (sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(root) < 0 ||
            sys_pivot_root(".", ".") < 0 || sys_umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return fail(errno, "change into an empty root");
        return 0;
}

/* Where the kernel has Landlock: no file can be opened, whatever the path. -ENOSYS or -EOPNOTSUPP: it has not. */
static int forbid_files(void)
{
        static const uint64_t every_version[] = {(1ULL << 13) - 1, (1ULL << 14) - 1, (1ULL << 15) - 1};
        struct landlock_ruleset_attr rules = {0};
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        _cleanup_close_ int fd = -EBADF;

        if (version < 1)
                return version < 0 ? -errno : -EOPNOTSUPP;
        rules.handled_access_fs = every_version[version < 3 ? version - 1 : 2];
        fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
        return fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}

/* ---- privileges ---- */

static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

        /* Refused to whoever has no CAP_SETPCAP, who gets none of them back anyway: there are no new privileges. */
        for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
                (void)prctl(PR_CAPBSET_DROP, capability);
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (syscall(SYS_capset, &header, none) < 0)
                return fail(errno, "drop capabilities");
        return 0;
}

/* No cores with the guest's memory in them. */
static int forbid_cores(void)
{
        static const struct rlimit none = {0, 0};

        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return fail(errno, "set a resource limit");
        return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(errno, "forbid core dumps") : 0;
}

/* Some LSMs give a user namespace without the right to mount. */
static bool may_be_missing(int r)
{
        return r == -EPERM || r == -EACCES;
}

static int hide_files(int left, bool filters_suffice)
{
        int root = left, landlock;
        char why[ERROR_MESSAGE_MAX];

        snprintf(why, sizeof(why), "%s", root < 0 ? strerror(-root) : "");
        if (root == 0) {
                root = empty_file_system();
                snprintf(why, sizeof(why), "%s", error_message());
                if (root < 0 && !may_be_missing(root))
                        return root;
                error_clear();
        }
        landlock = forbid_files();
        if (root == 0 || landlock == 0 || filters_suffice)
                return 0;
        return refuse(EPERM,
                      "the jail: the host's files can be hidden neither by namespaces (%s) nor by Landlock (%s); "
                      "\"jail = filters\" in berth.conf does without",
                      why, strerror(-landlock));
}

int vmm_jail_enter(int left, bool filters_suffice)
{
        int r = hide_files(left, filters_suffice);

        if (r == 0)
                r = drop_capabilities();
        return r == 0 ? forbid_cores() : r;
}
