/* Writing into the root of a container that may run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/write_as.h"

int storage_write_begin(struct ctl *ctl, const struct ctl_container *container, struct storage_writing *writing)
{
        struct ctl_status status;
        char path[64];
        int r = ctl_status(ctl, container, &status);

        if (r < 0)
                return r;
        if (!status.pid || !storage_has_layers(container)) {
                writing->root = storage_open_writable(ctl, container);
                return writing->root < 0 ? writing->root : 0;
        }
        snprintf(path, sizeof(path), "/proc/%d/root", (int)status.pid);
        writing->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (writing->root < 0)
                return fail(errno, "open the root of container %s", container->name);
        /* The number may be another's by now. */
        r = ctl_status(ctl, container, &status);
        if (r < 0 || !status.pid)
                return r < 0 ? r : refuse(ESRCH, "container %s has just ended", container->name);
        writing->shift = container->settings.ids.set ? (uint32_t)container->settings.ids.value : 0;
        return writing->shift ? write_as(writing->shift, &writing->before) : 0;
}

void storage_write_end(struct storage_writing *writing)
{
        replace_fd(&writing->root, -EBADF);
        if (writing->shift)
                write_as_self(writing->before);
        writing->shift = 0;
}
