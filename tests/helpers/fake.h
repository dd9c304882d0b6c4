/* What the stand-ins for a machine share. */
#pragma once

#include <err.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_FDS 4

/* A process that ends with us. */
static inline pid_t fork_bound(void)
{
        pid_t pid = fork();

        if (pid < 0)
                err(1, "fork");
        if (pid == 0)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        return pid;
}

/* One message, with n descriptors, at most FAKE_FDS; those that did not come are -1. */
static inline ssize_t receive(int socket, void *data, size_t size, int *fds, size_t n)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(FAKE_FDS * sizeof(int))];
        } control;
        struct iovec part = {data, size};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = CMSG_SPACE(n * sizeof(int))};
        ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *header = received > 0 ? CMSG_FIRSTHDR(&message) : NULL;

        for (size_t i = 0; i < n; i++)
                fds[i] = -1;
        if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len <= CMSG_LEN(n * sizeof(int)))
                memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
        return received;
}
