/* virtiofsd: QEMU's (Debian 12) or the one of the Rust VMM project, which want to be told things differently. Either
 * sandboxes itself: namespaces of its own with the share as their root, few capabilities, a seccomp filter. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/unix_address.h"
#include "vmmode/proxy/child.h"

/* It lies in the share until we are connected, before there is a guest. */
#define SOCKET_NAME ".socket"

/* Running it to ask (--help) would cost more than everything else that we do before the machine runs: its options are
 * looked for in the program itself. QEMU's knows no "--shared-dir". */
static int is_of_rust_vmm(int program)
{
        static const char option[] = "shared-dir";
        struct stat st;
        void *image;
        bool found;

        if (fstat(program, &st) < 0)
                return fail(errno, "look at the file server");
        if (!S_ISREG(st.st_mode) || st.st_size <= 0)
                return refuse(EINVAL, "the file server is no program");
        image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, program, 0);
        if (image == MAP_FAILED)
                return fail(errno, "map the file server");
        found = memmem(image, (size_t)st.st_size, option, sizeof(option) - 1) != NULL;
        munmap(image, (size_t)st.st_size);
        return found;
}

int file_server_listen(const struct proxy *proxy, int *listener, int *connection)
{
        const struct sockaddr_un address = unix_address_at(proxy->share, SOCKET_NAME);
        int r = 0;

        *listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        *connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (*listener < 0 || *connection < 0)
                return fail(errno, "make a socket");
        if (bind(*listener, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return fail(errno, "make the file server's socket");
        if (listen(*listener, 1) < 0 || connect(*connection, (const struct sockaddr *)&address, sizeof(address)) < 0)
                r = fail(errno, "connect with the file server");
        (void)unlinkat(proxy->share, SOCKET_NAME, 0);
        return r;
}

/* Locks are the guest's own: QEMU's server would refuse a lock that waits (EOPNOTSUPP), or wait with everything.
 * Whoever else has the files mounted keeps ours apart from his. CAP_MKNOD: the devices program of a process container
 * would not let it make devices either. Access control lists are refused: guests (Linux 6.1) do not hold to them on a
 * submount, as each tree of ours is, and one that is set and not held to is worse. */
static int start_qemus(struct proxy *proxy, const char *listener, const int *keep)
{
        static const char source[] = "source=" SHARE_PLACE;
        const char *const argv[] = {"virtiofsd",
                                    listener,
                                    "-o",
                                    source,
                                    "-o",
                                    "sandbox=namespace,cache=auto,xattr,no_posix_lock,no_flock,no_posix_acl,"
                                    "announce_submounts",
                                    "-o",
                                    "modcaps=-mknod",
                                    "-o",
                                    "log_level=warn",
                                    "--rlimit-nofile=0",
                                    NULL};

        return child_start(&proxy->file_server, proxy->options.cgroup, proxy->options.file_server, argv, keep, 1);
}

static int start_rusts(struct proxy *proxy, const char *listener, const int *keep)
{
        const char *const argv[] = {
                "virtiofsd",           listener,           "--shared-dir",      SHARE_PLACE,
                "--sandbox=namespace", "--cache=auto",     "--xattr",           "--announce-submounts",
                "--modcaps=-mknod",    "--log-level=warn", "--rlimit-nofile=0", NULL};

        return child_start(&proxy->file_server, proxy->options.cgroup, proxy->options.file_server, argv, keep, 1);
}

int file_server_start(struct proxy *proxy, int listener)
{
        char with_listener[32];
        int r = is_of_rust_vmm(proxy->options.file_server), rust = r;

        if (r < 0)
                return r;
        snprintf(with_listener, sizeof(with_listener), "--fd=%d", listener);
        r = rust ? start_rusts(proxy, with_listener, &listener) : start_qemus(proxy, with_listener, &listener);
        replace_fd(&proxy->options.file_server, -EBADF);
        return r;
}
