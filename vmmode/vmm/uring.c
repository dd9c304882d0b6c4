#include "vmmode/vmm/uring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static unsigned load(const unsigned *at)
{
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void store(unsigned *at, unsigned value)
{
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static unsigned *at(const struct uring *uring, uint32_t offset)
{
        return (unsigned *)(void *)((uint8_t *)uring->rings + offset);
}

static int map_rings(struct uring *uring, const struct io_uring_params *params)
{
        size_t requests = params->sq_off.array + params->sq_entries * sizeof(unsigned);
        size_t results = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

        uring->rings_size = requests > results ? requests : results;
        uring->requests_size = params->sq_entries * sizeof(struct io_uring_sqe);
        uring->rings = mmap(NULL, uring->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring->fd,
                            IORING_OFF_SQ_RING);
        if (uring->rings == MAP_FAILED) {
                uring->rings = NULL;
                return -errno;
        }
        uring->requests = mmap(NULL, uring->requests_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring->fd,
                               IORING_OFF_SQES);
        if (uring->requests == MAP_FAILED) {
                uring->requests = NULL;
                return -errno;
        }
        uring->entries = params->sq_entries;
        uring->request_head = at(uring, params->sq_off.head);
        uring->request_tail = at(uring, params->sq_off.tail);
        uring->request_mask = *at(uring, params->sq_off.ring_mask);
        uring->request_array = at(uring, params->sq_off.array);
        uring->result_head = at(uring, params->cq_off.head);
        uring->result_tail = at(uring, params->cq_off.tail);
        uring->result_mask = *at(uring, params->cq_off.ring_mask);
        uring->results = (struct io_uring_cqe *)(void *)at(uring, params->cq_off.cqes);
        return 0;
}

/* No filter of system calls sees what is asked through a ring, which can open files and make sockets: it is told once
 * what it may do, before it does anything. */
static int forbid_the_rest(int ring)
{
        struct io_uring_restriction allowed[] = {
                {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV},
                {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV},
                {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC},
                {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FALLOCATE},
        };

        if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_RESTRICTIONS, allowed, ELEMENTS(allowed)) < 0 ||
            syscall(SYS_io_uring_register, ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
                return -errno;
        return 0;
}

int uring_make(struct uring *uring, unsigned entries)
{
        struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
        int r;

        *uring = (struct uring)URING_NONE;
        uring->fd = (int)syscall(SYS_io_uring_setup, entries, &params);
        if (uring->fd < 0)
                return -errno;
        r = params.features & IORING_FEAT_SINGLE_MMAP ? map_rings(uring, &params) : -ENOSYS;
        if (r == 0)
                r = forbid_the_rest(uring->fd);
        if (r < 0)
                uring_free(uring);
        return r;
}

void uring_free(struct uring *uring)
{
        /* Closing the ring waits for nothing: requests that run still write into the guest's memory until they end, and
         * the kernel holds its pages. */
        if (uring->requests)
                munmap(uring->requests, uring->requests_size);
        if (uring->rings)
                munmap(uring->rings, uring->rings_size);
        cleanup_close(&uring->fd);
        *uring = (struct uring)URING_NONE;
}

static int put(struct uring *uring, const struct io_uring_sqe *request)
{
        unsigned tail = *uring->request_tail, place = tail & uring->request_mask;

        if (tail - load(uring->request_head) >= uring->entries)
                return -EAGAIN;
        uring->requests[place] = *request;
        uring->request_array[place] = place;
        store(uring->request_tail, tail + 1);
        uring->waiting++;
        return 0;
}

static int put_vector(struct uring *uring, uint8_t opcode, int fd, const struct iovec *v, size_t n, uint64_t offset,
                      uint64_t tag)
{
        const struct io_uring_sqe request = {
                .opcode = opcode,
                .fd = fd,
                .addr = (uint64_t)(uintptr_t)v,
                .len = (uint32_t)n,
                .off = offset,
                .user_data = tag,
        };

        return put(uring, &request);
}

int uring_read(struct uring *uring, int fd, const struct iovec *v, size_t n, uint64_t offset, uint64_t tag)
{
        return put_vector(uring, IORING_OP_READV, fd, v, n, offset, tag);
}

int uring_write(struct uring *uring, int fd, const struct iovec *v, size_t n, uint64_t offset, uint64_t tag)
{
        return put_vector(uring, IORING_OP_WRITEV, fd, v, n, offset, tag);
}

int uring_flush(struct uring *uring, int fd, uint64_t tag)
{
        const struct io_uring_sqe request = {
                .opcode = IORING_OP_FSYNC, .fd = fd, .fsync_flags = IORING_FSYNC_DATASYNC, .user_data = tag};

        return put(uring, &request);
}

int uring_allocate(struct uring *uring, int fd, int mode, uint64_t offset, uint64_t length, uint64_t tag)
{
        const struct io_uring_sqe request = {.opcode = IORING_OP_FALLOCATE,
                                             .fd = fd,
                                             .off = offset,
                                             .addr = length,
                                             .len = (uint32_t)mode,
                                             .user_data = tag};

        return put(uring, &request);
}

int uring_submit(struct uring *uring)
{
        while (uring->waiting > 0) {
                int n = (int)syscall(SYS_io_uring_enter, uring->fd, uring->waiting, 0, 0, NULL, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                uring->waiting -= (unsigned)n;
        }
        return 0;
}

int uring_next(struct uring *uring, uint64_t *tag, int *result)
{
        unsigned head = *uring->result_head;

        if (head == load(uring->result_tail))
                return 0;
        *tag = uring->results[head & uring->result_mask].user_data;
        *result = uring->results[head & uring->result_mask].res;
        store(uring->result_head, head + 1);
        return 1;
}
