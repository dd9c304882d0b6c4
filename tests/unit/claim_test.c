#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/cleanup.h"
#include "base/path.h"

#include <cmocka.h>

/* Where web and db are. */
struct place {
        char path[32];
        int claims, owners;
        char text[CLAIM_TEXT_SIZE];
};

static int make_place(void **state)
{
        static struct place place;
        int top;

        strcpy(place.path, "/tmp/claim-XXXXXX");
        if (!mkdtemp(place.path))
                return -1;
        top = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (mkdirat(top, "claims", 0700) < 0 || mkdirat(top, "owners", 0700) < 0)
                return -1;
        place.claims = openat(top, "claims", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        place.owners = openat(top, "owners", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(top);
        if (mkdirat(place.owners, "web", 0700) < 0 || mkdirat(place.owners, "db", 0700) < 0)
                return -1;
        *state = &place;
        return 0;
}

static int remove_place(void **state)
{
        struct place *place = *state;

        close(place->claims);
        close(place->owners);
        return remove_tree_at(AT_FDCWD, place->path);
}

static void assert_owner(struct place *place, const char *what, const char *owner)
{
        char text[CLAIM_TEXT_SIZE];

        assert_int_equal(claim_read(place->claims, what, text), 0);
        assert_string_equal(text, owner);
}

static void what_one_has_no_other_gets(void **state)
{
        struct place *place = *state;

        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), 0);
        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), 0);
        assert_int_equal(claim_take(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
        assert_string_equal(place->text, "web");
        assert_int_equal(claim_keep(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
        assert_int_equal(claim_check(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
        assert_string_equal(place->text, "web");
        assert_int_equal(claim_check(place->claims, "7", "web", place->owners, place->text), 0);
        assert_int_equal(claim_check(place->claims, "8", "db", place->owners, place->text), 0);
        assert_int_equal(claim_take(place->claims, "8", "db", place->owners, place->text), 0);
        assert_owner(place, "7", "web");
}

static void what_an_owner_that_is_gone_left_is_taken_over(void **state)
{
        struct place *place = *state;

        assert_int_equal(claim_take(place->claims, "7", "gone", place->owners, place->text), 0);
        assert_int_equal(claim_take(place->claims, "7", "db", place->owners, place->text), 0);
        assert_owner(place, "7", "db");
}

static void it_is_dropped_when_its_owner_is_gone(void **state)
{
        struct place *place = *state;

        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), 0);
        assert_int_equal(claim_drop(place->claims, "7", place->owners), 0);
        assert_owner(place, "7", "web");
        assert_int_equal(unlinkat(place->owners, "web", AT_REMOVEDIR), 0);
        assert_int_equal(claim_drop(place->claims, "7", place->owners), 0);
        assert_int_equal(claim_read(place->claims, "7", place->text), -ENOENT);
        assert_int_equal(claim_drop(place->claims, "7", place->owners), 0);
}

static void under_two_names_it_is_taken_while_either_is_there(void **state)
{
        struct place *place = *state;

        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), 0);
        assert_int_equal(claim_hand_over(place->claims, "7", "web:front"), 0);
        /* Neither another nor one that has got the name in the meantime. */
        assert_int_equal(claim_take(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
        assert_int_equal(claim_take(place->claims, "7", "front", place->owners, place->text), -EADDRINUSE);
        assert_int_equal(renameat(place->owners, "web", place->owners, "front"), 0);
        assert_int_equal(claim_take(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), -EADDRINUSE);
        assert_string_equal(place->text, "web:front");
        assert_int_equal(claim_drop(place->claims, "7", place->owners), 0);
        assert_int_equal(claim_keep(place->claims, "7", "front", place->owners, place->text), 0);
        assert_owner(place, "7", "front");
}

static void an_owner_keeps_it_though_its_other_name_is_anothers(void **state)
{
        struct place *place = *state;

        assert_int_equal(claim_hand_over(place->claims, "7", "web:db"), 0);
        assert_int_equal(claim_keep(place->claims, "7", "web", place->owners, place->text), 0);
        assert_owner(place, "7", "web");
        assert_int_equal(claim_keep(place->claims, "7", "db", place->owners, place->text), -EADDRINUSE);
}

static void what_is_no_link_is_an_error(void **state)
{
        struct place *place = *state;

        assert_int_equal(mkdirat(place->claims, "7", 0700), 0);
        assert_int_equal(claim_take(place->claims, "7", "web", place->owners, place->text), -EINVAL);
        assert_int_equal(claim_drop(place->claims, "7", place->owners), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_one_has_no_other_gets, make_place, remove_place),
                cmocka_unit_test_setup_teardown(what_an_owner_that_is_gone_left_is_taken_over, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(it_is_dropped_when_its_owner_is_gone, make_place, remove_place),
                cmocka_unit_test_setup_teardown(under_two_names_it_is_taken_while_either_is_there, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(an_owner_keeps_it_though_its_other_name_is_anothers, make_place,
                                                remove_place),
                cmocka_unit_test_setup_teardown(what_is_no_link_is_an_error, make_place, remove_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
