/* Questions and answers on TCP connections, in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmmode/protocol/question.h"
#include "vmmode/protocol/resolver.h"

#include <cmocka.h>

static int set_up(void **state)
{
        static int pair[2];

        *state = pair;
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
        int *pair = *state;

        close(pair[0]);
        return close(pair[1]);
}

static void a_text_comes_whole_however_it_is_cut(void **state)
{
        static const char bytes[] = "\0\5hello";
        struct tcp_text text = {0};
        int *pair = *state;

        for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
                assert_int_equal(tcp_text_receive(&text, pair[0]), 0);
                assert_int_equal(send(pair[1], bytes + i, 1, 0), 1);
        }
        assert_int_equal(tcp_text_receive(&text, pair[0]), 1);
        assert_int_equal(text.used, TCP_LENGTH_SIZE + 5);
        assert_memory_equal(text.bytes + TCP_LENGTH_SIZE, "hello", 5);
        tcp_text_free(&text);
}

static void what_follows_is_left_where_it_is(void **state)
{
        struct tcp_text text = {0};
        int *pair = *state;
        char rest;

        assert_int_equal(send(pair[1], "\0\1ab", 4, 0), 4);
        assert_int_equal(tcp_text_receive(&text, pair[0]), 1);
        assert_int_equal(text.used, TCP_LENGTH_SIZE + 1);
        assert_int_equal(recv(pair[0], &rest, 1, MSG_DONTWAIT), 1);
        assert_int_equal(rest, 'b');
        tcp_text_free(&text);
}

static void an_end_in_the_middle_is_an_error(void **state)
{
        struct tcp_text text = {0};
        int *pair = *state;

        assert_int_equal(send(pair[1], "\1\0a", 3, 0), 3);
        assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
        assert_int_equal(tcp_text_receive(&text, pair[0]), -ECONNRESET);
        tcp_text_free(&text);
}

static void the_largest_goes_as_the_other_side_takes_it(void **state)
{
        static unsigned char bytes[RESOLVER_BYTES_MAX + 1];
        struct tcp_text out = {0}, in = {0};
        int *pair = *state, small = 4096, sent = 0, got = 0;

        memset(bytes, 'x', sizeof(bytes));
        assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
        assert_int_equal(tcp_text_set(&out, bytes, sizeof(bytes)), -EMSGSIZE);
        assert_int_equal(tcp_text_set(&out, bytes, RESOLVER_BYTES_MAX), 0);
        for (int turns = 0; !got && turns < 1000; turns++) {
                sent = sent ? 1 : tcp_text_send(&out, pair[1]);
                assert_true(sent >= 0);
                got = tcp_text_receive(&in, pair[0]);
                assert_true(got >= 0);
        }
        assert_int_equal(got, 1);
        assert_int_equal(in.used, TCP_LENGTH_SIZE + RESOLVER_BYTES_MAX);
        assert_memory_equal(in.bytes + TCP_LENGTH_SIZE, bytes, RESOLVER_BYTES_MAX);
        tcp_text_free(&out);
        tcp_text_free(&in);
}

static void nobody_who_reads_is_an_error(void **state)
{
        struct tcp_text text = {0};
        int *pair = *state;

        assert_int_equal(tcp_text_set(&text, "a", 1), 0);
        assert_int_equal(shutdown(pair[0], SHUT_RDWR), 0);
        assert_int_equal(tcp_text_send(&text, pair[1]), -EPIPE);
        tcp_text_free(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_text_comes_whole_however_it_is_cut, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_follows_is_left_where_it_is, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_end_in_the_middle_is_an_error, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_largest_goes_as_the_other_side_takes_it, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nobody_who_reads_is_an_error, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
