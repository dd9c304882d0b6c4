/* What the decoder by tables promises: the example of its header, and every kind of field. */
#include "tests/unit/oci_support.h"

#include "oci/decode.h"

struct lock {
        const char *key;
        uint32_t turns;
};

struct door {
        const char *name, *path, *maybe;
        bool open;
        struct optional_bool glass;
        int32_t offset;
        int64_t far;
        uint32_t width;
        uint64_t big;
        struct optional_i64 weight;
        struct optional_u64 price;
        uint32_t kind;
        uint64_t flags;
        struct oci_strings words, paths;
        struct oci_pairs pairs;
        size_t n_ids;
        uint32_t *ids;
        struct {
                bool set;
                struct lock lock;
        } main;
        struct {
                size_t n;
                struct lock *v;
        } locks;
        uint64_t custom;
};

static const struct word kinds[] = {{"wood", 1}, {"iron", 2}, {"glass", 4}};
static const struct words kind_words = {.n = ELEMENTS(kinds), .v = kinds};

static const struct decode_field lock_fields[] = {
        DECODE_STRING(struct lock, key, "key", DECODE_REQUIRED),
        DECODE_U32(struct lock, turns, "turns", 0, 9, 0),
};
static const struct decode_table lock_table = DECODE_TABLE(struct lock, lock_fields, NULL);

static int custom(struct decoder *decoder, const struct json_node *node, void *value)
{
        return decode_unsigned(decoder, node, 7, 8, value);
}

static const struct decode_field door_fields[] = {
        DECODE_STRING(struct door, name, "name", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_STRING(struct door, path, "path", DECODE_ABSOLUTE),
        DECODE_STRING(struct door, maybe, "maybe", DECODE_EMPTY_IS_ABSENT | DECODE_ABSOLUTE),
        DECODE_BOOL(struct door, open, "open", 0),
        DECODE_OPTIONAL_BOOL(struct door, glass, "glass"),
        DECODE_I32(struct door, offset, "offset", -5, 5, 0),
        DECODE_I64(struct door, far, "far", INT64_MIN, INT64_MAX, 0),
        DECODE_U32(struct door, width, "width", 1, 65535, 0),
        DECODE_U64(struct door, big, "big", 0, UINT64_MAX, 0),
        DECODE_OPTIONAL_I64(struct door, weight, "weight", -1, INT64_MAX, 0),
        DECODE_OPTIONAL_U64(struct door, price, "price", 0, 100, 0),
        DECODE_WORD(struct door, kind, "kind", &kind_words, DECODE_EMPTY_IS_ABSENT),
        DECODE_FLAGS(struct door, flags, "flags", &kind_words),
        DECODE_STRINGS(struct door, words, "words", DECODE_NONEMPTY),
        DECODE_STRINGS(struct door, paths, "paths", DECODE_ABSOLUTE),
        DECODE_PAIRS(struct door, pairs, "pairs", 0),
        DECODE_IDS(struct door, n_ids, ids, "ids", 99),
        DECODE_OBJECT_SET(struct door, main.lock, main.set, "main", &lock_table, 0),
        DECODE_ARRAY(struct door, locks.n, locks.v, "locks", &lock_table, DECODE_NONEMPTY),
        DECODE_CUSTOM(struct door, custom, "custom", custom, 0),
};

static int check_door(struct decoder *decoder, void *structure)
{
        const struct door *door = structure;

        if (door->width == 13)
                return decode_refuse(decoder, "width", "is unlucky");
        if (door->words.n > 2)
                return decode_refuse_at(decoder, "words", 2, "is one too many");
        return door->width == 14 ? decode_refuse(decoder, NULL, "is no door") : 0;
}

static const struct decode_table door_table = DECODE_TABLE(struct door, door_fields, check_door);

static void decode(struct arena *arena, const char *text, struct door *door)
{
        _cleanup_free_ char *json = quoted(text);
        int r = decode_text(&door_table, "door.json", json, strlen(json), arena, door);

        if (r < 0)
                fail_msg("refused: %s", error_message());
}

static void refused(const char *text, const char *message)
{
        _cleanup_free_ char *json = quoted(text), *expected = quoted(message);
        struct arena arena = {0};
        struct door door;

        assert_int_equal(decode_text(&door_table, "door.json", json, strlen(json), &arena, &door), -EINVAL);
        assert_string_equal(error_message(), expected);
        arena_free(&arena);
}

static void fills_every_kind(void **state)
{
        struct arena arena = {0};
        struct door door;

        (void)state;
        decode(&arena,
               "{'name':'n','path':'/p','maybe':'','open':true,'glass':false,'offset':-5,'far':-9223372036854775808,"
               "'width':65535,'big':18446744073709551615,'weight':-1,'price':0,'kind':'iron','flags':['wood','glass'],"
               "'words':['a','b'],'paths':['/x'],'pairs':{'k':'v','l':''},'ids':[1,2,99],'main':{'key':'m'},"
               "'locks':[{'key':'x','turns':3},{'key':'y'}],'custom':8}",
               &door);
        assert_string_equal(door.name, "n");
        assert_string_equal(door.path, "/p");
        assert_null(door.maybe);
        assert_true(door.open);
        assert_true(door.glass.set && !door.glass.value);
        assert_int_equal(door.offset, -5);
        assert_true(door.far == INT64_MIN);
        assert_int_equal(door.width, 65535);
        assert_true(door.big == UINT64_MAX);
        assert_true(door.weight.set && door.weight.value == -1);
        assert_true(door.price.set && door.price.value == 0);
        assert_int_equal(door.kind, 2);
        assert_int_equal(door.flags, 5);
        assert_int_equal(door.words.n, 2);
        assert_string_equal(door.words.v[1], "b");
        assert_string_equal(door.paths.v[0], "/x");
        assert_int_equal(door.pairs.n, 2);
        assert_string_equal(door.pairs.v[1].key, "l");
        assert_string_equal(door.pairs.v[1].value, "");
        assert_int_equal(door.n_ids, 3);
        assert_int_equal(door.ids[2], 99);
        assert_true(door.main.set);
        assert_string_equal(door.main.lock.key, "m");
        assert_int_equal(door.locks.n, 2);
        assert_int_equal(door.locks.v[0].turns, 3);
        assert_string_equal(door.locks.v[1].key, "y");
        assert_int_equal(door.custom, 8);
        arena_free(&arena);
}

static void absent_null_and_unknown(void **state)
{
        struct arena arena = {0};
        struct door door;

        (void)state;
        memset(&door, 0xff, sizeof(door));
        decode(&arena, "{'name':'n','x-new':{'y':[1]},'open':null,'weight':null,'main':null,'locks':null,'kind':''}",
               &door);
        assert_false(door.open);
        assert_false(door.weight.set);
        assert_false(door.main.set);
        assert_int_equal(door.locks.n, 0);
        assert_int_equal(door.kind, 0);
        arena_free(&arena);
}

static void names_the_path(void **state)
{
        (void)state;
        refused("{}", "name: required field is missing");
        refused("{'name':null}", "name: required field is missing");
        refused("{'name':''}", "name: must not be empty");
        refused("{'name':1}", "name: expected a string, got 1");
        refused("{'name':'n','path':'p'}", "path: expected an absolute path, got 'p'");
        refused("{'name':'n','open':'yes'}", "open: expected a boolean, got 'yes'");
        refused("{'name':'n','offset':6}", "offset: expected a number from -5 to 5, got 6");
        refused("{'name':'n','far':'x'}", "far: expected an integer, got a string");
        refused("{'name':'n','far':9223372036854775808}", "far: expected an integer, got 9223372036854775808");
        refused("{'name':'n','width':0}", "width: expected a number from 1 to 65535, got 0");
        refused("{'name':'n','width':5.0}", "width: expected a number from 1 to 65535, got 5.0");
        refused("{'name':'n','width':1e3}", "width: expected a number from 1 to 65535, got 1e3");
        refused("{'name':'n','width':'5'}", "width: expected a number from 1 to 65535, got '5'");
        refused("{'name':'n','price':-1}", "price: expected a number from 0 to 100, got -1");
        refused("{'name':'n','weight':[]}", "weight: expected a number from -1 to 9223372036854775807, got an array");
        refused("{'name':'n','kind':'gold'}", "kind: unknown value 'gold'");
        refused("{'name':'n','flags':['wood','gold']}", "flags[1]: unknown value 'gold'");
        refused("{'name':'n','flags':'wood'}", "flags: expected an array, got 'wood'");
        refused("{'name':'n','words':[]}", "words: must not be empty");
        refused("{'name':'n','words':['a',{}]}", "words[1]: expected a string, got an object");
        refused("{'name':'n','paths':['/a','b']}", "paths[1]: expected an absolute path, got 'b'");
        refused("{'name':'n','pairs':{'a b':1}}", "pairs['a b']: expected a string, got 1");
        refused("{'name':'n','pairs':{'':'v'}}", "pairs: a key is empty");
        refused("{'name':'n','ids':[1,100]}", "ids[1]: expected a number from 0 to 99, got 100");
        refused("{'name':'n','main':{}}", "main.key: required field is missing");
        refused("{'name':'n','main':[]}", "main: expected an object, got an array");
        refused("{'name':'n','locks':[{'key':'a'},{'key':'b','turns':10}]}",
                "locks[1].turns: expected a number from 0 to 9, got 10");
        refused("{'name':'n','locks':[]}", "locks: must not be empty");
        refused("{'name':'n','custom':9}", "custom: expected a number from 7 to 8, got 9");
        refused("{'name':'n','width':13}", "width: is unlucky");
        refused("{'name':'n','width':14}", "is no door");
        refused("{'name':'n','words':['a','b','c']}", "words[2]: is one too many");
        refused("[]", "door.json: expected an object, got an array");
        refused("{", "door.json: line 1, column 2: premature EOF");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("a table fills a structure with every kind of field", fills_every_kind),
                PROMISE("null and unknown members are as good as absent", absent_null_and_unknown),
                PROMISE("every refusal begins with the field's path", names_the_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
