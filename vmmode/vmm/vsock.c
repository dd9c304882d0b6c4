#include "vmmode/vmm/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"

enum { QUEUE_TO_GUEST, QUEUE_FROM_GUEST, QUEUE_EVENTS, QUEUES };

#define HEADER_SIZE     sizeof(struct virtio_vsock_hdr)
#define PACKET_MAX      (64U * 1024)
#define PACKETS_A_TURN  64
#define ACCEPTS_A_TURN  16
#define FIRST_HOST_PORT 0x40000000U

/* ---- streams ---- */

static void stop_watching(struct vsock_stream *stream)
{
        loop_remove(stream->vsock->virtio.loop, &stream->watch);
        cleanup_close(&stream->watch.fd);
        stream->watch.fd = -EBADF;
        stream->readable = false;
}

static void host_ready(void *owner, uint32_t events);

/* A place without a stream. Its watch keeps the lock: an event that was fetched already finds it. */
static void clear_place(struct vsock *vsock, struct vsock_stream *stream)
{
        *stream = (struct vsock_stream){
                .vsock = vsock,
                .watch = {.fd = -EBADF, .ready = host_ready, .owner = stream, .lock = &vsock->virtio.lock}};
}

static void end_stream(struct vsock_stream *stream)
{
        struct vsock *vsock = stream->vsock;

        stop_watching(stream);
        free(stream->buffer);
        clear_place(vsock, stream);
        /* There is a place again, and a descriptor. */
        if (vsock->listener.fd >= 0 && !vsock->listener.added)
                (void)loop_add(vsock->virtio.loop, &vsock->listener);
}

/* The host's side is over; the place is kept until the guest has been told. */
static void break_stream(struct vsock_stream *stream)
{
        if (stream->phase == VSOCK_GREETING) {
                end_stream(stream);
                return;
        }
        stop_watching(stream);
        stream->used = 0;
        stream->owes_request = stream->owes_shutdown = stream->owes_credit = false;
        stream->owes_reset = true;
}

static uint32_t credit(const struct vsock_stream *stream)
{
        uint32_t waiting = stream->sent - stream->guest_read;

        return waiting < stream->guest_room ? stream->guest_room - waiting : 0;
}

static bool owes_word(const struct vsock_stream *stream)
{
        return stream->owes_request || stream->owes_reset || stream->owes_shutdown || stream->owes_credit;
}

static bool may_read_host(const struct vsock_stream *stream)
{
        return stream->phase == VSOCK_OPEN && !stream->host_ended && !stream->guest_deaf && stream->watch.fd >= 0 &&
               credit(stream) > 0;
}

/* What is waited for on the host's side. Nothing at all is not the same as no events: the end of a connection is always
 * reported, and would be again and again while its last bytes wait for the guest. */
static void watch_host(struct vsock_stream *stream)
{
        struct loop *loop = stream->vsock->virtio.loop;
        uint32_t events = 0;

        if (stream->watch.fd < 0)
                return;
        if (stream->phase == VSOCK_GREETING || (may_read_host(stream) && !stream->readable))
                events |= EPOLLIN;
        if (stream->used > 0)
                events |= EPOLLOUT;
        if (events == 0) {
                loop_remove(loop, &stream->watch);
        } else if (!stream->watch.added) {
                stream->watch.events = events;
                if (loop_add(loop, &stream->watch) < 0)
                        break_stream(stream);
        } else {
                (void)loop_change(loop, &stream->watch, events);
        }
}

static struct vsock_stream *find_stream(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++) {
                struct vsock_stream *stream = &vsock->streams[i];

                if (stream->phase >= VSOCK_REQUESTED && stream->guest_port == guest_port &&
                    stream->host_port == host_port)
                        return stream;
        }
        return NULL;
}

/* ---- to the guest ---- */

static void send_packet(struct vsock *vsock, const struct queue_chain *chain, const struct virtio_vsock_hdr *header)
{
        size_t n = buffers_write(chain->out, chain->n_out, 0, header, HEADER_SIZE);

        queue_push(&vsock->virtio.queues[QUEUE_TO_GUEST], chain->head, (uint32_t)n + header->len);
}

static struct virtio_vsock_hdr header_for(struct vsock_stream *stream, uint16_t op)
{
        stream->told = stream->forwarded;
        return (struct virtio_vsock_hdr){
                .src_cid = VSOCK_HOST,
                .dst_cid = VSOCK_GUEST,
                .src_port = stream->host_port,
                .dst_port = stream->guest_port,
                .type = VIRTIO_VSOCK_TYPE_STREAM,
                .op = op,
                .buf_alloc = VSOCK_BUFFER,
                .fwd_cnt = stream->forwarded,
        };
}

/* The next word that is owed, most important first. */
static struct virtio_vsock_hdr owed_word(struct vsock_stream *stream)
{
        struct virtio_vsock_hdr header;

        if (stream->owes_reset) {
                header = header_for(stream, VIRTIO_VSOCK_OP_RST);
                end_stream(stream);
                return header;
        }
        if (stream->owes_request) {
                stream->owes_request = false;
                return header_for(stream, VIRTIO_VSOCK_OP_REQUEST);
        }
        if (stream->owes_shutdown) {
                stream->owes_shutdown = false;
                header = header_for(stream, VIRTIO_VSOCK_OP_SHUTDOWN);
                header.flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
                return header;
        }
        stream->owes_credit = false;
        return header_for(stream, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

/* Reads from the host straight into the guest's buffer, behind the header. False: the buffer was not used. */
static bool send_bytes(struct vsock_stream *stream, const struct queue_chain *chain)
{
        struct iovec part[QUEUE_CHAIN_MAX];
        struct virtio_vsock_hdr header;
        size_t room = chain->out_size - HEADER_SIZE, n;
        ssize_t got;

        room = room < PACKET_MAX ? room : PACKET_MAX;
        room = room < credit(stream) ? room : credit(stream);
        n = buffers_slice(chain->out, chain->n_out, HEADER_SIZE, room, part);
        do
                got = readv(stream->watch.fd, part, (int)n);
        while (got < 0 && errno == EINTR);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                stream->readable = false;
                return false;
        }
        if (got <= 0) {
                stream->readable = false;
                stream->host_ended = true;
                stream->owes_shutdown = true;
                return false;
        }
        header = header_for(stream, VIRTIO_VSOCK_OP_RW);
        header.len = (uint32_t)got;
        stream->sent += (uint32_t)got;
        send_packet(stream->vsock, chain, &header);
        return true;
}

/* Uses the buffer for this stream, if it has anything to say. */
static bool serve_stream(struct vsock_stream *stream, const struct queue_chain *chain)
{
        struct vsock *vsock = stream->vsock;
        struct virtio_vsock_hdr header;

        if (stream->phase <= VSOCK_GREETING)
                return false;
        if (!owes_word(stream) && stream->readable && may_read_host(stream) && send_bytes(stream, chain))
                return true;
        if (!owes_word(stream))
                return false;
        header = owed_word(stream);
        send_packet(vsock, chain, &header);
        return true;
}

static bool serve_stray(struct vsock *vsock, const struct queue_chain *chain)
{
        struct virtio_vsock_hdr header = {
                .src_cid = VSOCK_HOST,
                .dst_cid = VSOCK_GUEST,
                .type = VIRTIO_VSOCK_TYPE_STREAM,
                .op = VIRTIO_VSOCK_OP_RST,
        };

        if (vsock->n_stray == 0)
                return false;
        vsock->n_stray--;
        header.src_port = vsock->stray[vsock->n_stray].host_port;
        header.dst_port = vsock->stray[vsock->n_stray].guest_port;
        send_packet(vsock, chain, &header);
        return true;
}

/* One buffer for the first who has something to say, beginning with the one whose turn it is. */
static bool serve_one(struct vsock *vsock, const struct queue_chain *chain)
{
        if (serve_stray(vsock, chain))
                return true;
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++) {
                unsigned at = (vsock->turn + i) % VSOCK_STREAMS_MAX;

                if (serve_stream(&vsock->streams[at], chain)) {
                        vsock->turn = at + 1;
                        return true;
                }
        }
        return false;
}

static void serve_guest(struct vsock *vsock)
{
        struct virtio *virtio = &vsock->virtio;
        struct queue_chain chain;

        for (unsigned i = 0; i < PACKETS_A_TURN && virtio_pop(virtio, QUEUE_TO_GUEST, &chain); i++) {
                if (chain.out_size <= HEADER_SIZE) {
                        virtio_needs_reset(virtio);
                        return;
                }
                if (!serve_one(vsock, &chain)) {
                        queue_unpop(&virtio->queues[QUEUE_TO_GUEST], chain.head);
                        break;
                }
        }
        virtio_signal_queue(virtio, QUEUE_TO_GUEST);
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                watch_host(&vsock->streams[i]);
}

/* ---- from the guest ---- */

static void finish_host(struct vsock_stream *stream)
{
        if (stream->used > 0)
                return;
        if (stream->guest_ended)
                (void)shutdown(stream->watch.fd, SHUT_WR);
        /* Both sides of the guest are closed: it waits for a reset as the last word (5.10.6.5). */
        if (stream->guest_ended && stream->guest_deaf)
                break_stream(stream);
}

static void note_forwarded(struct vsock_stream *stream, size_t n)
{
        stream->forwarded += (uint32_t)n;
        if (stream->forwarded - stream->told >= VSOCK_BUFFER / 2)
                stream->owes_credit = true;
}

/* Writes to the host without waiting. -errno: the host is gone. */
static ssize_t write_host(const struct vsock_stream *stream, const struct iovec *v, size_t n)
{
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = n};
        ssize_t done;

        do
                done = sendmsg(stream->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (done < 0 && errno == EINTR);
        if (done < 0)
                return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
        return done;
}

static void drain(struct vsock_stream *stream)
{
        while (stream->used > 0) {
                uint32_t here =
                        VSOCK_BUFFER - stream->start < stream->used ? VSOCK_BUFFER - stream->start : stream->used;
                const struct iovec part = {stream->buffer + stream->start, here};
                ssize_t n = write_host(stream, &part, 1);

                if (n < 0) {
                        break_stream(stream);
                        return;
                }
                if (n == 0)
                        return;
                stream->start = (stream->start + (uint32_t)n) % VSOCK_BUFFER;
                stream->used -= (uint32_t)n;
                note_forwarded(stream, (size_t)n);
        }
        finish_host(stream);
}

static void keep(struct vsock_stream *stream, const struct queue_chain *chain, size_t offset, size_t length)
{
        if (!stream->buffer)
                stream->buffer = malloc(VSOCK_BUFFER);
        if (!stream->buffer) {
                break_stream(stream);
                return;
        }
        while (length > 0) {
                uint32_t end = (stream->start + stream->used) % VSOCK_BUFFER;
                size_t here = VSOCK_BUFFER - end < length ? VSOCK_BUFFER - end : length;

                buffers_read(chain->in, chain->n_in, offset, stream->buffer + end, here);
                stream->used += (uint32_t)here;
                offset += here;
                length -= here;
        }
}

static void take_bytes(struct vsock_stream *stream, const struct queue_chain *chain, size_t length)
{
        struct iovec part[QUEUE_CHAIN_MAX];
        ssize_t done = 0;

        /* More than there is, or than it was given room for. */
        if (length > chain->in_size - HEADER_SIZE || length > VSOCK_BUFFER - stream->used || stream->guest_ended ||
            stream->phase != VSOCK_OPEN || stream->watch.fd < 0) {
                break_stream(stream);
                return;
        }
        if (stream->used == 0 && length > 0)
                done = write_host(stream, part, buffers_slice(chain->in, chain->n_in, HEADER_SIZE, length, part));
        if (done < 0) {
                break_stream(stream);
                return;
        }
        note_forwarded(stream, (size_t)done);
        keep(stream, chain, HEADER_SIZE + (size_t)done, length - (size_t)done);
}

static void open_stream(struct vsock_stream *stream)
{
        static const char answer[] = "OK\n";
        const struct iovec part = {(char *)(uintptr_t)answer, sizeof(answer) - 1};

        if (stream->phase != VSOCK_REQUESTED || stream->watch.fd < 0 ||
            write_host(stream, &part, 1) != (ssize_t)part.iov_len) {
                break_stream(stream);
                return;
        }
        stream->phase = VSOCK_OPEN;
}

static void note_stray(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
        if (header->op == VIRTIO_VSOCK_OP_RST || vsock->n_stray == ELEMENTS(vsock->stray))
                return;
        vsock->stray[vsock->n_stray].guest_port = header->src_port;
        vsock->stray[vsock->n_stray++].host_port = header->dst_port;
}

static void handle_packet(struct vsock *vsock, const struct queue_chain *chain)
{
        struct virtio_vsock_hdr header;
        struct vsock_stream *stream;

        if (buffers_read(chain->in, chain->n_in, 0, &header, HEADER_SIZE) != HEADER_SIZE ||
            header.src_cid != VSOCK_GUEST || header.dst_cid != VSOCK_HOST)
                return;
        stream = header.type == VIRTIO_VSOCK_TYPE_STREAM ? find_stream(vsock, header.src_port, header.dst_port) : NULL;
        if (!stream) {
                note_stray(vsock, &header);
                return;
        }
        if (stream->owes_reset && header.op != VIRTIO_VSOCK_OP_RST)
                return;
        stream->guest_room = header.buf_alloc;
        stream->guest_read = header.fwd_cnt;
        switch (header.op) {
        case VIRTIO_VSOCK_OP_RESPONSE:
                open_stream(stream);
                break;
        case VIRTIO_VSOCK_OP_RST:
                /* What it sent before is still the host's. */
                if (stream->used > 0 && stream->phase == VSOCK_OPEN) {
                        stream->guest_ended = stream->guest_deaf = true;
                        break;
                }
                end_stream(stream);
                break;
        case VIRTIO_VSOCK_OP_SHUTDOWN:
                stream->guest_deaf |= !!(header.flags & VIRTIO_VSOCK_SHUTDOWN_RCV);
                stream->guest_ended |= !!(header.flags & VIRTIO_VSOCK_SHUTDOWN_SEND);
                finish_host(stream);
                break;
        case VIRTIO_VSOCK_OP_RW:
                take_bytes(stream, chain, header.len);
                break;
        case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
                stream->owes_credit = true;
                break;
        case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
                break;
        default:
                break_stream(stream);
        }
}

static void hear_guest(struct vsock *vsock)
{
        struct virtio *virtio = &vsock->virtio;
        struct queue_chain chain;

        for (unsigned i = 0; i < PACKETS_A_TURN && virtio_pop(virtio, QUEUE_FROM_GUEST, &chain); i++) {
                handle_packet(vsock, &chain);
                queue_push(&virtio->queues[QUEUE_FROM_GUEST], chain.head, 0);
        }
        virtio_signal_queue(virtio, QUEUE_FROM_GUEST);
        virtio_rekick(virtio, QUEUE_FROM_GUEST);
}

static void kick(struct virtio *virtio, unsigned queue)
{
        struct vsock *vsock = virtio->device;

        if (queue == QUEUE_FROM_GUEST)
                hear_guest(vsock);
        /* Whatever the guest said may be answered now. */
        if (queue != QUEUE_EVENTS)
                serve_guest(vsock);
        if (queue == QUEUE_TO_GUEST)
                (void)queue_enable_kick(&virtio->queues[QUEUE_TO_GUEST]);
}

/* ---- from the host ---- */

/* The line, byte by byte: what follows it is the stream's. 1: it is whole. */
static int read_greeting(struct vsock_stream *stream)
{
        while (stream->greeted < sizeof(stream->greeting)) {
                char *at = stream->greeting + stream->greeted;
                ssize_t n = read(stream->watch.fd, at, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return 0;
                if (n <= 0)
                        return -ECONNRESET;
                if (*at == '\n') {
                        *at = '\0';
                        return 1;
                }
                stream->greeted++;
        }
        return -EPROTO;
}

static void greet(struct vsock_stream *stream)
{
        static const char word[] = "CONNECT ";
        struct vsock *vsock = stream->vsock;
        int r = read_greeting(stream);

        if (r == 0)
                return;
        if (r < 0 || strncmp(stream->greeting, word, sizeof(word) - 1) != 0 ||
            parse_u32(stream->greeting + sizeof(word) - 1, &stream->guest_port) < 0 ||
            !virtio_is_active(&vsock->virtio)) {
                end_stream(stream);
                return;
        }
        do
                stream->host_port = vsock->next_port++;
        while (find_stream(vsock, stream->guest_port, stream->host_port));
        stream->phase = VSOCK_REQUESTED;
        stream->owes_request = true;
}

static void host_ready(void *owner, uint32_t events)
{
        struct vsock_stream *stream = owner;
        struct vsock *vsock = stream->vsock;

        if (stream->phase == VSOCK_GREETING) {
                greet(stream);
        } else {
                if (events & EPOLLOUT)
                        drain(stream);
                if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                        stream->readable = true;
        }
        serve_guest(vsock);
}

static bool has_streams(const struct vsock *vsock)
{
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                if (vsock->streams[i].phase != VSOCK_FREE)
                        return true;
        return false;
}

static void accept_host(void *owner, uint32_t events)
{
        struct vsock *vsock = owner;

        (void)events;
        for (unsigned n = 0, i = 0; n < ACCEPTS_A_TURN; i++) {
                struct vsock_stream *stream = &vsock->streams[i];
                int fd;

                if (i == VSOCK_STREAMS_MAX) {
                        /* Who waits is told of again and again; not before a stream has ended. */
                        loop_remove(vsock->virtio.loop, &vsock->listener);
                        return;
                }
                if (stream->phase != VSOCK_FREE)
                        continue;
                fd = accept4(vsock->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0) {
                        /* Without descriptors, likewise; but the last stream's end is the last chance. */
                        if (errno != EAGAIN && has_streams(vsock))
                                loop_remove(vsock->virtio.loop, &vsock->listener);
                        return;
                }
                n++;
                stream->phase = VSOCK_GREETING;
                stream->watch.fd = fd;
                watch_host(stream);
        }
}

/* ---- the device ---- */

static void reset(struct virtio *virtio)
{
        struct vsock *vsock = virtio->device;

        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                if (vsock->streams[i].phase != VSOCK_FREE)
                        end_stream(&vsock->streams[i]);
        vsock->n_stray = 0;
}

static const struct virtio_ops ops = {
        .name = "vsock",
        .id = 19,
        .pci_class = 0x07, /* communication controller, other */
        .pci_subclass = 0x80,
        .n_queues = QUEUES,
        .reset = reset,
        .kick = kick,
};

int vsock_init(struct vsock *vsock, const struct guest_memory *memory, struct loop *loop, int listener)
{
        const uint64_t cid = VSOCK_GUEST;
        int r = virtio_init(&vsock->virtio, &ops, vsock, memory, loop, 0);

        vsock->listener = (struct watch){
                .fd = listener, .events = EPOLLIN, .ready = accept_host, .owner = vsock, .lock = &vsock->virtio.lock};
        vsock->next_port = FIRST_HOST_PORT;
        vsock->turn = vsock->n_stray = 0;
        vsock->streams = calloc(VSOCK_STREAMS_MAX, sizeof(*vsock->streams));
        if (!vsock->streams)
                return fail(ENOMEM, "vsock");
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                clear_place(vsock, &vsock->streams[i]);
        memcpy(vsock->virtio.config, &cid, sizeof(cid));
        vsock->virtio.config_size = sizeof(cid);
        if (r == 0 && fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
                r = fail(errno, "vsock: the listening socket");
        return r == 0 ? loop_add(loop, &vsock->listener) : r;
}

void vsock_free(struct vsock *vsock)
{
        if (vsock->streams)
                reset(&vsock->virtio);
        free(vsock->streams);
        vsock->streams = NULL;
        loop_remove(vsock->virtio.loop, &vsock->listener);
        cleanup_close(&vsock->listener.fd);
        virtio_free(&vsock->virtio);
}
