/* A mount namespace of this process's own, for what has to be attached somewhere and seen by nobody. It must have one
 * thread. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT. */
#pragma once

#include <errno.h>

/* Where this process was before: the caller's, private_mounts_leave closes it. */
struct private_mounts {
        int namespace, root, directory; /* all -EBADF: it is there still */
};

#define PRIVATE_MOUNTS_NONE                                                                                            \
        {                                                                                                              \
                .namespace = -EBADF, .root = -EBADF, .directory = -EBADF                                               \
        }

/* Enters a copy: what the host mounts from now on still arrives, what is mounted here does not go there. Descriptors of
 * before are of mounts of another namespace then: neither can be attached there nor be copied. Leave it also after a
 * failure. */
int private_mounts_enter(struct private_mounts *before);

/* Goes back, with the root and the working directory of before. All that was attached is gone but for what somebody
 * holds. Nothing without an enter. */
int private_mounts_leave(struct private_mounts *before);
