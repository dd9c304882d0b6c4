/* A process of ours that is where the container's first process is to be born.
 *
 * systemd makes a group for processes that exist, and it alone may move a process of an ordinary user across the tree;
 * CLONE_INTO_CGROUP is of no use there (the caller would need the right to write into a common ancestor). So a carrier
 * is moved instead of the container's init: a small copy of berth that shares its table of descriptors, does nothing
 * but clone once, as a sibling of itself (CLONE_PARENT), and ends. The init is born in the group, as a child of berth,
 * and nothing that the container can reach is ever outside of its group or moved.
 *
 * A copy of the memory, not the memory itself: both run at the same time, and errno and the stack are in it. Whoever
 * kills berth kills its carrier (PR_SET_PDEATHSIG); it cannot be traced, and takes no signal that berth has blocked. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct carrier {
        pid_t pid; /* 0: there is none */
        int pidfd;
        int socket; /* shut down, the carrier ends */
        int theirs; /* its end: in the table that both share, so it stays open as long as the carrier lives */
};

#define CARRIER_NONE                                                                                                   \
        {                                                                                                              \
                .pidfd = -EBADF, .socket = -EBADF, .theirs = -EBADF                                                    \
        }

/* The first process of a container: berth-init from its sealed copy. */
struct birth {
        uint64_t flags; /* CLONE_NEW* */
        int image;      /* the program */
        int channel;    /* its end of the channel, passed on by number */
        int cgroup;     /* to be born in (CLONE_INTO_CGROUP), -EBADF: where the caller is */
        unsigned keep_fds;
};

/* Clones and executes; in the caller's group or birth->cgroup. parent: as a sibling of the caller. Returns the pid with
 * *pidfd, or a bare negative errno. */
pid_t birth_clone(const struct birth *birth, bool parent, int *pidfd);

int carrier_begin(struct carrier *carrier);

/* A carrier in a group that may have been killed before (cgroup.kill). Such a one kills what is cloned into it from a
 * group that was killed less often: the kernel compares its count with that of the parent's group (Linux 6.14, and
 * stable kernels of that time). Where it may not go there, there is no carrier, and no error. */
int carrier_begin_in(struct carrier *carrier, int cgroup_fd);

/* Lets the carrier clone, once. interrupt: a descriptor that ends the wait with -EINTR when it is readable. Returns the
 * pid of the new process, a child of the caller, with *pidfd; or a bare negative errno, -ECHILD when the carrier died.
 */
pid_t carrier_clone(struct carrier *carrier, const struct birth *birth, int interrupt, int timeout_ms, int *pidfd);

/* Ends the carrier, if there is one, and reaps it. */
void carrier_end(struct carrier *carrier);
