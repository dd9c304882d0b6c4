/* What the agent takes for a launch, and what it refuses. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/agent/launch_request.h"

#include <cmocka.h>

struct made {
        struct message message;
        struct launch_request request;
        int result;
};

static void made_release(struct made *made)
{
        launch_request_free(&made->request);
        message_free(&made->message);
}

#define _cleanup_made_ _cleanup_(made_release)

static void put_plan(struct message_builder *builder, const int *timeouts, size_t n)
{
        struct plan_builder plan = {0};
        size_t size;
        void *block;

        for (size_t i = 0; i < n; i++)
                PLAN_ADD(&plan, HOOK, hook)->timeout = timeouts[i];
        PLAN_ADD(&plan, EXEC, exec);
        assert_int_equal(plan_finish(&plan, &block, &size), 0);
        message_put(builder, PART_PLAN, block, size);
        free(block);
}

/* The message goes over a stream, as it does in life. */
static struct made take(struct message_builder *builder)
{
        struct made made = {0};
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(message_send(pair[0], builder, now_ms() + 5000), 0);
        assert_int_equal(message_receive(pair[1], MESSAGE_MAX, &made.message, now_ms() + 5000), 0);
        close(pair[0]);
        close(pair[1]);
        error_clear();
        made.result = launch_request_read(&made.message, &made.request);
        return made;
}

static void begin_without_plan(struct message_builder *builder, const char *id)
{
        message_begin(builder, MESSAGE_LAUNCH);
        message_put_number(builder, PART_VERSION, PROTOCOL_VERSION);
        message_put_text(builder, PART_ID, id);
}

static void begin(struct message_builder *builder, const char *id)
{
        begin_without_plan(builder, id);
        put_plan(builder, NULL, 0);
}

static void put_limit(struct message_builder *builder, const char *file, uint32_t bits)
{
        const struct message_write write = {.bits = bits, .file = file, .value = "1", .field = file};

        message_put_write(builder, &write);
}

static void everything_that_is_said_is_understood(void **state)
{
        const uint8_t slots[] = {SLOT_TREE_ALL, SLOT_NOTHING, SLOT_TREE};
        const struct bpf_insn program[2] = {{.code = 0xb7}, {.code = 0x95}};
        struct message_builder builder;

        (void)state;
        begin(&builder, "web");
        message_put_number(&builder, PART_FLAGS, MESSAGE_IS_EXEC | MESSAGE_STAGED | MESSAGE_TERMINAL);
        message_put(&builder, PART_SLOTS, slots, sizeof(slots));
        message_put_text(&builder, PART_CGROUP, "/inner");
        message_put_number(&builder, PART_NAMESPACES, 0x7c020000);
        message_put_number(&builder, PART_CONTROLLERS, CGROUP_MEMORY | CGROUP_PIDS);
        message_put(&builder, PART_DEVICE_PROGRAM, program, sizeof(program));
        message_put_number(&builder, PART_OWNER, 1000);
        message_put_text(&builder, PART_AFFINITY, "0-1");
        {
                _cleanup_made_ struct made made = take(&builder);
                const struct launch_request *request = &made.request;

                assert_int_equal(made.result, 0);
                assert_string_equal(request->id, "web");
                assert_true(request->exec && request->staged && request->terminal);
                assert_int_equal(request->n_slots, 3);
                assert_memory_equal(request->sources, slots, sizeof(slots));
                assert_string_equal(request->cgroup, "/inner");
                assert_int_equal(request->namespaces, 0x7c020000);
                assert_int_equal(request->writes.controllers, CGROUP_MEMORY | CGROUP_PIDS);
                assert_int_equal(request->n_instructions, 2);
                assert_memory_equal(request->device_program, program, sizeof(program));
                assert_int_equal(request->owner, 1000);
                assert_string_equal(request->affinity, "0-1");
        }
}

static void the_limit_of_processes_comes_last_and_the_others_keep_their_order(void **state)
{
        static const char *const order[] = {"cpu.max", "io.bfq.weight", "io.weight", "pids.max"};
        struct message_builder builder;

        (void)state;
        begin(&builder, "web");
        put_limit(&builder, "cpu.max", 0);
        put_limit(&builder, "pids.max", 0);
        put_limit(&builder, "io.bfq.weight", MESSAGE_WRITE_MAY_BE_MISSING);
        put_limit(&builder, "io.weight", MESSAGE_WRITE_UNLESS_BEFORE);
        {
                _cleanup_made_ struct made made = take(&builder);

                assert_int_equal(made.result, 0);
                assert_int_equal(made.request.writes.n, ELEMENTS(order));
                for (size_t i = 0; i < ELEMENTS(order); i++)
                        assert_string_equal(made.request.writes.v[i].file, order[i]);
                assert_int_equal(launch_request_early_writes(&made.request), 3);
                assert_true(made.request.writes.v[1].may_be_missing && !made.request.writes.v[1].unless_before);
                assert_true(made.request.writes.v[2].unless_before && !made.request.writes.v[2].may_be_missing);
        }
}

static void without_a_limit_of_processes_all_are_early(void **state)
{
        struct message_builder builder;

        (void)state;
        begin(&builder, "web");
        put_limit(&builder, "cpu.max", 0);
        {
                _cleanup_made_ struct made made = take(&builder);

                assert_int_equal(launch_request_early_writes(&made.request), 1);
        }
        begin(&builder, "web");
        {
                _cleanup_made_ struct made made = take(&builder);

                assert_int_equal(made.result, 0);
                assert_int_equal(launch_request_early_writes(&made.request), 0);
        }
}

static void ids_that_lead_elsewhere_are_refused(void **state)
{
        static const char *const ids[] = {"", ".", "..", "a/b", "/", ".hidden"};
        char large[300];
        struct message_builder builder;

        (void)state;
        memset(large, 'a', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        for (size_t i = 0; i <= ELEMENTS(ids); i++) {
                begin(&builder, i < ELEMENTS(ids) ? ids[i] : large);
                {
                        _cleanup_made_ struct made made = take(&builder);

                        assert_int_equal(made.result, -EINVAL);
                        assert_non_null(strstr(error_message(), "container ID"));
                }
        }
}

static void expect_refusal(struct message_builder *builder, int expected, const char *word)
{
        _cleanup_made_ struct made made = take(builder);

        assert_int_equal(made.result, expected);
        if (!strstr(error_message(), word))
                fail_msg("%s", error_message());
}

static void damaged_parts_are_refused(void **state)
{
        static const uint8_t many[PLAN_SLOTS_MAX + 1];
        struct message_builder builder;

        (void)state;
        begin_without_plan(&builder, "web");
        expect_refusal(&builder, -EBADMSG, "plan");
        begin_without_plan(&builder, "web");
        message_put(&builder, PART_PLAN, many, sizeof(many));
        expect_refusal(&builder, -EINVAL, "plan");
        begin(&builder, "web");
        message_put(&builder, PART_SLOTS, many, sizeof(many));
        expect_refusal(&builder, -E2BIG, "descriptors");
        begin(&builder, "web");
        message_put(&builder, PART_DEVICE_PROGRAM, many, sizeof(struct bpf_insn) + 1);
        expect_refusal(&builder, -EBADMSG, "device program");
        begin(&builder, "web");
        message_put(&builder, PART_WRITE, many, 3);
        expect_refusal(&builder, -EBADMSG, "limit 0");
        begin(&builder, "web");
        put_limit(&builder, "../cgroup.procs", 0);
        expect_refusal(&builder, -EBADMSG, "limit 0");
        begin(&builder, "web");
        for (int i = 0; i < 4097; i++)
                put_limit(&builder, "cpu.max", 0);
        expect_refusal(&builder, -E2BIG, "limits");
}

static void another_version_is_refused(void **state)
{
        struct message_builder builder;

        (void)state;
        message_begin(&builder, MESSAGE_LAUNCH);
        message_put_number(&builder, PART_VERSION, PROTOCOL_VERSION + 1);
        message_put_text(&builder, PART_ID, "web");
        put_plan(&builder, NULL, 0);
        expect_refusal(&builder, -EPROTO, "another version");
        message_begin(&builder, MESSAGE_LAUNCH);
        message_put_text(&builder, PART_ID, "web");
        put_plan(&builder, NULL, 0);
        expect_refusal(&builder, -EPROTO, "another version");
}

static int deadline_with(const int *timeouts, size_t n)
{
        struct message_builder builder;

        begin_without_plan(&builder, "web");
        put_plan(&builder, timeouts, n);
        {
                _cleanup_made_ struct made made = take(&builder);

                assert_int_equal(made.result, 0);
                return launch_request_deadline_ms(&made.request);
        }
}

static void hooks_have_their_time_on_top(void **state)
{
        const int usual[] = {10, 0}, endless[] = {INT_MAX, INT_MAX};

        (void)state;
        assert_int_equal(deadline_with(NULL, 0), 60000);
        assert_int_equal(deadline_with(usual, 2), 60000 + 10000 + 600000);
        assert_int_equal(deadline_with(endless, 2), INT_MAX / 1000 * 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_that_is_said_is_understood),
                cmocka_unit_test(the_limit_of_processes_comes_last_and_the_others_keep_their_order),
                cmocka_unit_test(without_a_limit_of_processes_all_are_early),
                cmocka_unit_test(ids_that_lead_elsewhere_are_refused),
                cmocka_unit_test(damaged_parts_are_refused),
                cmocka_unit_test(another_version_is_refused),
                cmocka_unit_test(hooks_have_their_time_on_top),
        };

        return cmocka_run_group_tests_name("agent_launch_request", tests, NULL, NULL);
}
