#include "netdev/ctl/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"

#define LOCK_FILE    ".lock"
#define LOCK_SECONDS 60

int state_directory(int parent, const char *name)
{
        int fd;

        if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
                return fail(errno, "make directory %s", name);
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open directory %s", name) : fd;
}

static int open_all(struct ctlnet *net, int directory)
{
        net->networks = state_directory(directory, "networks");
        if (net->networks < 0)
                return net->networks;
        net->interfaces = state_directory(directory, "interfaces");
        if (net->interfaces < 0)
                return net->interfaces;
        if (read_small_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", net->boot, sizeof(net->boot)) < 0)
                return fail(errno, "read /proc/sys/kernel/random/boot_id");
        return 0;
}

int ctlnet_open(const char *directory, struct ctlnet **net)
{
        _cleanup_close_ int fd = -EBADF;
        struct ctlnet *opened = calloc(1, sizeof(*opened));
        int r;

        if (!opened)
                return fail(ENOMEM, "open the networks in %s", directory);
        *opened = (struct ctlnet){.networks = -EBADF, .interfaces = -EBADF};
        fd = state_directory(AT_FDCWD, directory);
        r = fd < 0 ? fd : open_all(opened, fd);
        if (r < 0) {
                ctlnet_close(opened);
                return fail_in(r, "open the networks in %s", directory);
        }
        *net = opened;
        return 0;
}

void ctlnet_close(struct ctlnet *net)
{
        if (!net)
                return;
        netlink_close(&net->host);
        nft_close(&net->nft);
        cleanup_close(&net->networks);
        cleanup_close(&net->interfaces);
        free(net);
}

int state_host(struct ctlnet *net)
{
        return net->host.socket ? 0 : netlink_open(-EBADF, &net->host);
}

/* An open file description of its own for each time: the lock goes with it. */
int state_lock(struct ctlnet *net, int *lock)
{
        _cleanup_close_ int fd = openat(net->networks, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return fail(errno, "open the lock of the networks");
        r = lock_file(fd, LOCK_EX, LOCK_SECONDS);
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "another command on the networks has not ended for %d seconds", LOCK_SECONDS);
        if (r < 0)
                return fail(-r, "lock the networks");
        *lock = take_fd(&fd);
        return 0;
}

static int each(struct ctlnet *net, int directory, const char *what, state_visitor visit, void *data)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return fail(errno, "list the %s", what);
        for (struct dirent *entry; r == 0 && (errno = 0, entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        r = visit(net, entry->d_name, data);
        return r == 0 && errno ? fail(errno, "list the %s", what) : r;
}

int network_each(struct ctlnet *net, state_visitor visit, void *data)
{
        return each(net, net->networks, "networks", visit, data);
}

int interface_each(struct ctlnet *net, state_visitor visit, void *data)
{
        return each(net, net->interfaces, "interfaces", visit, data);
}
