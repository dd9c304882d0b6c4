#include "vmmode/vmm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/machine.h"

/* The largest request and one byte, to see that a packet is larger. */
#define PACKET_MAX (sizeof(struct control_net) + 1)

#define FDS_MAX 2

/* One packet and its descriptors (-EBADF: none). Returns its size, 0 at the end, -EAGAIN. */
static ssize_t receive(int socket, void *packet, size_t room, int fds[FDS_MAX])
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control;
        struct iovec part = {packet, room};
        struct msghdr head = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        ssize_t n;

        do
                n = recvmsg(socket, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        for (size_t i = 0; i < FDS_MAX; i++)
                fds[i] = -EBADF;
        if (n >= 0 && head.msg_controllen >= CMSG_LEN(sizeof(int)) && control.header.cmsg_level == SOL_SOCKET &&
            control.header.cmsg_type == SCM_RIGHTS)
                memcpy(fds, CMSG_DATA(&control.header),
                       control.header.cmsg_len < CMSG_LEN(FDS_MAX * sizeof(int)) ? sizeof(int) : FDS_MAX * sizeof(int));
        return n < 0 ? -errno : n;
}

static int set_ends(struct machine *machine, const struct control_net *request, int fds[FDS_MAX])
{
        const struct net_ends ends = {fds[0], fds[1]};
        struct net_options options = {.mtu = request->mtu};
        int r;

        if (ends.tap < 0)
                return -EBADMSG;
        if (request->mtu != 0 && request->mtu < NET_MTU_MIN)
                return -EINVAL;
        if (request->index >= machine->n_nets)
                return -ENODEV;
        memcpy(options.mac, request->mac, sizeof(options.mac));
        r = net_set_ends(&machine->nets[request->index], &ends, &options);
        if (r == 0)
                fds[0] = fds[1] = -EBADF;
        return r;
}

static int carry_out(struct machine *machine, const uint8_t *packet, size_t size, int fds[FDS_MAX])
{
        struct control_net net;
        uint32_t kind;

        if (size < sizeof(kind))
                return -EBADMSG;
        memcpy(&kind, packet, sizeof(kind));
        switch (kind) {
        case CONTROL_NET:
                if (size != sizeof(net))
                        return -EBADMSG;
                memcpy(&net, packet, sizeof(net));
                return set_ends(machine, &net, fds);
        case CONTROL_PAUSE:
        case CONTROL_RESUME:
                if (size != sizeof(struct control_word))
                        return -EBADMSG;
                return vm_pause(&machine->vm, kind == CONTROL_PAUSE, CONTROL_PAUSE_MS);
        default:
                return -EBADMSG;
        }
}

static void ready(void *owner, uint32_t events)
{
        struct control *control = owner;
        uint8_t packet[PACKET_MAX];
        int fds[FDS_MAX];
        ssize_t n = receive(control->watch.fd, packet, sizeof(packet), fds);
        int32_t answer;

        (void)events;
        if (n == -EAGAIN)
                return;
        if (n <= 0) {
                loop_remove(&control->machine->shared, &control->watch);
                return;
        }
        answer = carry_out(control->machine, packet, (size_t)n, fds);
        if (answer < 0)
                error_clear();
        for (size_t i = 0; i < FDS_MAX; i++)
                cleanup_close(&fds[i]);
        /* Nobody who asks leaves so much unread that it does not fit. */
        (void)!send(control->watch.fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int control_init(struct control *control, struct machine *machine, int socket)
{
        int type;
        socklen_t size = sizeof(type);

        if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
                return refuse(EINVAL, "control: not a connection of packets");
        *control = (struct control){.watch = {.fd = socket, .events = EPOLLIN, .ready = ready, .owner = control},
                                    .machine = machine};
        return loop_add(&machine->shared, &control->watch);
}

void control_free(struct control *control)
{
        loop_remove(&control->machine->shared, &control->watch);
        cleanup_close(&control->watch.fd);
}
