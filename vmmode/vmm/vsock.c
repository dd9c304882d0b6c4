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
#include "vmmode/vmm/vsock_stream.h"

enum { QUEUE_TO_GUEST, QUEUE_FROM_GUEST, QUEUE_EVENTS, QUEUES };

#define PACKETS_A_TURN  64
#define ACCEPTS_A_TURN  16
#define FIRST_HOST_PORT 0x40000000U

/* ---- to the guest ---- */

static bool owes_word(const struct vsock_stream *stream)
{
        return stream->owes_request || stream->owes_reset || stream->owes_shutdown || stream->owes_credit;
}

static void send_packet(struct vsock *vsock, const struct queue_chain *chain, const struct virtio_vsock_hdr *header)
{
        size_t n = buffers_write(chain->out, chain->n_out, 0, header, VSOCK_HEADER_SIZE);

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
                vsock_stream_end(stream);
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
        size_t room = chain->out_size - VSOCK_HEADER_SIZE, n;
        ssize_t got;

        room = room < VSOCK_PACKET_MAX ? room : VSOCK_PACKET_MAX;
        room = room < vsock_stream_credit(stream) ? room : vsock_stream_credit(stream);
        n = buffers_slice(chain->out, chain->n_out, VSOCK_HEADER_SIZE, room, part);
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
        if (!owes_word(stream) && stream->readable && vsock_stream_may_read_host(stream) && send_bytes(stream, chain))
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
                if (chain.out_size <= VSOCK_HEADER_SIZE) {
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
                vsock_stream_watch(&vsock->streams[i]);
}

static void kick(struct virtio *virtio, unsigned queue)
{
        struct vsock *vsock = virtio->device;

        if (queue == QUEUE_FROM_GUEST)
                vsock_hear_guest(vsock);
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
                vsock_stream_end(stream);
                return;
        }
        do
                stream->host_port = vsock->next_port++;
        while (vsock_find_stream(vsock, stream->guest_port, stream->host_port));
        stream->phase = VSOCK_REQUESTED;
        stream->owes_request = true;
}

/* Who asked has not waited for the guest's answer. */
static void give_up(struct vsock_stream *stream)
{
        if (stream->owes_request)
                vsock_stream_end(stream);
        else
                vsock_stream_break(stream);
}

void vsock_host_ready(void *owner, uint32_t events)
{
        struct vsock_stream *stream = owner;
        struct vsock *vsock = stream->vsock;

        if (stream->phase == VSOCK_GREETING) {
                greet(stream);
        } else if (stream->phase == VSOCK_REQUESTED) {
                if (events & (EPOLLHUP | EPOLLERR))
                        give_up(stream);
        } else {
                if (events & EPOLLOUT)
                        vsock_stream_drain(stream);
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
                vsock_stream_watch(stream);
        }
}

/* ---- the device ---- */

static void reset(struct virtio *virtio)
{
        struct vsock *vsock = virtio->device;

        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++)
                if (vsock->streams[i].phase != VSOCK_FREE)
                        vsock_stream_end(&vsock->streams[i]);
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
                vsock_stream_clear(vsock, &vsock->streams[i]);
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
