/* The streams of vsock, for the device's own files: a place for each, what it waits for on the host's side, and what
 * the guest sends to it. With the device's lock held. */
#pragma once

#include "vmmode/vmm/vsock.h"

#define VSOCK_HEADER_SIZE sizeof(struct virtio_vsock_hdr)
#define VSOCK_PACKET_MAX  (64U * 1024)

/* A place without a stream. Its watch keeps the lock: an event that was fetched already finds it. */
void vsock_stream_clear(struct vsock *vsock, struct vsock_stream *stream);

/* Ends it on both sides without a word. */
void vsock_stream_end(struct vsock_stream *stream);

/* The host's side is over; the place is kept until the guest has been told. */
void vsock_stream_break(struct vsock_stream *stream);

/* How many bytes the guest has room for. */
uint32_t vsock_stream_credit(const struct vsock_stream *stream);

bool vsock_stream_may_read_host(const struct vsock_stream *stream);

/* Waits for what can go on on the host's side. */
void vsock_stream_watch(struct vsock_stream *stream);

/* NULL: there is none. */
struct vsock_stream *vsock_find_stream(struct vsock *vsock, uint32_t guest_port, uint32_t host_port);

/* Writes what waits for the host (vsock_guest.c). */
void vsock_stream_drain(struct vsock_stream *stream);

/* Takes the packets that the guest has sent, as many as one turn has (vsock_guest.c). */
void vsock_hear_guest(struct vsock *vsock);

/* Handler of a stream's watch (vsock.c). */
void vsock_host_ready(void *owner, uint32_t events);
