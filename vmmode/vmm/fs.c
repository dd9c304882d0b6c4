#include "vmmode/vmm/fs.h"

#include <errno.h>
#include <linux/virtio_fs.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Queue 0 is for what must not wait (FORGET, INTERRUPT), queue 1 for requests. */
#define QUEUES 2

/* The kicks go to the server and are nobody's here. */
static void kick(struct virtio *virtio, unsigned queue)
{
        (void)virtio;
        (void)queue;
}

static void called(void *owner, uint32_t events)
{
        struct fs_call *call = owner;
        eventfd_t count;

        (void)events;
        (void)eventfd_read(call->watch.fd, &count);
        /* The server looked already at whether the driver wants to hear of it. */
        msix_raise(call->fs->virtio.msix, call->fs->virtio.state.queue_vectors[call->queue]);
}

static void server_ended(void *owner, uint32_t events)
{
        struct fs *fs = owner;

        (void)events;
        loop_remove(fs->virtio.loop, &fs->hangup);
        virtio_needs_reset(&fs->virtio);
}

static int activate(struct virtio *virtio)
{
        struct fs *fs = virtio->device;
        int r = vhost_user_configure(&fs->server, virtio->state.accepted, virtio->memory);

        for (unsigned i = 0; i < QUEUES && r == 0; i++)
                if (virtio->queues[i].state.enabled)
                        r = vhost_user_start_queue(&fs->server, i, &virtio->queues[i], virtio->kicks[i].watch.fd,
                                                   fs->calls[i].watch.fd);
        fs->running = r == 0;
        return r;
}

static void reset(struct virtio *virtio)
{
        struct fs *fs = virtio->device;
        uint16_t next;

        for (unsigned i = 0; i < QUEUES && fs->running; i++)
                if (virtio->queues[i].state.enabled && vhost_user_stop_queue(&fs->server, i, &next) < 0)
                        error_clear();
        fs->running = false;
}

static const struct virtio_ops ops = {
        .name = "file system",
        .id = 26,
        .pci_class = 0x01, /* mass storage, other */
        .pci_subclass = 0x80,
        .n_queues = QUEUES,
        .activate = activate,
        .reset = reset,
        .kick = kick,
};

static int watch_server(struct fs *fs)
{
        struct loop *loop = fs->virtio.loop;

        for (unsigned i = 0; i < QUEUES; i++) {
                struct fs_call *call = &fs->calls[i];
                int r;

                /* The loop would read the kicks away from the server. */
                loop_remove(loop, &fs->virtio.kicks[i].watch);
                *call = (struct fs_call){.fs = fs, .queue = i};
                call->watch = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                             .events = EPOLLIN,
                                             .ready = called,
                                             .owner = call,
                                             .lock = &fs->virtio.lock};
                if (call->watch.fd < 0)
                        return fail(errno, "make an event of the file system");
                r = loop_add(loop, &call->watch);
                if (r < 0)
                        return r;
        }
        fs->hangup = (struct watch){.fd = fs->server.socket,
                                    .events = EPOLLRDHUP,
                                    .ready = server_ended,
                                    .owner = fs,
                                    .lock = &fs->virtio.lock};
        return loop_add(loop, &fs->hangup);
}

int fs_init(struct fs *fs, const struct guest_memory *memory, struct loop *loop, int server, const char *tag)
{
        struct virtio_fs_config config = {.num_request_queues = 1};
        int r;

        *fs = (struct fs){
                .server = {.socket = server, .name = "file system", .timeout_ms = VHOST_USER_TIMEOUT_MS},
                .hangup = {.fd = -EBADF},
        };
        for (unsigned i = 0; i < QUEUES; i++)
                fs->calls[i].watch.fd = -EBADF;
        if (strlen(tag) == 0 || strlen(tag) > FS_TAG_MAX)
                return refuse(EINVAL, "file system: the tag '%s' must have 1 to %d bytes", tag, FS_TAG_MAX);
        r = virtio_init(&fs->virtio, &ops, fs, memory, loop, 0);
        if (r < 0)
                return r;
        memcpy(config.tag, tag, strlen(tag));
        memcpy(fs->virtio.config, &config, sizeof(config));
        fs->virtio.config_size = sizeof(config);
        return watch_server(fs);
}

int fs_meet(struct fs *fs)
{
        uint64_t features = 0;
        int r = vhost_user_begin(&fs->server, &features);

        /* What we offer on our own account, the server must know too. */
        fs->virtio.offered &= features;
        return r;
}

void fs_free(struct fs *fs)
{
        struct loop *loop = fs->virtio.loop;

        loop_remove(loop, &fs->hangup);
        for (unsigned i = 0; i < QUEUES; i++) {
                loop_remove(loop, &fs->calls[i].watch);
                cleanup_close(&fs->calls[i].watch.fd);
        }
        virtio_free(&fs->virtio);
        cleanup_close(&fs->server.socket);
}
