#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "cli/report.h"

#define TIME "2026-11-21T02:45:01.000000001Z"

static void a_json_record_has_level_message_and_time(void **state)
{
        char record[512];

        (void)state;
        report_record(REPORT_JSON, LOG_LEVEL_ERROR, "container does not exist", TIME, record, sizeof(record));
        assert_string_equal(record, "{\"level\":\"error\",\"msg\":\"container does not exist\",\"time\":\"" TIME "\"}");
}

static void a_text_record_is_what_logrus_writes(void **state)
{
        char record[512];

        (void)state;
        report_record(REPORT_TEXT, LOG_LEVEL_WARNING, "say \"no\"", TIME, record, sizeof(record));
        assert_string_equal(record, "time=\"" TIME "\" level=warning msg=\"say \\\"no\\\"\"");
}

static void bytes_that_json_cannot_hold_do_not_break_the_record(void **state)
{
        char record[512];

        (void)state;
        report_record(REPORT_JSON, LOG_LEVEL_ERROR,
                      "\xc2\x9b"
                      "2J",
                      TIME, record, sizeof(record));
        assert_non_null(strstr(record, "\"\\u009b2J\""));
        report_record(REPORT_JSON, LOG_LEVEL_ERROR, "a\nb\x1b[31m\\ \xff \xc0\xaf \xed\xa0\x80 \xc3\xa9 \xc3", TIME,
                      record, sizeof(record));
        assert_non_null(strstr(record, "\"a\\nb\\u001b[31m\\\\ "));
        assert_non_null(strstr(record, " \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "));
        assert_non_null(strstr(record, " \xc3\xa9 \xef\xbf\xbd\",\"time\""));
}

static void a_message_that_is_too_long_is_cut_and_the_record_stays_whole(void **state)
{
        char message[1000], record[256];

        (void)state;
        memset(message, '\n', sizeof(message) - 1);
        message[sizeof(message) - 1] = '\0';
        report_record(REPORT_JSON, LOG_LEVEL_ERROR, message, TIME, record, sizeof(record));
        assert_true(strlen(record) < sizeof(record));
        assert_non_null(strstr(record, "\\n\",\"time\":\"" TIME "\"}"));
}

static void time_stamps_follow_the_calendar(void **state)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } known[] = {{0, "1970-01-01T00:00:00.000000007Z"},         {-1, "1969-12-31T23:59:59.000000007Z"},
                     {951782399, "2000-02-28T23:59:59.000000007Z"}, {951782400, "2000-02-29T00:00:00.000000007Z"},
                     {951868800, "2000-03-01T00:00:00.000000007Z"}, {4107542400, "2100-03-01T00:00:00.000000007Z"},
                     {1785587696, "2026-08-01T12:34:56.000000007Z"}};

        (void)state;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
                char text[TIMESTAMP_SIZE];

                timestamp_format(known[i].seconds, 7, text);
                assert_string_equal(text, known[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_json_record_has_level_message_and_time),
                cmocka_unit_test(a_text_record_is_what_logrus_writes),
                cmocka_unit_test(bytes_that_json_cannot_hold_do_not_break_the_record),
                cmocka_unit_test(a_message_that_is_too_long_is_cut_and_the_record_stays_whole),
                cmocka_unit_test(time_stamps_follow_the_calendar),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
