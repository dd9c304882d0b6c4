/* The disk: a file, a driver, and what the driver must not get at. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/io_uring.h>
#include <linux/virtio_blk.h>

#include "tests/unit/vmm_driver.h"
#include "vmmode/vmm/blk.h"

#define SECTORS 64

static struct driver driver;
static struct blk blk;
static struct loop loop;
static int file;
static bool with_uring, read_only;

static int begin(void **state)
{
        (void)state;
        file = memfd_create("disk", MFD_CLOEXEC);
        assert_int_equal(ftruncate(file, SECTORS * 512), 0);
        assert_int_equal(loop_make(&loop, "test"), 0);
        assert_int_equal(guest_memory_make(&driver.memory, DRIVER_MEMORY), 0);
        assert_int_equal(blk_init(&blk, &driver.memory, &loop, dup(file), read_only, "berth-disk"), 0);
        /* A file in memory does without by itself. */
        assert_int_equal(blk.uring.fd, -EBADF);
        if (with_uring)
                assert_int_equal(blk_use_uring(&blk), 0);
        driver_attach(&driver, &blk.virtio);
        driver_start(&driver, 0);
        return 0;
}

static int end(void **state)
{
        (void)state;
        blk_free(&blk);
        loop_free(&loop);
        guest_memory_free(&driver.memory);
        close(file);
        return 0;
}

static void run_loop(void)
{
        while (loop_turn(&loop, 0) > 0)
                ;
}

/* Header, data, status. Returns the status byte; *length is what the device says it wrote. */
static int request(uint32_t type, uint64_t sector, void *data, uint32_t size, uint32_t *length)
{
        const struct virtio_blk_outhdr header = {.type = type, .sector = sector};
        const uint64_t at = DRIVER_BUFFERS;
        bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
        uint8_t status = 0xee;
        uint32_t head;

        guest_write(&driver.memory, at, &header, sizeof(header));
        guest_write(&driver.memory, at + 0x1000, &status, 1);
        if (!reads && size)
                guest_write(&driver.memory, at + 0x2000, data, size);
        driver_describe(&driver, 0, 0, at, sizeof(header), VRING_DESC_F_NEXT, size ? 1 : 2);
        driver_describe(&driver, 0, 1, at + 0x2000, size, VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), 2);
        driver_describe(&driver, 0, 2, at + 0x1000, 1, VRING_DESC_F_WRITE, 0);
        driver_offer(&driver, 0, 0);
        driver_kick(&driver, 0);
        for (int i = 0; i < 500; i++) {
                if (driver_take(&driver, 0, &head, length)) {
                        guest_read(&driver.memory, at + 0x1000, &status, 1);
                        if (reads && size)
                                guest_read(&driver.memory, at + 0x2000, data, size);
                        return status;
                }
                (void)loop_turn(&loop, 10);
        }
        return -1;
}

static void what_is_written_is_read_again(void **state)
{
        char out[1024], in[1024] = {0}, on_disk[1024];
        uint32_t length;

        (void)state;
        memset(out, 'x', sizeof(out));
        assert_int_equal(request(VIRTIO_BLK_T_OUT, 3, out, sizeof(out), &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, 1);
        assert_int_equal(pread(file, on_disk, sizeof(on_disk), 3 * 512), sizeof(on_disk));
        assert_memory_equal(on_disk, out, sizeof(out));
        assert_int_equal(request(VIRTIO_BLK_T_IN, 3, in, sizeof(in), &length), VIRTIO_BLK_S_OK);
        assert_int_equal(length, sizeof(in) + 1);
        assert_memory_equal(in, out, sizeof(in));
        assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, &length), VIRTIO_BLK_S_OK);
}

static void nothing_beyond_the_disk_is_reached(void **state)
{
        char data[1024];
        struct stat st;
        uint32_t length;

        (void)state;
        memset(data, 'y', sizeof(data));
        assert_int_equal(request(VIRTIO_BLK_T_OUT, SECTORS, data, 512, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, SECTORS - 1, data, 1024, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, UINT64_MAX, data, 512, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, UINT64_MAX / 512, data, 512, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS, data, 512, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(fstat(file, &st), 0);
        assert_int_equal(st.st_size, SECTORS * 512);
}

static void half_sectors_are_an_error(void **state)
{
        char data[600] = {0};
        uint32_t length;

        (void)state;
        assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, 600, &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_IN, 0, data, 0, &length), VIRTIO_BLK_S_IOERR);
}

static void unknown_requests_are_unsupported(void **state)
{
        char data[512] = {0};
        uint32_t length;

        (void)state;
        assert_int_equal(request(0x77, 0, data, 512, &length), VIRTIO_BLK_S_UNSUPP);
}

static void the_serial_number_is_told(void **state)
{
        char serial[20] = {0};
        uint32_t length;

        (void)state;
        assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, serial, sizeof(serial), &length), VIRTIO_BLK_S_OK);
        assert_string_equal(serial, "berth-disk");
}

static void discarded_and_zeroed_sectors_read_as_zeroes(void **state)
{
        struct virtio_blk_discard_write_zeroes range = {.sector = 8, .num_sectors = 8};
        char data[4096], on_disk[4096], zeroes[4096] = {0};
        uint32_t length;

        (void)state;
        for (int type = VIRTIO_BLK_T_DISCARD; type <= VIRTIO_BLK_T_WRITE_ZEROES; type += 2) {
                memset(data, 'z', sizeof(data));
                assert_int_equal(request(VIRTIO_BLK_T_OUT, 8, data, sizeof(data), &length), VIRTIO_BLK_S_OK);
                range.flags = type == VIRTIO_BLK_T_WRITE_ZEROES ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
                assert_int_equal(request((uint32_t)type, 0, &range, sizeof(range), &length), VIRTIO_BLK_S_OK);
                assert_int_equal(pread(file, on_disk, sizeof(on_disk), 8 * 512), sizeof(on_disk));
                assert_memory_equal(on_disk, zeroes, sizeof(zeroes));
        }
        range.sector = SECTORS - 4;
        assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), &length), VIRTIO_BLK_S_IOERR);
        range = (struct virtio_blk_discard_write_zeroes){.sector = 0, .num_sectors = 0};
        assert_int_equal(request(VIRTIO_BLK_T_DISCARD, 0, &range, sizeof(range), &length), VIRTIO_BLK_S_OK);
}

static void a_read_only_disk_is_not_written(void **state)
{
        char data[512] = {1}, on_disk[512];
        uint32_t length;

        (void)state;
        assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, data, sizeof(data), &length), VIRTIO_BLK_S_IOERR);
        assert_int_equal(pread(file, on_disk, sizeof(on_disk), 0), sizeof(on_disk));
        assert_int_equal(on_disk[0], 0);
        assert_true(blk.virtio.offered & 1ULL << VIRTIO_BLK_F_RO);
}

static void a_file_that_became_shorter_is_an_error(void **state)
{
        char data[1024];
        uint32_t length;

        (void)state;
        assert_int_equal(ftruncate(file, 10 * 512 + 100), 0);
        assert_int_equal(request(VIRTIO_BLK_T_IN, 10, data, 1024, &length), VIRTIO_BLK_S_IOERR);
}

static void a_request_without_status_breaks_the_queue(void **state)
{
        const struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_FLUSH};

        (void)state;
        guest_write(&driver.memory, DRIVER_BUFFERS, &header, sizeof(header));
        driver_describe(&driver, 0, 0, DRIVER_BUFFERS, sizeof(header), 0, 0);
        driver_offer(&driver, 0, 0);
        driver_kick(&driver, 0);
        assert_true(driver_status(&driver) & VIRTIO_NEEDS_RESET);
}

/* ---- how often each side has to hear of the other ---- */

#define BATCH 16 /* requests of one sector: three descriptors each */

static void offer_batch(void)
{
        const struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_IN};

        guest_write(&driver.memory, DRIVER_BUFFERS, &header, sizeof(header));
        for (unsigned i = 0; i < BATCH; i++) {
                uint64_t data = DRIVER_BUFFERS + 0x1000 + i * 0x1000ULL;

                driver_describe(&driver, 0, 3 * i, DRIVER_BUFFERS, sizeof(header), VRING_DESC_F_NEXT,
                                (uint16_t)(3 * i + 1));
                driver_describe(&driver, 0, 3 * i + 1, data, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
                                (uint16_t)(3 * i + 2));
                driver_describe(&driver, 0, 3 * i + 2, data + 512, 1, VRING_DESC_F_WRITE, 0);
                driver_offer(&driver, 0, (uint16_t)(3 * i));
        }
}

static unsigned take_all(void)
{
        uint32_t head, length;
        unsigned n = 0;

        while (driver_take(&driver, 0, &head, &length))
                n++;
        return n;
}

static void a_batch_costs_one_kick_and_one_interrupt(void **state)
{
        uint64_t before;

        (void)state;
        driver_start(&driver, QUEUE_FEATURE_EVENT_IDX);
        driver_hear(&driver);
        before = driver.function.msix.sent;
        offer_batch();
        assert_true(driver_must_kick(&driver, 0, BATCH));
        driver_kick(&driver, 0);
        /* Without a turn of the loop: the file is in memory. */
        assert_int_equal(take_all(), BATCH);
        assert_int_equal(driver.function.msix.sent - before, 1);
        /* Nobody need come back, and the device wants to hear of the next. */
        run_loop();
        offer_batch();
        assert_true(driver_must_kick(&driver, 0, BATCH));
}

/* A driver that did not ask to be told is not. */
static void who_does_not_want_to_hear_is_not_interrupted(void **state)
{
        uint64_t before;

        (void)state;
        driver_start(&driver, QUEUE_FEATURE_EVENT_IDX);
        driver_hear(&driver);
        offer_batch();
        driver_kick(&driver, 0);
        assert_int_equal(take_all(), BATCH);
        before = driver.function.msix.sent;
        for (int i = 0; i < 4; i++) { /* the event index stays behind */
                offer_batch();
                driver_kick(&driver, 0);
                assert_int_equal(take_all(), BATCH);
        }
        assert_int_equal(driver.function.msix.sent, before);
}

/* Every place for a request is taken by a driver of before the reset; those of the next wait, and are served. */
static void requests_that_find_no_place_are_served_when_there_is_one(void **state)
{
        struct blk_request *free = blk.free;
        unsigned used = blk.n_used;

        (void)state;
        blk.free = NULL;
        blk.n_used = UINT_MAX;
        offer_batch();
        driver_kick(&driver, 0);
        assert_true(blk.waits);
        assert_int_equal(take_all(), 0);
        blk.free = free;
        blk.n_used = used;
        blk.completed.ready(&blk, 0);
        for (unsigned i = 0, n = 0; i < 500 && n < BATCH; i++) {
                n += take_all();
                (void)loop_turn(&loop, 10);
                if (n == BATCH)
                        assert_false(blk.waits);
        }
        assert_int_equal(driver.used[0], BATCH);
}

static int begin_plain(void **state)
{
        with_uring = read_only = false;
        return begin(state);
}

static int begin_uring(void **state)
{
        with_uring = true;
        read_only = false;
        return begin(state);
}

static int begin_read_only(void **state)
{
        with_uring = false;
        read_only = true;
        return begin(state);
}

/* Where the kernel has no io_uring, or a filter forbids it, the device does without, and so it would in these tests. */
static void skip_without_uring(void)
{
        struct uring uring;
        int r = uring_make(&uring, 4);

        if (r < 0) {
                print_message("skipped: io_uring cannot be used here: %s\n", strerror(-r));
                skip();
        }
        uring_free(&uring);
}

static bool is_a_disk_s(unsigned operation)
{
        return operation == IORING_OP_READV || operation == IORING_OP_WRITEV || operation == IORING_OP_FSYNC ||
               operation == IORING_OP_FALLOCATE;
}

/* The filters do not see it: whoever has taken a disk's thread over could open files and make sockets by its ring. */
static void a_ring_does_only_what_a_disk_needs(void **state)
{
        struct uring uring;
        uint64_t tag;
        int result;

        (void)state;
        skip_without_uring();
        assert_int_equal(uring_make(&uring, 4), 0);
        for (unsigned operation = 0; operation < IORING_OP_LAST; operation++) {
                if (is_a_disk_s(operation))
                        continue;
                assert_int_equal(uring_flush(&uring, file, operation), 0);
                uring.requests[*uring.request_head & uring.request_mask].opcode = (uint8_t)operation;
                assert_int_equal(uring_submit(&uring), 0);
                assert_int_equal(uring_next(&uring, &tag, &result), 1);
                assert_int_equal(tag, operation);
                assert_int_equal(result, -EACCES);
        }
        uring_free(&uring);
}

#define BY_URING(name)                                                                                                 \
        static void name##_by_uring(void **state)                                                                      \
        {                                                                                                              \
                skip_without_uring();                                                                                  \
                name(state);                                                                                           \
        }

BY_URING(what_is_written_is_read_again)
BY_URING(nothing_beyond_the_disk_is_reached)
BY_URING(half_sectors_are_an_error)
BY_URING(unknown_requests_are_unsupported)
BY_URING(the_serial_number_is_told)
BY_URING(discarded_and_zeroed_sectors_read_as_zeroes)
BY_URING(a_file_that_became_shorter_is_an_error)
BY_URING(a_request_without_status_breaks_the_queue)
BY_URING(requests_that_find_no_place_are_served_when_there_is_one)

int main(void)
{
#define PLAIN(name)                                                                                                    \
        {                                                                                                              \
#name " (one after the other)", name, begin_plain, end, NULL                                           \
        }
#define URING(name)                                                                                                    \
        {                                                                                                              \
#name " (io_uring)", name##_by_uring, begin_uring, end, NULL                                           \
        }
#define BOTH(name) PLAIN(name), URING(name)
        const struct CMUnitTest tests[] = {
                BOTH(what_is_written_is_read_again),
                BOTH(nothing_beyond_the_disk_is_reached),
                BOTH(half_sectors_are_an_error),
                BOTH(unknown_requests_are_unsupported),
                BOTH(the_serial_number_is_told),
                BOTH(discarded_and_zeroed_sectors_read_as_zeroes),
                BOTH(a_file_that_became_shorter_is_an_error),
                BOTH(a_request_without_status_breaks_the_queue),
                PLAIN(a_batch_costs_one_kick_and_one_interrupt),
                PLAIN(who_does_not_want_to_hear_is_not_interrupted),
                PLAIN(a_ring_does_only_what_a_disk_needs),
                URING(requests_that_find_no_place_are_served_when_there_is_one),
                {"a_read_only_disk_is_not_written", a_read_only_disk_is_not_written, begin_read_only, end, NULL},
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
