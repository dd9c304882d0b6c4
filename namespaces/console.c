#include "namespaces/console.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"

/* The image may have put anything at /dev/pts/ptmx, and to open some things is to act on them. In a devpts, though, is
 * only what the kernel put there. */
static int open_multiplexer(int root)
{
        _cleanup_close_ int directory = in_root_open(root, "/dev/pts", O_PATH | O_DIRECTORY), fd = -EBADF;
        struct statfs fs;
        struct stat st;

        if (directory < 0)
                return fail_in(directory, "terminal (is devpts mounted at /dev/pts?)");
        if (fstatfs(directory, &fs) < 0)
                return fail(errno, "look at /dev/pts");
        if (fs.f_type != DEVPTS_SUPER_MAGIC)
                return refuse(EINVAL, "terminal: /dev/pts is not a devpts");
        fd = openat(directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "open /dev/pts/ptmx");
        if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
                return refuse(EINVAL, "/dev/pts/ptmx is not the multiplexer of a devpts");
        return take_fd(&fd);
}

int console_open(int root, int *master, int *slave, char *name, size_t name_size)
{
        _cleanup_close_ int fd = open_multiplexer(root);
        int unlock = 0, number, peer;

        if (fd < 0)
                return fd;
        if (ioctl(fd, TIOCSPTLCK, &unlock) < 0 || ioctl(fd, TIOCGPTN, &number) < 0)
                return fail(errno, "unlock the pseudo-terminal");
        peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (peer < 0)
                return fail(errno, "open the pseudo-terminal's slave");
        snprintf(name, name_size, "/dev/pts/%d", number);
        *slave = peer;
        *master = take_fd(&fd);
        return 0;
}

int console_set_size(int master, uint32_t height, uint32_t width)
{
        struct winsize size = {.ws_row = (unsigned short)height, .ws_col = (unsigned short)width};

        if ((height || width) && ioctl(master, TIOCSWINSZ, &size) < 0)
                return fail(errno, "set the console's size");
        return 0;
}

int console_mount(int root, int slave)
{
        _cleanup_close_ int tree = mount_clone(slave, "", false, AT_EMPTY_PATH), target = -EBADF;
        int r;

        if (tree < 0)
                return fail_in(tree, "/dev/console");
        target = in_root_target(root, "/dev/console", 0);
        if (target < 0)
                return target;
        r = mount_attach(tree, target);
        return r < 0 ? fail_in(r, "/dev/console") : 0;
}

int console_attach(int slave)
{
        if (ioctl(slave, TIOCSCTTY, 0) < 0)
                return fail(errno, "make the console the controlling terminal");
        for (int fd = 0; fd <= 2; fd++)
                if (dup2(slave, fd) < 0)
                        return fail(errno, "make the console stdio");
        return 0;
}
