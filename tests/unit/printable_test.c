/* What is shown of other people's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/printable.h"

static void no_text_speaks_to_a_terminal(void **state)
{
        static const char *const texts[][2] = {
                {"plain words\non two lines", "plain words\non two lines"},
                {"\033[2J\007\177", "?[2J??"},
                {"\xc2\x9b"
                 "2J",
                 "??2J"},
                {"\xc2\x80\xc2\x9f", "????"},
                {"caf\xc3\xa9, \xc3\x9f, \xc2\xa0, \xe2\x82\xac", "caf\xc3\xa9, \xc3\x9f, \xc2\xa0, \xe2\x82\xac"},
                {"cut \xc2", "cut \xc2"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_free_ char *text = strdup(texts[i][0]);

                text_make_printable(text, "\n", '?');
                assert_string_equal(text, texts[i][1]);
        }
}

static void a_control_character_is_as_long_as_its_bytes(void **state)
{
        (void)state;
        assert_int_equal(control_character(""), 0);
        assert_int_equal(control_character("a\033"), 0);
        assert_int_equal(control_character("\033["), 1);
        assert_int_equal(control_character("\177"), 1);
        assert_int_equal(control_character("\xc2\x9b["), 2);
        assert_int_equal(control_character("\xc2"), 0);
        assert_int_equal(control_character("\xc2\xa0"), 0);
        assert_int_equal(control_character("\xc3\x9b"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_text_speaks_to_a_terminal),
                cmocka_unit_test(a_control_character_is_as_long_as_its_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
