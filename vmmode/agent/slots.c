#include "vmmode/agent/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "namespaces/mount.h"
#include "vmmode/agent/containers.h"

static int clone_tree(size_t slot, bool all)
{
        char path[64];
        int tree;

        snprintf(path, sizeof(path), SHARE_MOUNT "/%zu", slot);
        tree = mount_clone(AT_FDCWD, path, all, 0);
        return tree < 0 ? fail_in(tree, "the host's tree %zu", slot) : tree;
}

static int open_slot(struct slots *slots, const struct launch_request *request, size_t i)
{
        switch ((enum slot_source)request->sources[i]) {
        case SLOT_NOTHING:
                return slots->nothing;
        case SLOT_TREE:
                return clone_tree(i, false);
        case SLOT_TREE_ALL:
                return clone_tree(i, true);
        case SLOT_FIRST_INIT:
                return container_open(request->id, NULL);
        }
        return refuse(EBADMSG, "slot %zu comes from nowhere (%u)", i, request->sources[i]);
}

int slots_open(struct slots *slots, const struct launch_request *request)
{
        *slots = (struct slots){.nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)};
        if (slots->nothing < 0)
                return fail(errno, "open /dev/null");
        for (size_t i = 0; i < request->n_slots; i++) {
                int fd = open_slot(slots, request, i);

                if (fd < 0)
                        return fd;
                slots->fds[slots->n++] = fd;
        }
        return 0;
}

void slots_close(struct slots *slots)
{
        for (size_t i = 0; i < slots->n; i++)
                if (slots->fds[i] != slots->nothing)
                        close(slots->fds[i]);
        slots->n = 0;
        replace_fd(&slots->nothing, -EBADF);
}
