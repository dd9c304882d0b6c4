#include "vmmode/vmm/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define SECTOR           512ULL
#define QUEUE            0
#define REQUESTS_A_TURN  64
#define RING_ENTRIES     256
#define TELL_AFTER       (64UL << 10) /* bytes */
#define DISCARD_SEGMENTS 1
#define DISCARD_SECTORS  (1U << 22) /* 2 GiB a request */

struct blk_request {
        struct blk_request *next; /* in the list of free ones */
        uint16_t head;
        uint32_t generation;
        uint32_t type;
        size_t length;   /* bytes of data */
        uint8_t *status; /* the byte in guest memory that says how it went */
        size_t n;
        struct iovec v[BLK_SEGMENTS_MAX + 2];
};

/* ---- requests ---- */

/* NULL: all are in flight. */
static struct blk_request *take_request(struct blk *blk)
{
        struct blk_request *request = blk->free;

        if (request)
                blk->free = request->next;
        else if (blk->n_used < RING_ENTRIES)
                request = &blk->requests[blk->n_used++];
        return request;
}

static void give_back(struct blk *blk, struct blk_request *request)
{
        request->next = blk->free;
        blk->free = request;
}

static void finish(struct blk *blk, struct blk_request *request, int result)
{
        bool reads = request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_GET_ID;
        uint32_t written = 1;

        if (result == -EOPNOTSUPP || result == -ENOTTY) {
                *request->status = VIRTIO_BLK_S_UNSUPP;
        } else if (result < 0) {
                *request->status = VIRTIO_BLK_S_IOERR;
        } else {
                *request->status = VIRTIO_BLK_S_OK;
                if (reads)
                        written += (uint32_t)request->length;
        }
        queue_push(&blk->virtio.queues[QUEUE], request->head, written);
        give_back(blk, request);
}

/* A file that is shorter than the disk (it grew smaller under us) reads as an error, not as old memory. */
static int check_transfer(const struct blk_request *request, int result)
{
        bool transfers = request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_OUT;

        return transfers && result >= 0 && (size_t)result != request->length ? -EIO : result;
}

/* ---- carrying out ---- */

static int within_disk(const struct blk *blk, uint64_t sector, uint64_t length)
{
        uint64_t sectors = blk->size / SECTOR;

        return length % SECTOR == 0 && sector <= sectors && length / SECTOR <= sectors - sector ? 0 : -EIO;
}

/* 5.2.6.2: one range for discard and write zeroes; others are not offered. */
static int read_range(const struct blk *blk, const struct queue_chain *chain,
                      struct virtio_blk_discard_write_zeroes *range)
{
        if (chain->in_size != sizeof(struct virtio_blk_outhdr) + sizeof(*range) ||
            buffers_read(chain->in, chain->n_in, sizeof(struct virtio_blk_outhdr), range, sizeof(*range)) !=
                    sizeof(*range))
                return -EIO;
        if (range->num_sectors > DISCARD_SECTORS || (range->flags & ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP))
                return -EOPNOTSUPP;
        return within_disk(blk, range->sector, (uint64_t)range->num_sectors * SECTOR);
}

static int start_range(struct blk *blk, struct blk_request *request, const struct queue_chain *chain, bool *done)
{
        struct virtio_blk_discard_write_zeroes range;
        bool discards = request->type == VIRTIO_BLK_T_DISCARD;
        int mode, r = read_range(blk, chain, &range);

        if (r < 0)
                return r;
        mode = FALLOC_FL_KEEP_SIZE |
               (discards || (range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) ? FALLOC_FL_PUNCH_HOLE
                                                                               : FALLOC_FL_ZERO_RANGE);
        if (range.num_sectors == 0) {
                *done = true;
                return 0;
        }
        if (blk->uring.fd < 0)
                return fallocate(blk->fd, mode, (off_t)(range.sector * SECTOR), (off_t)(range.num_sectors * SECTOR)) < 0
                               ? -errno
                               : 0;
        return uring_allocate(&blk->uring, blk->fd, mode, range.sector * SECTOR, range.num_sectors * SECTOR,
                              (uint64_t)(uintptr_t)request);
}

static int start_transfer(struct blk *blk, struct blk_request *request, uint64_t sector)
{
        uint64_t tag = (uint64_t)(uintptr_t)request, offset = sector * SECTOR;
        bool reads = request->type == VIRTIO_BLK_T_IN;
        ssize_t n;

        if (within_disk(blk, sector, request->length) < 0 || request->length == 0)
                return -EIO;
        if (blk->uring.fd >= 0)
                return reads ? uring_read(&blk->uring, blk->fd, request->v, request->n, offset, tag)
                             : uring_write(&blk->uring, blk->fd, request->v, request->n, offset, tag);
        n = reads ? preadv(blk->fd, request->v, (int)request->n, (off_t)offset)
                  : pwritev(blk->fd, request->v, (int)request->n, (off_t)offset);
        return n < 0 ? -errno : check_transfer(request, (int)n);
}

static int start_flush(struct blk *blk, const struct blk_request *request)
{
        if (blk->uring.fd >= 0)
                return uring_flush(&blk->uring, blk->fd, (uint64_t)(uintptr_t)request);
        return fdatasync(blk->fd) < 0 ? -errno : 0;
}

/* What completes later is with the ring; what is done, or failed, at once is told by *done. */
static int start_request(struct blk *blk, struct blk_request *request, const struct queue_chain *chain, uint64_t sector,
                         bool *done)
{
        bool writes = request->type == VIRTIO_BLK_T_OUT || request->type == VIRTIO_BLK_T_DISCARD ||
                      request->type == VIRTIO_BLK_T_WRITE_ZEROES;

        *done = blk->uring.fd < 0;
        if (writes && blk->read_only)
                return -EIO;
        switch (request->type) {
        case VIRTIO_BLK_T_IN:
        case VIRTIO_BLK_T_OUT:
                return start_transfer(blk, request, sector);
        case VIRTIO_BLK_T_FLUSH:
                return start_flush(blk, request);
        case VIRTIO_BLK_T_GET_ID:
                *done = true;
                request->length = buffers_write(request->v, request->n, 0, blk->serial, sizeof(blk->serial));
                return 0;
        case VIRTIO_BLK_T_DISCARD:
        case VIRTIO_BLK_T_WRITE_ZEROES:
                return start_range(blk, request, chain, done);
        default:
                return -EOPNOTSUPP;
        }
}

/* Takes a chain apart (5.2.6): header, data, one byte of status at the very end of what the device writes. */
static bool parse_request(struct blk_request *request, const struct queue_chain *chain, uint64_t *sector)
{
        struct virtio_blk_outhdr header;

        if (chain->out_size == 0 || chain->n_in + chain->n_out > BLK_SEGMENTS_MAX + 2 ||
            buffers_read(chain->in, chain->n_in, 0, &header, sizeof(header)) != sizeof(header))
                return false;
        request->head = chain->head;
        request->type = header.type;
        *sector = header.sector;
        request->status = (uint8_t *)chain->out[chain->n_out - 1].iov_base + chain->out[chain->n_out - 1].iov_len - 1;
        if (header.type == VIRTIO_BLK_T_IN || header.type == VIRTIO_BLK_T_GET_ID) {
                request->length = chain->out_size - 1;
                request->n = buffers_slice(chain->out, chain->n_out, 0, request->length, request->v);
        } else {
                request->length = chain->in_size - sizeof(header);
                request->n = buffers_slice(chain->in, chain->n_in, sizeof(header), request->length, request->v);
        }
        return true;
}

/* False: there is no room for it now. */
static bool handle(struct blk *blk, const struct queue_chain *chain)
{
        struct blk_request *request = take_request(blk);
        uint64_t sector;
        bool done = true;
        int r;

        if (!request)
                return false;
        request->generation = blk->generation;
        if (!parse_request(request, chain, &sector)) {
                give_back(blk, request);
                virtio_needs_reset(&blk->virtio);
                return true;
        }
        r = start_request(blk, request, chain, sector, &done);
        if (r < 0 || done)
                finish(blk, request, r);
        else
                blk->in_flight++;
        return true;
}

static void collect(struct blk *blk)
{
        uint64_t tag;
        int result;

        while (uring_next(&blk->uring, &tag, &result)) {
                struct blk_request *request = (struct blk_request *)(uintptr_t)tag;

                blk->in_flight--;
                if (request->generation == blk->generation)
                        finish(blk, request, check_transfer(request, result));
                else
                        give_back(blk, request);
        }
}

/* What the ring could do at once (a file's pages in memory) is among the results already. */
static void run_ring(struct blk *blk)
{
        if (blk->uring.fd < 0)
                return;
        (void)uring_submit(&blk->uring);
        collect(blk);
}

/* One turn. The driver hears of what was done one after the other early enough to work on it while the rest is done. */
static void start_waiting(struct blk *blk)
{
        struct virtio *virtio = &blk->virtio;
        struct queue_chain chain;
        size_t untold = 0;

        blk->waits = false;
        for (unsigned i = 0; i < REQUESTS_A_TURN && virtio_pop(virtio, QUEUE, &chain); i++) {
                if (!handle(blk, &chain)) {
                        queue_unpop(&virtio->queues[QUEUE], chain.head);
                        blk->waits = true;
                        break;
                }
                untold += chain.in_size + chain.out_size;
                if (untold >= TELL_AFTER && blk->uring.fd < 0) {
                        virtio_signal_queue(virtio, QUEUE);
                        untold = 0;
                }
        }
        run_ring(blk);
        virtio_signal_queue(virtio, QUEUE);
}

static void serve(struct blk *blk)
{
        struct virtio *virtio = &blk->virtio;

        for (unsigned turn = 0; turn < VIRTIO_TURNS; turn++) {
                start_waiting(blk);
                /* A request that ends makes the place that the others wait for, if one is left. */
                if (blk->waits ? blk->in_flight > 0 : !queue_enable_kick(&virtio->queues[QUEUE]))
                        return;
        }
        virtio_come_back(virtio, QUEUE);
}

static void kick(struct virtio *virtio, unsigned queue)
{
        (void)queue;
        serve(virtio->device);
}

static void completed(void *owner, uint32_t events)
{
        struct blk *blk = owner;

        (void)events;
        collect(blk);
        virtio_signal_queue(&blk->virtio, QUEUE);
        if (blk->waits && virtio_is_active(&blk->virtio))
                serve(blk);
}

/* ---- the device ---- */

static void reset(struct virtio *virtio)
{
        struct blk *blk = virtio->device;

        blk->generation++;
        blk->waits = false;
}

static const struct virtio_ops ops = {
        .name = "disk",
        .id = 2,
        .pci_class = 0x01, /* mass storage, other */
        .pci_subclass = 0x80,
        .n_queues = 1,
        .reset = reset,
        .kick = kick,
};

static int disk_size(int fd, uint64_t *size)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(errno, "disk");
        if (S_ISBLK(st.st_mode))
                return ioctl(fd, BLKGETSIZE64, size) < 0 ? fail(errno, "disk: its size") : 0;
        if (!S_ISREG(st.st_mode))
                return refuse(EINVAL, "disk: neither a file nor a block device");
        *size = (uint64_t)st.st_size;
        return 0;
}

static bool is_in_memory(int fd)
{
        struct statfs where;

        return fstatfs(fd, &where) == 0 &&
               (where.f_type == TMPFS_MAGIC || where.f_type == RAMFS_MAGIC || where.f_type == HUGETLBFS_MAGIC);
}

int blk_init(struct blk *blk, const struct guest_memory *memory, struct loop *loop, int fd, bool read_only,
             const char *serial)
{
        struct virtio_blk_config config = {.seg_max = BLK_SEGMENTS_MAX,
                                           .blk_size = SECTOR,
                                           .max_discard_sectors = DISCARD_SECTORS,
                                           .max_discard_seg = DISCARD_SEGMENTS,
                                           .discard_sector_alignment = 8,
                                           .max_write_zeroes_sectors = DISCARD_SECTORS,
                                           .max_write_zeroes_seg = DISCARD_SEGMENTS,
                                           .write_zeroes_may_unmap = 1};
        uint64_t features = 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH;
        int r;

        features |=
                read_only ? 1ULL << VIRTIO_BLK_F_RO : 1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
        *blk = (struct blk){.fd = fd, .read_only = read_only, .uring = URING_NONE, .completed = {.fd = -EBADF}};
        memcpy(blk->serial, serial, strnlen(serial, sizeof(blk->serial)));
        r = virtio_init(&blk->virtio, &ops, blk, memory, loop, features);
        if (r == 0)
                r = disk_size(fd, &blk->size);
        if (r < 0)
                return r;
        config.capacity = blk->size / SECTOR;
        memcpy(blk->virtio.config, &config, sizeof(config));
        blk->virtio.config_size = sizeof(config);
        blk->requests = calloc(RING_ENTRIES, sizeof(*blk->requests));
        if (!blk->requests)
                return fail(ENOMEM, "disk");
        return is_in_memory(fd) ? 0 : blk_use_uring(blk);
}

int blk_use_uring(struct blk *blk)
{
        struct loop *loop = blk->virtio.loop;

        if (uring_make(&blk->uring, RING_ENTRIES) < 0)
                return 0;
        blk->completed = (struct watch){
                .fd = blk->uring.fd, .events = EPOLLIN, .ready = completed, .owner = blk, .lock = &blk->virtio.lock};
        return loop ? loop_add(loop, &blk->completed) : 0;
}

void blk_free(struct blk *blk)
{
        virtio_free(&blk->virtio);
        if (blk->virtio.loop)
                loop_remove(blk->virtio.loop, &blk->completed);
        uring_free(&blk->uring);
        free(blk->requests);
        blk->requests = blk->free = NULL;
        cleanup_close(&blk->fd);
}
