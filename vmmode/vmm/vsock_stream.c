#include "vmmode/vmm/vsock_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/cleanup.h"

static void stop_watching(struct vsock_stream *stream)
{
        loop_remove(stream->vsock->virtio.loop, &stream->watch);
        cleanup_close(&stream->watch.fd);
        stream->watch.fd = -EBADF;
        stream->readable = false;
}

void vsock_stream_clear(struct vsock *vsock, struct vsock_stream *stream)
{
        *stream = (struct vsock_stream){
                .vsock = vsock,
                .watch = {.fd = -EBADF, .ready = vsock_host_ready, .owner = stream, .lock = &vsock->virtio.lock}};
}

void vsock_stream_end(struct vsock_stream *stream)
{
        struct vsock *vsock = stream->vsock;

        stop_watching(stream);
        free(stream->buffer);
        vsock_stream_clear(vsock, stream);
        /* There is a place again, and a descriptor. */
        if (vsock->listener.fd >= 0 && !vsock->listener.added)
                (void)loop_add(vsock->virtio.loop, &vsock->listener);
}

void vsock_stream_break(struct vsock_stream *stream)
{
        if (stream->phase == VSOCK_GREETING) {
                vsock_stream_end(stream);
                return;
        }
        stop_watching(stream);
        stream->used = 0;
        stream->owes_request = stream->owes_shutdown = stream->owes_credit = false;
        stream->owes_reset = true;
}

uint32_t vsock_stream_credit(const struct vsock_stream *stream)
{
        uint32_t waiting = stream->sent - stream->guest_read;

        return waiting < stream->guest_room ? stream->guest_room - waiting : 0;
}

bool vsock_stream_may_read_host(const struct vsock_stream *stream)
{
        return stream->phase == VSOCK_OPEN && !stream->host_ended && !stream->guest_deaf && stream->watch.fd >= 0 &&
               vsock_stream_credit(stream) > 0;
}

/* What is waited for on the host's side. Nothing at all is not the same as no events: the end of a connection is always
 * reported, and would be again and again while its last bytes wait for the guest. It is what counts while the guest has
 * not answered: a guest that never does would keep the place of one who went away. */
void vsock_stream_watch(struct vsock_stream *stream)
{
        struct loop *loop = stream->vsock->virtio.loop;
        uint32_t events = 0;

        if (stream->watch.fd < 0)
                return;
        if (stream->phase == VSOCK_GREETING || (vsock_stream_may_read_host(stream) && !stream->readable))
                events |= EPOLLIN;
        if (stream->used > 0)
                events |= EPOLLOUT;
        if (events == 0 && stream->phase != VSOCK_REQUESTED) {
                loop_remove(loop, &stream->watch);
        } else if (!stream->watch.added) {
                stream->watch.events = events;
                if (loop_add(loop, &stream->watch) < 0)
                        vsock_stream_break(stream);
        } else {
                (void)loop_change(loop, &stream->watch, events);
        }
}

struct vsock_stream *vsock_find_stream(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
        for (unsigned i = 0; i < VSOCK_STREAMS_MAX; i++) {
                struct vsock_stream *stream = &vsock->streams[i];

                if (stream->phase >= VSOCK_REQUESTED && stream->guest_port == guest_port &&
                    stream->host_port == host_port)
                        return stream;
        }
        return NULL;
}
