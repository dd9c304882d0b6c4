/* virtio-vsock (virtio 1.2, 5.10), in this process: hosts without vhost-vsock are common, and so is a VMM that may not
 * open it. Streams only.
 *
 * Who wants to talk to the guest connects to the machine's listening socket and sends one line, "CONNECT PORT\n"; when
 * a program in the guest listens there the answer is "OK\n", and from then on the connection is that stream, half-close
 * included. When nobody listens, or the guest goes away, the connection ends. The guest cannot connect outwards: there
 * is nothing on the host that it could reach.
 *
 * Bounds: VSOCK_STREAMS_MAX streams, VSOCK_BUFFER bytes of each on their way to the host; a guest that sends beyond
 * what it was given room for loses the stream. */
#pragma once

#include "vmmode/vmm/virtio.h"

#define VSOCK_STREAMS_MAX 512
#define VSOCK_BUFFER      (64U * 1024)
#define VSOCK_HOST        2ULL
#define VSOCK_GUEST       3ULL

enum vsock_phase {
        VSOCK_FREE,
        VSOCK_GREETING,  /* the host's line has not come whole yet */
        VSOCK_REQUESTED, /* the guest was asked */
        VSOCK_OPEN,
};

struct vsock;

struct vsock_stream {
        struct vsock *vsock;
        enum vsock_phase phase;
        struct watch watch; /* of the host's connection */
        uint32_t guest_port, host_port;
        /* To the guest: how much it has room for, how much it was sent and has read (5.10.6.3). */
        uint32_t guest_room, guest_read, sent;
        /* From the guest: what it was told of our reading, and how much we have read. */
        uint32_t forwarded, told;
        uint8_t *buffer; /* VSOCK_BUFFER bytes once something waits, a ring */
        uint32_t start, used;
        bool readable;    /* the host has sent something, or ended */
        bool host_ended;  /* no more bytes come from the host */
        bool guest_ended; /* no more bytes come from the guest */
        bool guest_deaf;  /* the guest takes no more */
        /* Words to the guest that wait for a buffer of its own. */
        bool owes_request, owes_reset, owes_shutdown, owes_credit;
        char greeting[24];
        uint8_t greeted;
};

struct vsock {
        struct virtio virtio;
        struct watch listener;
        struct vsock_stream *streams; /* VSOCK_STREAMS_MAX */
        unsigned turn;                /* the stream that is served first next time: none may starve the others */
        uint32_t next_port;
        /* Resets for packets of streams that there are not. */
        struct {
                uint32_t guest_port, host_port;
        } stray[32];
        unsigned n_stray;
};

/* listener: a listening AF_UNIX stream socket; owned from here on. */
int vsock_init(struct vsock *vsock, const struct guest_memory *memory, struct loop *loop, int listener);

void vsock_free(struct vsock *vsock);
