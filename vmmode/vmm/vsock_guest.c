/* What the guest sends on its streams. */
#include <errno.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "vmmode/vmm/vsock_stream.h"

enum { QUEUE_FROM_GUEST = 1 };

#define PACKETS_A_TURN 64

static void finish_host(struct vsock_stream *stream)
{
        if (stream->used > 0)
                return;
        if (stream->guest_ended)
                (void)shutdown(stream->watch.fd, SHUT_WR);
        /* Both sides of the guest are closed: it waits for a reset as the last word (5.10.6.5). */
        if (stream->guest_ended && stream->guest_deaf)
                vsock_stream_break(stream);
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

void vsock_stream_drain(struct vsock_stream *stream)
{
        while (stream->used > 0) {
                uint32_t here =
                        VSOCK_BUFFER - stream->start < stream->used ? VSOCK_BUFFER - stream->start : stream->used;
                const struct iovec part = {stream->buffer + stream->start, here};
                ssize_t n = write_host(stream, &part, 1);

                if (n < 0) {
                        vsock_stream_break(stream);
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
                vsock_stream_break(stream);
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
        if (length > chain->in_size - VSOCK_HEADER_SIZE || length > VSOCK_BUFFER - stream->used ||
            stream->guest_ended || stream->phase != VSOCK_OPEN || stream->watch.fd < 0) {
                vsock_stream_break(stream);
                return;
        }
        if (stream->used == 0 && length > 0)
                done = write_host(stream, part, buffers_slice(chain->in, chain->n_in, VSOCK_HEADER_SIZE, length, part));
        if (done < 0) {
                vsock_stream_break(stream);
                return;
        }
        note_forwarded(stream, (size_t)done);
        keep(stream, chain, VSOCK_HEADER_SIZE + (size_t)done, length - (size_t)done);
}

static void open_stream(struct vsock_stream *stream)
{
        static const char answer[] = "OK\n";
        const struct iovec part = {(char *)(uintptr_t)answer, sizeof(answer) - 1};

        if (stream->phase != VSOCK_REQUESTED || stream->watch.fd < 0 ||
            write_host(stream, &part, 1) != (ssize_t)part.iov_len) {
                vsock_stream_break(stream);
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

        if (buffers_read(chain->in, chain->n_in, 0, &header, VSOCK_HEADER_SIZE) != VSOCK_HEADER_SIZE ||
            header.src_cid != VSOCK_GUEST || header.dst_cid != VSOCK_HOST)
                return;
        stream = header.type == VIRTIO_VSOCK_TYPE_STREAM ? vsock_find_stream(vsock, header.src_port, header.dst_port)
                                                         : NULL;
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
                vsock_stream_end(stream);
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
                vsock_stream_break(stream);
        }
}

void vsock_hear_guest(struct vsock *vsock)
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
