/* The chain of messages. Calls into base/error.h stand in front of cmocka.h, whose macro fail() has the same name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int start(int err, const char *text)
{
        return fail(err, "%s", text);
}

#undef fail
#include <cmocka.h>

static void a_chain_begins_with_what_failed_and_why(void **state)
{
        (void)state;
        assert_int_equal(start(ENOENT, "open /x"), -ENOENT);
        assert_string_equal(error_message(), "open /x: No such file or directory");
}

static void a_refusal_is_its_own_reason(void **state)
{
        (void)state;
        assert_int_equal(refuse(EINVAL, "field %d: wrong", 3), -EINVAL);
        assert_string_equal(error_message(), "field 3: wrong");
}

static void callers_add_to_the_front(void **state)
{
        (void)state;
        start(EPERM, "open target");
        assert_int_equal(fail_in(-EPERM, "mount %s", "/proc"), -EPERM);
        assert_int_equal(fail_in(-EPERM, "mounts[%d]", 0), -EPERM);
        assert_string_equal(error_message(), "mounts[0]: mount /proc: open target: Operation not permitted");
}

static void a_bare_errno_becomes_a_chain(void **state)
{
        (void)state;
        error_clear();
        assert_string_equal(error_message(), "");
        assert_int_equal(fail_in(-EIO, "read the state"), -EIO);
        assert_string_equal(error_message(), "read the state: Input/output error");
}

static void a_new_chain_forgets_the_old_one(void **state)
{
        (void)state;
        refuse(EINVAL, "first");
        refuse(EINVAL, "second");
        assert_string_equal(error_message(), "second");
        error_clear();
        assert_string_equal(error_message(), "");
}

static void a_chain_may_hold_itself(void **state)
{
        (void)state;
        refuse(EINVAL, "inner");
        fail_in(-EINVAL, "outer (%s)", error_message());
        assert_string_equal(error_message(), "outer (inner): inner");
}

static void messages_that_are_too_long_are_cut_and_stay_text(void **state)
{
        char *text = malloc(2 * ERROR_MESSAGE_MAX);

        (void)state;
        memset(text, 'a', 2 * ERROR_MESSAGE_MAX - 1);
        text[2 * ERROR_MESSAGE_MAX - 1] = '\0';
        assert_int_equal(start(EIO, text), -EIO);
        assert_int_equal(strlen(error_message()), ERROR_MESSAGE_MAX - 1);
        assert_int_equal(fail_in(-EIO, "%s", text), -EIO);
        assert_int_equal(strlen(error_message()), ERROR_MESSAGE_MAX - 1);
        refuse(EIO, "%s", text);
        fail_in(-EIO, "front");
        assert_int_equal(strlen(error_message()), ERROR_MESSAGE_MAX - 1);
        assert_int_equal(strncmp(error_message(), "front: aaa", 10), 0);
        text[ERROR_MESSAGE_MAX - 3] = '\0';
        start(EIO, text);
        assert_string_equal(error_message() + ERROR_MESSAGE_MAX - 3, ": ");
        free(text);
        error_clear();
}

static void formats_in_the_names_of_objects_stay_text(void **state)
{
        (void)state;
        start(ENOENT, "open %s%n");
        fail_in(-ENOENT, "mount %s", "%d%n");
        assert_string_equal(error_message(), "mount %d%n: open %s%n: No such file or directory");
        error_clear();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_chain_begins_with_what_failed_and_why),
                cmocka_unit_test(a_refusal_is_its_own_reason),
                cmocka_unit_test(callers_add_to_the_front),
                cmocka_unit_test(a_bare_errno_becomes_a_chain),
                cmocka_unit_test(a_new_chain_forgets_the_old_one),
                cmocka_unit_test(a_chain_may_hold_itself),
                cmocka_unit_test(messages_that_are_too_long_are_cut_and_stay_text),
                cmocka_unit_test(formats_in_the_names_of_objects_stay_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
