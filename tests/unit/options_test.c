#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/options.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

struct values {
        bool force, all;
        struct option_switch tty;
        const char *bundle, *mount_context;
        struct option_list env;
        struct option_number fds;
        struct option_bytes memory;
        struct option_duration interval, timeout;
};

static const struct option_spec specs[] = {
        OPTION(struct values, force, "force", 'f', NULL, ""),
        OPTION(struct values, all, "all", 'a', NULL, ""),
        OPTION(struct values, tty, "tty", 't', NULL, ""),
        OPTION(struct values, bundle, "bundle", 'b', "DIR", ""),
        OPTION(struct values, mount_context, "lsm-mount-context", 0, "CONTEXT", ""),
        OPTION(struct values, env, "env", 'e', "ENV", ""),
        OPTION_BETWEEN(struct values, fds, "preserve-fds", 0, "N", 0, 100, ""),
        OPTION(struct values, memory, "memory", 0, "BYTES", ""),
        OPTION_BETWEEN(struct values, interval, "interval", 0, "DURATION", 1, INT32_MAX, ""),
        OPTION(struct values, timeout, "timeout", 0, "DURATION", ""),
};
static const struct option_table table = OPTION_TABLE(specs);

struct line {
        struct values values;
        const char *arguments[16];
        struct option_positionals positionals;
};

/* Parses a NULL-terminated list of words. */
static int parse(struct line *line, bool stop_at_first, char **words)
{
        int n = 0;

        memset(line, 0, sizeof(*line));
        line->positionals = (struct option_positionals){line->arguments, 0, stop_at_first};
        while (words[n])
                n++;
        error_clear();
        return options_parse(&table, n, words, &line->values, &line->positionals);
}

#define PARSE(line, ...)       parse(line, false, (char *[]){__VA_ARGS__, NULL})
#define PARSE_FIRST(line, ...) parse(line, true, (char *[]){__VA_ARGS__, NULL})

static void every_spelling_of_a_value_is_understood(void **state)
{
        char *spellings[][3] = {{"--bundle=/b"}, {"--bundle", "/b"}, {"-b", "/b"},      {"-b/b"},
                                {"-b=/b"},       {"-bundle=/b"},     {"-bundle", "/b"}, {"-fb", "/b"}};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(spellings); i++) {
                struct line line;

                assert_int_equal(parse(&line, false, spellings[i]), 0);
                assert_string_equal(line.values.bundle, "/b");
                assert_int_equal(line.positionals.n, 0);
        }
}

static void flags_may_be_clustered_and_may_have_a_value(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "-fat"), 0);
        assert_true(line.values.force && line.values.all && line.values.tty.set && line.values.tty.value);
        assert_int_equal(PARSE(&line, "--tty=false", "--force=true", "-a=0"), 0);
        assert_true(line.values.tty.set && !line.values.tty.value && line.values.force && !line.values.all);
        assert_int_equal(PARSE(&line, "-t=no"), 0);
        assert_true(line.values.tty.set && !line.values.tty.value);
        assert_int_equal(PARSE(&line, "--force=maybe"), -EINVAL);
        assert_string_equal(error_message(), "invalid value 'maybe' for flag --force: expected true or false");
}

static void a_missing_value_is_told_in_the_words_that_podman_looks_for(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "--lsm-mount-context"), -EINVAL);
        assert_string_equal(error_message(), "flag needs an argument: --lsm-mount-context");
        assert_int_equal(PARSE(&line, "-b"), -EINVAL);
        assert_string_equal(error_message(), "flag needs an argument: -b");
        assert_int_equal(PARSE(&line, "-fb"), -EINVAL);
        assert_string_equal(error_message(), "flag needs an argument: -b");
}

static void an_unknown_flag_is_an_error_that_names_it(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "--bogus=1"), -EINVAL);
        assert_string_equal(error_message(), "unknown flag: --bogus");
        assert_int_equal(PARSE(&line, "-fx"), -EINVAL);
        assert_string_equal(error_message(), "unknown flag: -x");
        assert_int_equal(PARSE(&line, "--bund=/b"), -EINVAL);
}

static void a_list_keeps_every_value_in_order(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "-e", "A=1", "--env=B=2", "-eC=", "-e", ""), 0);
        assert_int_equal(line.values.env.n, 4);
        assert_string_equal(line.values.env.v[0], "A=1");
        assert_string_equal(line.values.env.v[1], "B=2");
        assert_string_equal(line.values.env.v[2], "C=");
        assert_string_equal(line.values.env.v[3], "");
        options_release(&table, &line.values);
        assert_null(line.values.env.v);
}

static void options_may_follow_the_arguments(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "web", "-f", "KILL", "--bundle", "/b", "-"), 0);
        assert_true(line.values.force);
        assert_int_equal(line.positionals.n, 3);
        assert_string_equal(line.arguments[1], "KILL");
        assert_string_equal(line.arguments[2], "-");
}

static void options_of_exec_end_at_the_first_argument(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE_FIRST(&line, "-t", "web", "ls", "-f", "--", "--help"), 0);
        assert_false(line.values.force);
        assert_int_equal(line.positionals.n, 5);
        assert_string_equal(line.arguments[2], "-f");
        assert_string_equal(line.arguments[3], "--");
}

static void two_dashes_end_the_options(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "-f", "--", "-a", "--help"), 0);
        assert_false(line.values.all);
        assert_int_equal(line.positionals.n, 2);
        assert_string_equal(line.arguments[0], "-a");
}

static void help_is_asked_for_in_every_usual_way(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "web", "--help"), OPTIONS_HELP);
        assert_int_equal(PARSE(&line, "-h"), OPTIONS_HELP);
        assert_int_equal(PARSE(&line, "-?"), OPTIONS_HELP);
        assert_int_equal(PARSE(&line, "-fh"), OPTIONS_HELP);
        assert_int_equal(PARSE_FIRST(&line, "web", "--help"), 0);
}

static void numbers_are_strict_and_bounded(void **state)
{
        static const char *const bad[] = {"", "+1", "01", "1 ", "0x1", "1k", "-1", "101", "99999999999999999999"};
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "--preserve-fds", "100"), 0);
        assert_true(line.values.fds.set);
        assert_int_equal(line.values.fds.value, 100);
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                char word[64];

                snprintf(word, sizeof(word), "--preserve-fds=%s", bad[i]);
                assert_int_equal(PARSE(&line, word), -EINVAL);
                assert_non_null(strstr(error_message(), "--preserve-fds: expected a number from 0 to 100"));
        }
}

static void bytes_and_durations_carry_units(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(PARSE(&line, "--memory=64m", "--interval", "1m30s"), 0);
        assert_int_equal(line.values.memory.value, 64 << 20);
        assert_int_equal(line.values.interval.milliseconds, 90000);
        assert_int_equal(PARSE(&line, "--memory=-1"), 0);
        assert_int_equal(line.values.memory.value, -1);
        assert_int_equal(PARSE(&line, "--memory=-2"), -EINVAL);
        assert_int_equal(PARSE(&line, "--memory=lots"), -EINVAL);
        assert_int_equal(PARSE(&line, "--interval=0s"), -EINVAL);
        assert_int_equal(PARSE(&line, "--interval=0"), -EINVAL);
        assert_int_equal(PARSE(&line, "--timeout=0"), 0);
        assert_true(line.values.timeout.set);
        assert_int_equal(line.values.timeout.milliseconds, 0);
        assert_int_equal(PARSE(&line, "--interval=5"), 0);
        assert_int_equal(line.values.interval.milliseconds, 5000);
        assert_int_equal(PARSE(&line, "--interval=5x"), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_spelling_of_a_value_is_understood),
                cmocka_unit_test(flags_may_be_clustered_and_may_have_a_value),
                cmocka_unit_test(a_missing_value_is_told_in_the_words_that_podman_looks_for),
                cmocka_unit_test(an_unknown_flag_is_an_error_that_names_it),
                cmocka_unit_test(a_list_keeps_every_value_in_order),
                cmocka_unit_test(options_may_follow_the_arguments),
                cmocka_unit_test(options_of_exec_end_at_the_first_argument),
                cmocka_unit_test(two_dashes_end_the_options),
                cmocka_unit_test(help_is_asked_for_in_every_usual_way),
                cmocka_unit_test(numbers_are_strict_and_bounded),
                cmocka_unit_test(bytes_and_durations_carry_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
