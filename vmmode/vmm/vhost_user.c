#include "vmmode/vmm/vhost_user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

enum request {
        GET_FEATURES = 1,
        SET_FEATURES = 2,
        SET_OWNER = 3,
        SET_MEM_TABLE = 5,
        SET_VRING_NUM = 8,
        SET_VRING_ADDR = 9,
        SET_VRING_BASE = 10,
        GET_VRING_BASE = 11,
        SET_VRING_KICK = 12,
        SET_VRING_CALL = 13,
        GET_PROTOCOL_FEATURES = 15,
        SET_PROTOCOL_FEATURES = 16,
        SET_VRING_ENABLE = 18,
};

#define FLAGS_VERSION 1U
#define FLAGS_REPLY   4U

#define FEATURE_PROTOCOL (1ULL << 30) /* VHOST_USER_F_PROTOCOL_FEATURES: rings begin disabled */

#define REGIONS_MAX 8

struct region {
        uint64_t guest_address, size, user_address, offset;
};

struct message {
        uint32_t request, flags, size;
        union {
                uint64_t number;
                struct {
                        uint32_t index, number;
                } ring;
                struct {
                        uint32_t index, flags;
                        uint64_t descriptors, used, available, log;
                } address;
                struct {
                        uint32_t n, padding;
                        struct region v[REGIONS_MAX];
                } memory;
        } __attribute__((packed)) payload;
} __attribute__((packed));

#define HEADER_SIZE offsetof(struct message, payload)

static int lost(struct vhost_user *back_end, const char *what)
{
        (void)shutdown(back_end->socket, SHUT_RDWR);
        back_end->gone = true;
        return refuse(ECONNRESET, "%s: the process that serves it %s", back_end->name, what);
}

static int send_request(struct vhost_user *back_end, enum request request, struct message *message, size_t size,
                        const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(REGIONS_MAX * sizeof(int))];
        } control = {0};
        struct iovec part = {message, HEADER_SIZE + size};
        struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
        int64_t deadline = now_ms() + back_end->timeout_ms;

        message->request = request;
        message->flags = FLAGS_VERSION;
        message->size = (uint32_t)size;
        if (n_fds > 0) {
                head.msg_control = &control;
                head.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }
        if (back_end->gone)
                return lost(back_end, "is gone");
        for (;;) {
                int r = wait_fd(back_end->socket, POLLOUT, until_ms(deadline));
                ssize_t n;

                if (r < 0)
                        return lost(back_end, r == -ETIMEDOUT ? "does not listen" : "ended");
                n = sendmsg(back_end->socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n == (ssize_t)part.iov_len)
                        return 0;
                if (n >= 0 || (errno != EINTR && errno != EAGAIN))
                        return lost(back_end, "ended");
        }
}

static int read_part(struct vhost_user *back_end, void *data, size_t size, int64_t deadline)
{
        for (size_t done = 0; done < size;) {
                ssize_t n;
                int r = wait_fd(back_end->socket, POLLIN, until_ms(deadline));

                if (r < 0)
                        return lost(back_end, r == -ETIMEDOUT ? "does not answer" : "ended");
                n = recv(back_end->socket, (uint8_t *)data + done, size - done, MSG_DONTWAIT);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (n <= 0)
                        return lost(back_end, "ended");
                done += (size_t)n;
        }
        return 0;
}

static int receive_reply(struct vhost_user *back_end, enum request request, struct message *message, size_t size)
{
        int64_t deadline = now_ms() + back_end->timeout_ms;
        int r = read_part(back_end, message, HEADER_SIZE, deadline);

        if (r < 0)
                return r;
        if (message->request != (uint32_t)request || !(message->flags & FLAGS_REPLY) || message->size != size)
                return lost(back_end, "answers what was not asked");
        return read_part(back_end, &message->payload, size, deadline);
}

static int set_number(struct vhost_user *back_end, enum request request, uint64_t number)
{
        struct message message = {.payload.number = number};

        return send_request(back_end, request, &message, sizeof(message.payload.number), NULL, 0);
}

static int get_number(struct vhost_user *back_end, enum request request, uint64_t *number)
{
        struct message message = {0};
        int r = send_request(back_end, request, &message, 0, NULL, 0);

        if (r == 0)
                r = receive_reply(back_end, request, &message, sizeof(message.payload.number));
        if (r == 0)
                *number = message.payload.number;
        return r;
}

int vhost_user_begin(struct vhost_user *back_end, uint64_t *features)
{
        struct message message = {0};
        uint64_t protocol;
        int r = send_request(back_end, SET_OWNER, &message, 0, NULL, 0);

        if (r == 0)
                r = get_number(back_end, GET_FEATURES, features);
        if (r == 0 && !(*features & FEATURE_PROTOCOL))
                return refuse(EPROTO, "%s: the process that serves it does not speak vhost-user as it is today",
                              back_end->name);
        if (r == 0)
                r = get_number(back_end, GET_PROTOCOL_FEATURES, &protocol);
        /* None of the extensions is needed. */
        if (r == 0)
                r = set_number(back_end, SET_PROTOCOL_FEATURES, 0);
        *features &= ~FEATURE_PROTOCOL;
        return r;
}

int vhost_user_configure(struct vhost_user *back_end, uint64_t features, const struct guest_memory *memory)
{
        struct message message = {0};
        int fds[ELEMENTS(memory->v)];
        int r = set_number(back_end, SET_FEATURES, features | FEATURE_PROTOCOL);

        if (r < 0)
                return r;
        message.payload.memory.n = (uint32_t)memory->n;
        for (size_t i = 0; i < memory->n; i++) {
                const struct guest_range *range = &memory->v[i];

                message.payload.memory.v[i] =
                        (struct region){range->address, range->size, (uint64_t)(uintptr_t)range->host, range->offset};
                fds[i] = memory->fd;
        }
        return send_request(back_end, SET_MEM_TABLE, &message, 8 + memory->n * sizeof(struct region), fds, memory->n);
}

static int set_ring(struct vhost_user *back_end, enum request request, unsigned index, uint32_t number)
{
        struct message message = {.payload.ring = {index, number}};

        return send_request(back_end, request, &message, sizeof(message.payload.ring), NULL, 0);
}

static int set_event(struct vhost_user *back_end, enum request request, unsigned index, int fd)
{
        struct message message = {.payload.number = index};

        return send_request(back_end, request, &message, sizeof(message.payload.number), &fd, 1);
}

int vhost_user_start_queue(struct vhost_user *back_end, unsigned index, const struct queue *queue, int kick, int call)
{
        struct message message = {.payload.address = {
                                          .index = index,
                                          .descriptors = (uint64_t)(uintptr_t)queue->descriptors,
                                          .used = (uint64_t)(uintptr_t)queue->used,
                                          .available = (uint64_t)(uintptr_t)queue->available,
                                  }};
        int r = set_ring(back_end, SET_VRING_NUM, index, queue->state.size);

        if (r == 0)
                r = set_ring(back_end, SET_VRING_BASE, index, queue->state.next_available);
        if (r == 0)
                r = send_request(back_end, SET_VRING_ADDR, &message, sizeof(message.payload.address), NULL, 0);
        if (r == 0)
                r = set_event(back_end, SET_VRING_CALL, index, call);
        if (r == 0)
                r = set_event(back_end, SET_VRING_KICK, index, kick);
        return r == 0 ? set_ring(back_end, SET_VRING_ENABLE, index, 1) : r;
}

int vhost_user_stop_queue(struct vhost_user *back_end, unsigned index, uint16_t *next_available)
{
        struct message message = {.payload.ring = {index, 0}};
        int r = send_request(back_end, GET_VRING_BASE, &message, sizeof(message.payload.ring), NULL, 0);

        if (r == 0)
                r = receive_reply(back_end, GET_VRING_BASE, &message, sizeof(message.payload.ring));
        if (r == 0)
                *next_available = (uint16_t)message.payload.ring.number;
        return r;
}
