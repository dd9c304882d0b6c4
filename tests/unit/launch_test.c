/* Starting the init: what it says when it fails, and being born through a carrier. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "runtime/core/launch.h"

#include <cmocka.h>

/* Not a plan: the init refuses it as the first thing that it does. */
static const char no_plan[64] = "this is not a plan";

static struct launch launch_of(struct carrier *carrier)
{
        return (struct launch){
                .plan = no_plan,
                .plan_size = sizeof(no_plan),
                .procfs = -EBADF,
                .cgroup = -EBADF,
                .carrier = carrier,
                .step_deadline_ms = 20000,
                .interrupt = -EBADF,
        };
}

static void expect_no_child_left(void)
{
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static void expect_the_inits_own_words(int r)
{
        assert_true(r < 0);
        if (!strstr(error_message(), "plan"))
                print_error("%s\n", error_message());
        assert_non_null(strstr(error_message(), "plan"));
}

static void what_the_init_says_at_its_end_is_the_error(void **state)
{
        struct launch launch = launch_of(NULL);
        struct launched launched = LAUNCHED_NONE;

        (void)state;
        expect_the_inits_own_words(launch_begin(&launch, &launched));
        assert_true(launched.born);
        expect_no_child_left();
}

/* The init ends before anybody speaks to it: the far end of the channel is closed, and full of its words. */
static int release_the_dead(void *data, struct launched *launched)
{
        int r = wait_fd(launched->pidfd, POLLIN, 20000);

        (void)data;
        assert_true(r > 0);
        r = launch_release(launched, -EBADF);
        assert_int_equal(r, -EPIPE);
        return r;
}

static void an_init_that_cannot_be_spoken_to_any_more_is_heard_all_the_same(void **state)
{
        struct launch launch = launch_of(NULL);
        struct launched launched = LAUNCHED_NONE;

        (void)state;
        launch.on_started = release_the_dead;
        expect_the_inits_own_words(launch_begin(&launch, &launched));
        expect_no_child_left();
}

static void an_init_that_a_carrier_bears_is_our_child(void **state)
{
        struct carrier carrier = CARRIER_NONE;
        struct launch launch = launch_of(&carrier);
        struct launched launched = LAUNCHED_NONE;

        (void)state;
        assert_int_equal(carrier_begin(&carrier), 0);
        assert_true(carrier.pid > 0);
        launch.on_started = release_the_dead; /* waits for it by its pidfd */
        expect_the_inits_own_words(launch_begin(&launch, &launched));
        assert_true(launched.born);
        assert_int_equal(carrier.pid, 0);
        expect_no_child_left();
}

static void a_carrier_that_was_killed_is_an_error(void **state)
{
        struct carrier carrier = CARRIER_NONE;
        struct launch launch = launch_of(&carrier);
        struct launched launched = LAUNCHED_NONE;

        (void)state;
        assert_int_equal(carrier_begin(&carrier), 0);
        assert_int_equal(kill(carrier.pid, SIGKILL), 0);
        assert_int_equal(launch_begin(&launch, &launched), -ECHILD);
        assert_non_null(strstr(error_message(), "clone in the cgroup"));
        assert_false(launched.born);
        expect_no_child_left();
}

static void a_carrier_that_is_not_needed_leaves_nothing(void **state)
{
        struct carrier carrier = CARRIER_NONE;
        int fd = dup(0), again;

        (void)state;
        close(fd);
        assert_int_equal(carrier_begin(&carrier), 0);
        carrier_end(&carrier);
        carrier_end(&carrier);
        expect_no_child_left();
        again = dup(0);
        close(again);
        assert_int_equal(again, fd);
}

static void a_signal_ends_the_wait_for_a_carrier(void **state)
{
        struct carrier carrier = CARRIER_NONE;
        struct launch launch = launch_of(&carrier);
        struct launched launched = LAUNCHED_NONE;
        int interrupt[2];

        (void)state;
        assert_int_equal(pipe2(interrupt, O_CLOEXEC), 0);
        assert_int_equal(write(interrupt[1], "", 1), 1);
        assert_int_equal(carrier_begin(&carrier), 0);
        assert_int_equal(kill(carrier.pid, SIGSTOP), 0);
        launch.interrupt = interrupt[0];
        assert_int_equal(launch_begin(&launch, &launched), -EINTR);
        expect_no_child_left();
        close(interrupt[0]);
        close(interrupt[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_the_init_says_at_its_end_is_the_error),
                cmocka_unit_test(an_init_that_cannot_be_spoken_to_any_more_is_heard_all_the_same),
                cmocka_unit_test(an_init_that_a_carrier_bears_is_our_child),
                cmocka_unit_test(a_carrier_that_was_killed_is_an_error),
                cmocka_unit_test(a_carrier_that_is_not_needed_leaves_nothing),
                cmocka_unit_test(a_signal_ends_the_wait_for_a_carrier),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
