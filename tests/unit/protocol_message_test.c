/* Messages between host and agent: what is made is read again, and what is no message is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "vmmode/protocol/message.h"

#include <cmocka.h>

#define MAGIC 0x62727468U

struct pair {
        int host, guest;
};

static struct pair make_pair(void)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        return (struct pair){fds[0], fds[1]};
}

static void end_pair(struct pair *pair)
{
        cleanup_close(&pair->host);
        cleanup_close(&pair->guest);
}

#define _cleanup_pair_ _cleanup_(end_pair)

static int64_t soon(void)
{
        return now_ms() + 5000;
}

/* Sends bytes as they are and gives what comes of them. The stream ends behind them. */
static int receive_bytes(const void *bytes, size_t size, size_t most, struct message *message)
{
        _cleanup_pair_ struct pair pair = make_pair();

        assert_int_equal(write_all(pair.host, bytes, size), 0);
        replace_fd(&pair.host, -EBADF);
        return message_receive(pair.guest, most, message, soon());
}

/* ---- what is made is read again ---- */

static void parts_of_every_size_come_back_in_their_order(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        struct message_builder builder;
        struct message_part part = {0};
        struct message message;
        char bytes[40];

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)('a' + i);
        message_begin(&builder, MESSAGE_LAUNCH);
        for (size_t size = 0; size <= sizeof(bytes); size++)
                message_put(&builder, PART_PLAN, bytes, size);
        assert_int_equal(message_send(pair.host, &builder, soon()), 0);
        assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, soon()), 0);
        assert_int_equal(message.kind, MESSAGE_LAUNCH);
        for (size_t size = 0; size <= sizeof(bytes); size++) {
                assert_true(message_next(&message, &part));
                assert_int_equal(part.kind, PART_PLAN);
                assert_int_equal(part.size, size);
                assert_int_equal((uintptr_t)part.data % 8, 0);
                assert_memory_equal(part.data, bytes, size);
        }
        assert_false(message_next(&message, &part));
        message_free(&message);
}

static void numbers_and_texts_come_back(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        struct message message;
        int64_t number;

        (void)state;
        assert_int_equal(message_send_text(pair.host, MESSAGE_ERROR, INT64_MIN, "why", soon()), 0);
        assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, soon()), 0);
        assert_true(message_number(&message, PART_NUMBER, &number));
        assert_true(number == INT64_MIN);
        assert_string_equal(message_text(&message, PART_TEXT), "why");
        assert_null(message_text(&message, PART_ID));
        assert_false(message_number(&message, PART_ROWS, &number));
        /* A text is no number, and a number no text. */
        assert_false(message_number(&message, PART_TEXT, &number));
        message_free(&message);
}

static void a_message_without_parts_is_one(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        struct message_builder builder;
        struct message_part part = {0};
        struct message message;

        (void)state;
        message_begin(&builder, MESSAGE_CONTINUE);
        assert_int_equal(message_send(pair.host, &builder, soon()), 0);
        assert_int_equal(message_receive(pair.guest, MESSAGE_SMALL_MAX, &message, soon()), 0);
        assert_int_equal(message.kind, MESSAGE_CONTINUE);
        assert_false(message_next(&message, &part));
        message_free(&message);
}

static void a_text_is_one_string_with_its_end(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
        } wrong[] = {{"", 0}, {"abc", 3}, {"a\0b", 4}};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                _cleanup_pair_ struct pair pair = make_pair();
                struct message_builder builder;
                struct message message;

                message_begin(&builder, MESSAGE_ERROR);
                message_put(&builder, PART_TEXT, wrong[i].bytes, wrong[i].size);
                assert_int_equal(message_send(pair.host, &builder, soon()), 0);
                assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, soon()), 0);
                assert_null(message_text(&message, PART_TEXT));
                message_free(&message);
        }
}

static void a_write_comes_back_with_all_its_fields(void **state)
{
        const struct message_write write = {8, MESSAGE_WRITE_UNLESS_BEFORE, "memory.max", "1048576",
                                            "linux.resources.memory.limit"};
        _cleanup_pair_ struct pair pair = make_pair();
        struct message_builder builder;
        struct message_part part;
        struct message_write again;
        struct message message;

        (void)state;
        message_begin(&builder, MESSAGE_UPDATE);
        message_put_write(&builder, &write);
        assert_int_equal(message_send(pair.host, &builder, soon()), 0);
        assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, soon()), 0);
        assert_true(message_part(&message, PART_WRITE, &part));
        assert_true(message_read_write(&part, &again));
        assert_int_equal(again.controller, write.controller);
        assert_int_equal(again.bits, write.bits);
        assert_string_equal(again.file, write.file);
        assert_string_equal(again.value, write.value);
        assert_string_equal(again.field, write.field);
        /* Cut anywhere, or with something behind it, it is none. */
        for (size_t size = 0; size < part.size; size++) {
                struct message_part cut = {PART_WRITE, part.data, size};

                assert_false(message_read_write(&cut, &again));
        }
        part.kind = PART_FILE;
        assert_false(message_read_write(&part, &again));
        message_free(&message);
}

static void a_file_comes_back_with_bytes_of_any_kind(void **state)
{
        static const char content[] = "one\0two";
        _cleanup_pair_ struct pair pair = make_pair();
        const char *name, *again;
        struct message_builder builder;
        struct message_part part;
        struct message message;
        size_t size;

        (void)state;
        message_begin(&builder, MESSAGE_DONE);
        message_put_file(&builder, "cpu.stat", content, sizeof(content));
        message_put_file(&builder, "empty", NULL, 0);
        assert_int_equal(message_send(pair.host, &builder, soon()), 0);
        assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, soon()), 0);
        assert_true(message_part(&message, PART_FILE, &part));
        assert_true(message_read_file(&part, &name, &again, &size));
        assert_string_equal(name, "cpu.stat");
        assert_int_equal(size, sizeof(content));
        assert_memory_equal(again, content, size);
        assert_true(message_next(&message, &part));
        assert_true(message_read_file(&part, &name, &again, &size));
        assert_int_equal(size, 0);
        part.size = strlen("empty");
        assert_false(message_read_file(&part, &name, &again, &size));
        message_free(&message);
}

/* ---- what is no message ---- */

/* A message of one part, as bytes. */
static size_t one_part(uint32_t *bytes, uint32_t size, uint32_t part_size)
{
        const uint32_t words[] = {MAGIC, MESSAGE_LAUNCH, size, 0, PART_TEXT, part_size, 0x64636261, 0};

        memcpy(bytes, words, sizeof(words));
        return sizeof(words);
}

static void lengths_that_lie_are_refused(void **state)
{
        static const uint32_t parts[] = {9, 16, 0xfffffff8, 0xfffffff9, 0xffffffff, 0x80000000};
        struct message message;
        uint32_t bytes[8];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                size_t size = one_part(bytes, 16, parts[i]);

                assert_int_equal(receive_bytes(bytes, size, MESSAGE_MAX, &message), -EBADMSG);
        }
        /* A part whose header is cut, and one whose padding is. */
        assert_int_equal(receive_bytes(bytes, one_part(bytes, 4, 0) - 12, MESSAGE_MAX, &message), -EBADMSG);
        assert_int_equal(receive_bytes(bytes, one_part(bytes, 12, 4) - 4, MESSAGE_MAX, &message), -EBADMSG);
        /* The bytes that are there suffice. */
        assert_int_equal(receive_bytes(bytes, one_part(bytes, 16, 8), MESSAGE_MAX, &message), 0);
        message_free(&message);
}

static void strangers_are_refused(void **state)
{
        const uint32_t magic[] = {MAGIC + 1, MESSAGE_LAUNCH, 0, 0};
        const uint32_t end[] = {MAGIC, MESSAGE_END, 0, 0};
        const uint32_t kind[] = {MAGIC, MESSAGE_KINDS, 0, 0};
        const uint32_t large[] = {MAGIC, MESSAGE_LAUNCH, 0xffffffff, 0};
        struct message message;

        (void)state;
        assert_int_equal(receive_bytes(magic, sizeof(magic), MESSAGE_MAX, &message), -EBADMSG);
        assert_int_equal(receive_bytes(end, sizeof(end), MESSAGE_MAX, &message), -EBADMSG);
        assert_int_equal(receive_bytes(kind, sizeof(kind), MESSAGE_MAX, &message), -EBADMSG);
        assert_int_equal(receive_bytes(large, sizeof(large), MESSAGE_MAX, &message), -EMSGSIZE);
}

static void the_bound_is_the_receivers(void **state)
{
        uint32_t bytes[8];
        size_t size = one_part(bytes, 16, 8);
        struct message message;

        (void)state;
        assert_int_equal(receive_bytes(bytes, size, size - 1, &message), -EMSGSIZE);
        assert_int_equal(receive_bytes(bytes, size, size, &message), 0);
        message_free(&message);
}

static void a_stream_that_is_cut_is_told_from_one_that_has_ended(void **state)
{
        uint32_t bytes[8];
        size_t size = one_part(bytes, 16, 8);
        struct message message;

        (void)state;
        assert_int_equal(receive_bytes(bytes, 0, MESSAGE_MAX, &message), 0);
        assert_int_equal(message.kind, MESSAGE_END);
        for (size_t cut = 1; cut < size; cut++)
                assert_int_equal(receive_bytes(bytes, cut, MESSAGE_MAX, &message), -ECONNRESET);
}

static void what_comes_in_drops_is_put_together(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        struct message_reader reader = {0};
        struct message message;
        uint32_t bytes[8];
        size_t size = one_part(bytes, 16, 4);

        (void)state;
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < size; i++) {
                        assert_int_equal(message_read_some(&reader, pair.guest, MESSAGE_MAX, &message), 0);
                        assert_int_equal(write_all(pair.host, (const char *)bytes + i, 1), 0);
                }
                assert_int_equal(message_read_some(&reader, pair.guest, MESSAGE_MAX, &message), 1);
                assert_int_equal(message.kind, MESSAGE_LAUNCH);
                message_free(&message);
        }
        message_reader_free(&reader);
}

static void nobody_waits_without_end(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        struct message_builder builder;
        struct message message;
        static char much[4 * 1024 * 1024];

        (void)state;
        assert_int_equal(message_receive(pair.guest, MESSAGE_MAX, &message, now_ms() + 20), -ETIMEDOUT);
        message_begin(&builder, MESSAGE_LAUNCH);
        message_put(&builder, PART_PLAN, much, sizeof(much));
        assert_int_equal(message_send(pair.host, &builder, now_ms() + 20), -ETIMEDOUT);
        assert_null(builder.bytes);
        replace_fd(&pair.guest, -EBADF);
        assert_int_equal(message_send_text(pair.host, MESSAGE_EXIT, 0, NULL, soon()), -EPIPE);
}

static void a_message_that_nobody_would_take_is_not_sent(void **state)
{
        _cleanup_pair_ struct pair pair = make_pair();
        _cleanup_free_ char *much = calloc(1, MESSAGE_MAX);
        struct message_builder builder;

        (void)state;
        assert_non_null(much);
        message_begin(&builder, MESSAGE_LAUNCH);
        message_put(&builder, PART_PLAN, much, MESSAGE_MAX);
        assert_true(builder.failed);
        message_put_number(&builder, PART_NUMBER, 1);
        assert_int_equal(message_send(pair.host, &builder, soon()), -ENOMEM);
        assert_int_equal(wait_fd(pair.guest, 1, 0), -ETIMEDOUT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_of_every_size_come_back_in_their_order),
                cmocka_unit_test(numbers_and_texts_come_back),
                cmocka_unit_test(a_message_without_parts_is_one),
                cmocka_unit_test(a_text_is_one_string_with_its_end),
                cmocka_unit_test(a_write_comes_back_with_all_its_fields),
                cmocka_unit_test(a_file_comes_back_with_bytes_of_any_kind),
                cmocka_unit_test(lengths_that_lie_are_refused),
                cmocka_unit_test(strangers_are_refused),
                cmocka_unit_test(the_bound_is_the_receivers),
                cmocka_unit_test(a_stream_that_is_cut_is_told_from_one_that_has_ended),
                cmocka_unit_test(what_comes_in_drops_is_put_together),
                cmocka_unit_test(nobody_waits_without_end),
                cmocka_unit_test(a_message_that_nobody_would_take_is_not_sent),
        };

        return cmocka_run_group_tests_name("protocol_message", tests, NULL, NULL);
}
