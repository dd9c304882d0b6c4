#include "cgroups/systemd_variant.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"

#define VALUES_MOST 4096

struct parser {
        const char *at;
        struct arena *arena;
        char type;     /* of the value or, in an array, of its elements; 0: not known yet */
        bool is_array; /* by a signature in front */
};

static const struct {
        const char *word;
        char type;
} type_words[] = {
        {"boolean", 'b'}, {"byte", 'y'},   {"int16", 'n'},  {"uint16", 'q'}, {"int32", 'i'},      {"uint32", 'u'},
        {"int64", 'x'},   {"uint64", 't'}, {"double", 'd'}, {"string", 's'}, {"objectpath", 'o'}, {"signature", 'g'},
};

static void skip_spaces(struct parser *parser)
{
        parser->at += strspn(parser->at, " \t\n");
}

static size_t word_length(const char *at)
{
        size_t length = 0;

        while (isalnum((unsigned char)at[length]) || strchr("+-._", at[length] ? at[length] : ' '))
                length++;
        return length;
}

/* The first type that is said or seen holds; GVariant would widen some, which no property needs. */
static int settle_type(struct parser *parser, char type)
{
        if (!parser->type)
                parser->type = type;
        return parser->type == type ? 0 : refuse(EINVAL, "values of different types");
}

static int parse_string(struct parser *parser, const char **value)
{
        static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v\\\\''\"\"";
        char quote = *parser->at++;
        char *text = arena_alloc(parser->arena, strlen(parser->at) + 1);
        size_t used = 0;

        if (!text)
                return fail(ENOMEM, "text");
        for (; *parser->at && *parser->at != quote; parser->at++) {
                char c = *parser->at;

                if (c == '\\') {
                        const char *known = escapes;

                        c = *++parser->at;
                        while (*known && *known != c)
                                known += 2;
                        if (!*known)
                                return refuse(EINVAL, "unknown escape \"\\%c\" in a text", c ? c : ' ');
                        c = known[1];
                }
                text[used++] = c;
        }
        if (*parser->at++ != quote)
                return refuse(EINVAL, "a text without its closing quote");
        *value = text;
        return 0;
}

/* Digits, or 0x and hexadecimal ones, with a sign; printed as the one decimal form. */
static const char *integer_text(struct parser *parser, const char *word)
{
        bool negative = word[0] == '-';
        const char *digits = word + (negative || word[0] == '+');
        uint64_t value;
        char *end;

        if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') && isxdigit((unsigned char)digits[2])) {
                errno = 0;
                value = strtoull(digits, &end, 16);
                if (errno || *end)
                        return NULL;
        } else if (parse_u64(digits, UINT64_MAX, &value) < 0) {
                return NULL;
        }
        return arena_printf(parser->arena, "%s%" PRIu64, negative && value ? "-" : "", value);
}

static int parse_number(struct parser *parser, const char *word, const char **value)
{
        bool is_double = parser->type == 'd' || (!parser->type && strpbrk(word, ".eE") && !strpbrk(word, "xX"));
        int r = settle_type(parser, parser->type && strchr("ynqiuxtd", parser->type) ? parser->type
                                    : is_double                                      ? 'd'
                                                                                     : 'i');

        if (r < 0)
                return r;
        *value = is_double ? word : integer_text(parser, word);
        r = *value ? systemd_value_check(parser->type, *value) : -EINVAL;
        if (r == -ERANGE)
                return refuse(EINVAL, "%s is out of the range of its type \"%c\"", word, parser->type);
        return r < 0 ? refuse(EINVAL, "%s is no number of type \"%c\"", word, parser->type) : 0;
}

static int parse_word(struct parser *parser, const char **value)
{
        size_t length = word_length(parser->at);
        const char *word = arena_strndup(parser->arena, parser->at, length);

        if (!word)
                return fail(ENOMEM, "value");
        if (length == 0)
                return refuse(EINVAL, *parser->at ? "unexpected \"%.16s\"" : "a value is missing%s", parser->at);
        parser->at += length;
        if (isdigit((unsigned char)word[0]) || strchr("+-.", word[0]))
                return parse_number(parser, word, value);
        if (strcmp(word, "true") != 0 && strcmp(word, "false") != 0)
                return refuse(EINVAL, "unknown word \"%s\" (texts are quoted)", word);
        *value = word;
        return settle_type(parser, 'b');
}

/* "uint32 " in front of a value. */
static int parse_type_word(struct parser *parser)
{
        size_t length = word_length(parser->at);

        for (size_t i = 0; i < ELEMENTS(type_words); i++)
                if (strlen(type_words[i].word) == length && memcmp(type_words[i].word, parser->at, length) == 0) {
                        parser->at += length;
                        skip_spaces(parser);
                        return settle_type(parser, type_words[i].type);
                }
        return 0;
}

static int parse_basic(struct parser *parser, const char **value)
{
        int r = parse_type_word(parser);

        if (r < 0)
                return r;
        if (*parser->at != '\'' && *parser->at != '"')
                return parse_word(parser, value);
        r = settle_type(parser, parser->type && strchr("og", parser->type) ? parser->type : 's');
        return r < 0 ? r : parse_string(parser, value);
}

/* "@as " in front of everything. */
static int parse_signature(struct parser *parser)
{
        size_t length;

        if (*parser->at != '@')
                return 0;
        length = strcspn(++parser->at, " \t\n");
        parser->is_array = parser->at[0] == 'a';
        parser->type = parser->at[parser->is_array];
        if (length != 1U + parser->is_array || !strchr(SYSTEMD_BASIC_TYPES, parser->type))
                return refuse(EINVAL, "the type \"@%.*s\" is not supported", (int)length, parser->at);
        parser->at += length;
        skip_spaces(parser);
        return *parser->at == '[' || !parser->is_array ? 0 : refuse(EINVAL, "an array is missing behind its type");
}

static int parse_elements(struct parser *parser, struct systemd_property *property)
{
        const char **values = arena_array(parser->arena, VALUES_MOST, sizeof(*values));

        if (!values)
                return fail(ENOMEM, "array");
        property->v = values;
        parser->at++;
        skip_spaces(parser);
        for (bool more = *parser->at != ']'; more;) {
                int r = property->n < VALUES_MOST ? parse_basic(parser, &values[property->n])
                                                  : refuse(E2BIG, "an array of more than %d", VALUES_MOST);

                if (r < 0)
                        return r;
                property->n++;
                skip_spaces(parser);
                more = *parser->at == ',';
                if (!more && *parser->at != ']')
                        return refuse(EINVAL, "an array without its closing bracket");
                parser->at += more;
                skip_spaces(parser);
        }
        parser->at++;
        return parser->type ? 0 : refuse(EINVAL, "an empty array needs its type in front, such as \"@as []\"");
}

int systemd_variant_parse(const char *text, struct arena *arena, struct systemd_property *property)
{
        struct parser parser = {.at = text, .arena = arena};
        const char **one = arena_array(arena, 1, sizeof(*one));
        bool is_array;
        int r;

        if (!one)
                return fail(ENOMEM, "value");
        property->n = 0;
        skip_spaces(&parser);
        r = parse_signature(&parser);
        is_array = *parser.at == '[';
        if (r == 0 && is_array && !parser.is_array && parser.type)
                r = refuse(EINVAL, "the type in front is not that of an array");
        if (r == 0 && is_array) {
                r = parse_elements(&parser, property);
        } else if (r == 0) {
                r = parse_basic(&parser, one);
                property->n = 1;
                property->v = one;
        }
        if (r < 0)
                return r;
        skip_spaces(&parser);
        if (*parser.at)
                return refuse(EINVAL, "unexpected \"%.16s\" behind the value", parser.at);
        property->signature = arena_printf(arena, "%s%c", is_array ? "a" : "", parser.type);
        return property->signature ? 0 : fail(ENOMEM, "value");
}
