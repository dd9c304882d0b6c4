/* What the JSON reader promises. */
#include "tests/unit/oci_support.h"

#include "oci/json.h"

static struct json_node *parse_size(struct arena *arena, const char *text, size_t size)
{
        struct json_node *root = NULL;
        int r = json_parse(arena, "test.json", text, size, &root);

        if (r < 0)
                fail_msg("refused: %s", error_message());
        return root;
}

static struct json_node *parse(struct arena *arena, const char *text)
{
        return parse_size(arena, text, strlen(text));
}

static void refused_size(const char *text, size_t size, const char *message)
{
        struct arena arena = {0};
        struct json_node *root = NULL;

        assert_int_equal(json_parse(&arena, "test.json", text, size, &root), -EINVAL);
        assert_string_equal(error_message(), message);
        arena_free(&arena);
}

static void refused(const char *text, const char *message)
{
        refused_size(text, strlen(text), message);
}

static void keeps_order(void **state)
{
        struct arena arena = {0};
        const struct json_node *root = parse(&arena, "{\"b\":1,\"a\":[true,null,\"x\"],\"c\":{}}");
        const struct json_node *member = root->first;

        (void)state;
        assert_int_equal(root->kind, JSON_OBJECT);
        assert_int_equal(root->n, 3);
        assert_string_equal(member->key, "b");
        assert_string_equal(member->next->key, "a");
        assert_string_equal(member->next->next->key, "c");
        assert_int_equal(json_member(root, "a")->n, 3);
        assert_int_equal(json_element(json_member(root, "a"), 0)->kind, JSON_BOOL);
        assert_true(json_element(json_member(root, "a"), 0)->boolean);
        assert_int_equal(json_element(json_member(root, "a"), 1)->kind, JSON_NULL);
        assert_string_equal(json_element(json_member(root, "a"), 2)->text, "x");
        assert_null(json_element(json_member(root, "a"), 3));
        assert_null(json_member(root, "d"));
        assert_null(json_member(member, "d"));
        arena_free(&arena);
}

static void integers_are_exact(void **state)
{
        struct arena arena = {0};
        const struct json_node *root =
                parse(&arena, "[18446744073709551615,-9223372036854775808,0,-0,9007199254740993]");

        (void)state;
        assert_int_equal(json_element(root, 0)->kind, JSON_INTEGER);
        assert_true(json_element(root, 0)->natural == UINT64_MAX);
        assert_true(json_element(root, 1)->negative);
        assert_true(json_element(root, 1)->integer == INT64_MIN);
        assert_true(json_element(root, 2)->natural == 0);
        assert_false(json_element(root, 3)->negative);
        assert_true(json_element(root, 4)->natural == 9007199254740993ULL);
        arena_free(&arena);
}

static void others_are_numbers(void **state)
{
        static const char *const texts[] = {"1.5", "1e3", "5.0", "18446744073709551616", "-9223372036854775809"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                struct arena arena = {0};
                const struct json_node *root = parse(&arena, texts[i]);

                assert_int_equal(root->kind, JSON_NUMBER);
                assert_string_equal(root->text, texts[i]);
                arena_free(&arena);
        }
}

static void strings_are_unescaped(void **state)
{
        struct arena arena = {0};
        const struct json_node *root = parse(
                &arena, "[\"\",\"a\\\"\\\\\\/\\n\",\"\\u00e4\\u20ac\",\"\\ud83d\\ude00\",\"\xc3\xa4\",\"plain\"]");

        (void)state;
        assert_string_equal(json_element(root, 0)->text, "");
        assert_string_equal(json_element(root, 1)->text, "a\"\\/\n");
        assert_string_equal(json_element(root, 2)->text, "\xc3\xa4\xe2\x82\xac");
        assert_string_equal(json_element(root, 3)->text, "\xf0\x9f\x98\x80");
        assert_string_equal(json_element(root, 4)->text, "\xc3\xa4");
        assert_string_equal(json_element(root, 5)->text, "plain");
        assert_int_equal(json_element(root, 5)->length, 5);
        arena_free(&arena);
}

static void syntax_errors_have_a_place(void **state)
{
        (void)state;
        refused("{\n  \"a\": 1,\n  \"b\" 2\n}",
                "test.json: line 3, column 7: object key and value must be separated by a colon (':')");
        refused("", "test.json: line 1, column 1: premature EOF");
        refused("  \n", "test.json: line 2, column 1: premature EOF");
        refused("[1,2", "test.json: line 1, column 5: premature EOF");
        refused("\"abc", "test.json: line 1, column 5: premature EOF");
}

static void one_value_only(void **state)
{
        (void)state;
        refused("{} x", "test.json: line 1, column 4: trailing garbage");
        refused("{}{}", "test.json: line 1, column 3: trailing garbage");
        refused("/* c */ {}", "test.json: line 1, column 1: probable comment found in input text, "
                              "comments are not enabled.");
}

static void duplicates_are_refused(void **state)
{
        char many[32 * 100], *p = many;

        (void)state;
        refused("{\"a\":1,\"b\":2,\"a\":3}", "test.json: duplicate key \"a\"");
        refused("{\"x\":[0,{\"k\":1,\"k\":1}]}", "test.json: x[1]: duplicate key \"k\"");
        refused("{\"a\":1,\"\\u0061\":2}", "test.json: duplicate key \"a\"");
        p += sprintf(p, "{");
        for (int i = 0; i < 99; i++)
                p += sprintf(p, "\"k%d\":%d,", i, i);
        sprintf(p, "\"k7\":0}");
        refused(many, "test.json: duplicate key \"k7\"");
}

static void bad_text_is_refused(void **state)
{
        (void)state;
        refused("{\"a\\u0000b\":1}", "test.json: line 1, column 11: a key holds a NUL byte");
        refused("[\"\xc0\x80\"]", "test.json: line 1, column 3: invalid UTF-8");
        refused("[\"\xed\xa0\x80\"]", "test.json: line 1, column 3: invalid UTF-8");
        refused("[\"\xf4\x90\x80\x80\"]", "test.json: line 1, column 3: invalid UTF-8");
        refused("[\"\xe2\x82\"]", "test.json: line 1, column 3: invalid UTF-8");
        refused("[\"a\xff\"]", "test.json: line 1, column 4: invalid UTF-8");
        refused("[\"\\ud800\"]", "test.json: line 1, column 3: an escaped surrogate without its partner");
        refused("[\"\\ud800\\u0041\"]", "test.json: line 1, column 3: an escaped surrogate without its partner");
        refused("[\"\\udc00\"]", "test.json: line 1, column 3: an escaped surrogate without its partner");
        refused("[\"\\ud83d", "test.json: line 1, column 3: an escaped surrogate without its partner");
        refused_size("[1]\0", 4, "test.json: line 1, column 4: trailing garbage");
}

static void an_escaped_backslash_is_no_escape(void **state)
{
        struct arena arena = {0};

        (void)state;
        assert_string_equal(parse(&arena, "\"\\\\ud800\"")->text, "\\ud800");
        arena_free(&arena);
}

static void depth_is_bounded(void **state)
{
        struct arena arena = {0};
        char text[2 * JSON_DEPTH_MAX + 8];

        (void)state;
        memset(text, '[', JSON_DEPTH_MAX);
        memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
        assert_int_equal(parse_size(&arena, text, 2 * JSON_DEPTH_MAX)->kind, JSON_ARRAY);
        memset(text, '[', JSON_DEPTH_MAX + 1);
        refused_size(text, JSON_DEPTH_MAX + 1, "test.json: line 1, column 65: nested too deep");
        arena_free(&arena);
}

static void size_is_bounded(void **state)
{
        size_t size = JSON_SIZE_MAX + 1, values = 2 * (JSON_NODES_MAX + 1);
        _cleanup_free_ char *text = malloc(size);

        (void)state;
        assert_non_null(text);
        memset(text, ' ', size);
        refused_size(text, size, "test.json: 4194305 bytes are too many, at most 4194304 are read");
        text[0] = '[';
        for (size_t i = 1; i < values; i += 2)
                memcpy(text + i, "1,", 2);
        refused_size(text, values, "test.json: line 1, column 524288: too many values");
}

static void squeezed_to(const char *text, const char *expected)
{
        char buffer[128];
        size_t size = strlen(text);

        memcpy(buffer, text, size + 1);
        size = json_squeeze(buffer, size);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(buffer, expected, size);
}

static void space_between_words_goes(void **state)
{
        (void)state;
        squeezed_to("{\n\t\"a b\" : [ 1 ,\r\n2.5e1, true ]\t}\n", "{\"a b\":[1,2.5e1,true]}");
        squeezed_to("[\" \\\" , \", \"\\\\\" , \"\\u0020 x\" ]", "[\" \\\" , \",\"\\\\\",\"\\u0020 x\"]");
        squeezed_to("[\" \xe2\x82\xac \" , {} ]", "[\" \xe2\x82\xac \",{}]");
        squeezed_to(" 1 ", "1");
        squeezed_to("", "");
}

static void paths_are_readable(void **state)
{
        struct json_path path = {0};
        char buffer[128], small[12];

        (void)state;
        assert_string_equal(json_path_print(&path, buffer, sizeof(buffer)), "");
        json_path_enter(&path, "linux");
        json_path_enter(&path, "devices");
        json_path_enter_index(&path, 3);
        json_path_enter(&path, "type");
        assert_string_equal(json_path_print(&path, buffer, sizeof(buffer)), "linux.devices[3].type");
        assert_string_equal(json_path_print(&path, small, sizeof(small)), "linux.devic");
        json_path_leave(&path);
        json_path_leave(&path);
        json_path_enter(&path, "net.ipv4 \"x\"\n");
        assert_string_equal(json_path_print(&path, buffer, sizeof(buffer)),
                            "linux.devices[\"net.ipv4 \\\"x\\\"\\u000a\"]");
}

static void quoting_is_bounded(void **state)
{
        char buffer[16];

        (void)state;
        assert_string_equal(json_quote("short", buffer, sizeof(buffer)), "\"short\"");
        assert_string_equal(json_quote("0123456789012345", buffer, sizeof(buffer)), "\"0123456789...\"");
        assert_string_equal(json_quote("012345678\xe2\x82\xac", buffer, sizeof(buffer)), "\"012345678...\"");
        assert_string_equal(json_quote("\x1b[0m", buffer, sizeof(buffer)), "\"\\u001b[0m\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("members and elements keep their order", keeps_order),
                PROMISE("integers of 64 bits are exact", integers_are_exact),
                PROMISE("every other number is kept as written", others_are_numbers),
                PROMISE("strings are unescaped and end in NUL", strings_are_unescaped),
                PROMISE("a syntax error names line and column", syntax_errors_have_a_place),
                PROMISE("trailing text and comments are refused", one_value_only),
                PROMISE("a duplicate key is refused with its path", duplicates_are_refused),
                PROMISE("NUL bytes, bad UTF-8 and lone surrogates are refused", bad_text_is_refused),
                PROMISE("an escaped backslash before u is no escape", an_escaped_backslash_is_no_escape),
                PROMISE("nesting is bounded", depth_is_bounded),
                PROMISE("size and number of values are bounded", size_is_bounded),
                PROMISE("squeezing takes the space between words and no other", space_between_words_goes),
                PROMISE("paths are printed as a person writes them", paths_are_readable),
                PROMISE("quoted text is escaped and cut to fit", quoting_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
