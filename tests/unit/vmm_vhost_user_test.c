/* A process that serves a device and does not read, does not answer, or has gone: an error in time, and the connection
 * is given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "vmmode/vmm/vhost_user.h"

#include <cmocka.h>

#define TIMEOUT_MS 100

static struct vhost_user back_end;
static int other; /* end of the connection */

static int connect_both(void **state)
{
        int ends[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        back_end = (struct vhost_user){.socket = ends[0], .name = "disk", .timeout_ms = TIMEOUT_MS};
        other = ends[1];
        return 0;
}

static int close_both(void **state)
{
        (void)state;
        close(back_end.socket);
        if (other >= 0)
                close(other);
        return 0;
}

static void assert_lost(int64_t since, const char *why)
{
        char text[128];

        snprintf(text, sizeof(text), "disk: the process that serves it %s", why);
        assert_string_equal(error_message(), text);
        assert_true(back_end.gone);
        assert_true(now_ms() - since < 50 * TIMEOUT_MS);
}

static void silent(void **state)
{
        int64_t start = now_ms();
        uint64_t features;

        (void)state;
        assert_int_equal(vhost_user_begin(&back_end, &features), -ECONNRESET);
        assert_lost(start, "does not answer");
}

static void deaf(void **state)
{
        char full[4096] = {0};
        int64_t start = now_ms();
        uint64_t features;

        (void)state;
        while (send(back_end.socket, full, sizeof(full), MSG_DONTWAIT) > 0)
                ;
        while (send(back_end.socket, full, 1, MSG_DONTWAIT) > 0)
                ;
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(vhost_user_begin(&back_end, &features), -ECONNRESET);
        assert_lost(start, "does not listen");
}

static void gone(void **state)
{
        int64_t start = now_ms();
        uint64_t features;

        (void)state;
        close(other);
        other = -EBADF;
        assert_int_equal(vhost_user_begin(&back_end, &features), -ECONNRESET);
        assert_lost(start, "ended");
        assert_int_equal(vhost_user_begin(&back_end, &features), -ECONNRESET);
        assert_lost(start, "is gone");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(silent, connect_both, close_both),
                cmocka_unit_test_setup_teardown(deaf, connect_both, close_both),
                cmocka_unit_test_setup_teardown(gone, connect_both, close_both),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
