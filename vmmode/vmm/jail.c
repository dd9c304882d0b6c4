#include "vmmode/vmm/jail.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
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
static int leave_namespaces(void)
{
        if (unshare(NAMESPACES) == 0 || unshare(CLONE_NEWUSER | NAMESPACES) == 0)
                return 0;
        return -errno;
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

/* Where the kernel has Landlock: no file can be opened, whatever the path. */
static int forbid_files(void)
{
        static const uint64_t every_version[] = {(1ULL << 13) - 1, (1ULL << 14) - 1, (1ULL << 15) - 1};
        struct landlock_ruleset_attr rules = {0};
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        _cleanup_close_ int fd = -EBADF;

        if (version < 1)
                return 0;
        rules.handled_access_fs = every_version[version < 3 ? version - 1 : 2];
        fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
        return fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? fail(errno, "forbid access to files") : 0;
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

int jail_enter(void)
{
        int r = 0;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail(errno, "forbid new privileges");
        if (leave_namespaces() == 0)
                r = empty_file_system();
        /* Some LSMs give a user namespace without the right to mount. */
        if (r == -EPERM || r == -EACCES) {
                error_clear();
                r = 0;
        }
        if (r == 0)
                r = forbid_files();
        if (r == 0)
                r = drop_capabilities();
        return r == 0 ? forbid_cores() : r;
}
