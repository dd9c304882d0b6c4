#include "namespaces/namespace.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

const struct namespace_kind namespace_kinds[OCI_NS_KINDS] = {
        [OCI_NS_USER] = {"user", "user", CLONE_NEWUSER},     [OCI_NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
        [OCI_NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},         [OCI_NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
        [OCI_NS_NETWORK] = {"network", "net", CLONE_NEWNET}, [OCI_NS_PID] = {"pid", "pid", CLONE_NEWPID},
        [OCI_NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},      [OCI_NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

int namespace_open(enum oci_namespace_kind kind, const char *path)
{
        const struct namespace_kind *wanted = &namespace_kinds[kind];
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int flag;

        if (fd < 0)
                return fail(errno, "open %s namespace %s", wanted->name, path);
        flag = ioctl(fd, NS_GET_NSTYPE);
        if (flag < 0)
                return refuse(EINVAL, "%s is not a namespace", path);
        if (flag != wanted->flag)
                return refuse(EINVAL, "%s is not a %s namespace", path, wanted->name);
        return take_fd(&fd);
}

bool namespace_is_owned_by(int ns, int user)
{
        _cleanup_close_ int owner = ioctl(ns, NS_GET_USERNS);
        struct stat a, b;

        if (owner < 0 || fstat(owner, &a) < 0 || fstat(user, &b) < 0)
                return false;
        return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* The inode of the first user namespace, PROC_USER_INIT_INO of the kernel's include/linux/proc_ns.h, is part of what
 * programs may rely on (uapi linux/nsfs.h since 6.18). uid_map tells less: it may map everything in any of them. A
 * kernel without user namespaces has no such file. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDU

bool namespace_is_below_hosts_user(void)
{
        struct stat st;

        return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != FIRST_USER_NAMESPACE;
}
