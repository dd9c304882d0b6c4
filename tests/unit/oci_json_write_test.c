/* What the JSON writer promises. */
#include "tests/unit/oci_support.h"

#include <math.h>

#include "oci/json_write.h"

static void finishes_as(struct json_writer *json, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(json_finish(json, &text), 0);
        assert_string_equal(text, expected);
}

static void prints_one_line(void **state)
{
        struct json_writer json;

        (void)state;
        json_start(&json, NULL);
        json_object(&json, NULL);
        json_string(&json, "text", "a\"b\\c\n\x01/\xc3\xa4");
        json_string(&json, "absent", NULL);
        json_i64(&json, "least", INT64_MIN);
        json_u64(&json, "most", UINT64_MAX);
        json_decimal(&json, "average", 1.005);
        json_decimal(&json, "nothing", NAN);
        json_bool(&json, "yes", true);
        json_null(&json, "none");
        json_array(&json, "list");
        json_string(&json, NULL, NULL);
        json_u64(&json, NULL, 1);
        json_array_end(&json);
        json_object_end(&json);
        finishes_as(&json, "{\"text\":\"a\\\"b\\\\c\\n\\u0001/\xc3\xa4\",\"least\":-9223372036854775808,"
                           "\"most\":18446744073709551615,\"average\":1.00,\"nothing\":0.00,\"yes\":true,"
                           "\"none\":null,\"list\":[null,1]}\n");
}

static void prints_indented(void **state)
{
        const char *words[] = {"x", "y"};
        struct oci_pair pair = {"k", "v"};
        struct json_writer json;

        (void)state;
        json_start(&json, "  ");
        json_object(&json, NULL);
        json_strings(&json, "empty", &(const struct oci_strings){0});
        json_strings(&json, "words", &(const struct oci_strings){.n = 2, .v = words});
        json_pairs(&json, "none", &(const struct oci_pairs){0});
        json_pairs(&json, "pairs", &(const struct oci_pairs){.n = 1, .v = &pair});
        json_array(&json, "deep");
        json_object(&json, NULL);
        json_object_end(&json);
        json_array_end(&json);
        json_object_end(&json);
        finishes_as(&json, "{\n  \"empty\": [],\n  \"words\": [\n    \"x\",\n    \"y\"\n  ],\n  \"none\": {},\n"
                           "  \"pairs\": {\n    \"k\": \"v\"\n  },\n  \"deep\": [\n    {}\n  ]\n}\n");
}

static void replaces_bad_bytes(void **state)
{
        struct json_writer json;

        (void)state;
        json_start(&json, NULL);
        json_string(&json, NULL, "/a\xff\xc3/\xe2\x82");
        finishes_as(&json, "\"/a\xef\xbf\xbd\xef\xbf\xbd/\xef\xbf\xbd\xef\xbf\xbd\"\n");
}

static void half_a_text_is_refused(void **state)
{
        struct json_writer json;
        char *text = NULL;

        (void)state;
        json_start(&json, NULL);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        json_start(&json, NULL);
        json_object(&json, NULL);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        json_start(&json, NULL);
        json_object(&json, NULL);
        json_array_end(&json);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        json_start(&json, NULL);
        json_object(&json, NULL);
        json_object_end(&json);
        json_object_end(&json);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        json_start(&json, NULL);
        json_object(&json, NULL);
        json_u64(&json, NULL, 1);
        json_object_end(&json);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        json_start(&json, NULL);
        json_u64(&json, NULL, 1);
        json_u64(&json, NULL, 2);
        assert_int_equal(json_finish(&json, &text), -EINVAL);
        assert_null(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("values are printed exactly, on one line", prints_one_line),
                PROMISE("indented text keeps empty arrays on one line", prints_indented),
                PROMISE("bytes that are no UTF-8 are replaced", replaces_bad_bytes),
                PROMISE("a text that is not whole is an error", half_a_text_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
