/* What berth-proxy asks its machine, and what it makes of the answers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/proxy/proxy.h"
#include "vmmode/vmm/control.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

/* The answer is there before it is asked. *request: what the machine got. */
static int plug(const void *answer, size_t size, struct control_net *request)
{
        static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
        struct proxy proxy = {.channel = -EBADF, .signals = -EBADF, .vmm.output = -EBADF, .file_server.output = -EBADF};
        int pair[2], tap = open("/dev/null", O_RDWR | O_CLOEXEC), got = -EBADF, r;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        proxy.vmm_control = pair[0];
        assert_int_equal(send_message(pair[1], answer, size, NULL, 0), 0);
        r = machine_plug(&proxy, 3, mac, 1400, tap);
        assert_int_equal(receive_message(pair[1], request, sizeof(*request), &got, 1, 1000), sizeof(*request));
        assert_true(got >= 0);
        assert_memory_equal(request->mac, mac, sizeof(mac));
        close(got);
        close(tap);
        close(pair[0]);
        close(pair[1]);
        return r;
}

static void a_tap_is_handed_over_with_what_the_device_needs(void **state)
{
        struct control_net request;
        const int32_t done = 0;

        (void)state;
        assert_int_equal(plug(&done, sizeof(done), &request), 0);
        assert_int_equal(request.kind, CONTROL_NET);
        assert_int_equal(request.index, 3);
        assert_int_equal(request.mtu, 1400);
}

static void a_refusal_is_the_machines_own(void **state)
{
        struct control_net request;
        const int32_t busy = -EBUSY;

        (void)state;
        assert_int_equal(plug(&busy, sizeof(busy), &request), -EBUSY);
        assert_non_null(strstr(error_message(), "network device 3"));
}

static void what_is_no_answer_is_refused(void **state)
{
        struct control_net request;
        const int32_t least = INT32_MIN;

        (void)state;
        assert_int_equal(plug(&least, sizeof(least), &request), -EPROTO);
        assert_int_equal(plug(&least, 1, &request), -EPROTO);
        assert_string_equal(error_message(), "the machine answers nonsense about network device 3");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tap_is_handed_over_with_what_the_device_needs),
                cmocka_unit_test(a_refusal_is_the_machines_own),
                cmocka_unit_test(what_is_no_answer_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
