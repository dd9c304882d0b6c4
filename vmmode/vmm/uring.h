/* io_uring, as much of it as disks need: reads, writes and flushes that complete in any order. The ring's descriptor
 * is readable while results wait. One thread. The kernel refuses a ring everything else (5.10); where it cannot, or
 * io_uring is forbidden, uring_make says so and the caller does without. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct io_uring_sqe;
struct io_uring_cqe;

struct uring {
        int fd;
        unsigned entries, waiting;
        void *rings;
        size_t rings_size, requests_size;
        struct io_uring_sqe *requests;
        struct io_uring_cqe *results;
        unsigned *request_head, *request_tail, *request_array, request_mask;
        unsigned *result_head, *result_tail, result_mask;
};

#define URING_NONE                                                                                                     \
        {                                                                                                              \
                .fd = -EBADF                                                                                           \
        }

/* Bare negative errno: -EPERM, -ENOSYS where it is forbidden or missing. */
int uring_make(struct uring *uring, unsigned entries);
void uring_free(struct uring *uring);

/* Puts a request into the ring; `tag` comes back with its result. The buffers must live until then. -EAGAIN: full. */
int uring_read(struct uring *uring, int fd, const struct iovec *v, size_t n, uint64_t offset, uint64_t tag);
int uring_write(struct uring *uring, int fd, const struct iovec *v, size_t n, uint64_t offset, uint64_t tag);
int uring_flush(struct uring *uring, int fd, uint64_t tag);
int uring_allocate(struct uring *uring, int fd, int mode, uint64_t offset, uint64_t length, uint64_t tag);

/* Hands what was put in to the kernel. Bare negative errno. */
int uring_submit(struct uring *uring);

/* The next result: 1, or 0 when there is none. *result: bytes or a negative errno. */
int uring_next(struct uring *uring, uint64_t *tag, int *result);
