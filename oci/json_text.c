#include "oci/json_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "oci/json.h"

int json_text_refuse(const char *name, const char *text, size_t offset, const char *what)
{
        size_t line = 1, column = 1;

        for (size_t i = 0; i < offset; i++) {
                column++;
                if (text[i] == '\n') {
                        line++;
                        column = 1;
                }
        }
        return refuse(EINVAL, "%s: line %zu, column %zu: %s", name, line, column, what);
}

/* The length of the well-formed sequence at p, 0 when there is none (table 3-7 of the Unicode standard). */
static size_t sequence_length(const unsigned char *p, size_t left)
{
        unsigned char first = p[0], low = 0x80, high = 0xbf;
        size_t length;

        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                length = 2;
        else if (first >= 0xe0 && first <= 0xef)
                length = 3;
        else if (first >= 0xf0 && first <= 0xf4)
                length = 4;
        else
                return 0;
        if (first == 0xe0)
                low = 0xa0;
        else if (first == 0xed)
                high = 0x9f;
        else if (first == 0xf0)
                low = 0x90;
        else if (first == 0xf4)
                high = 0x8f;
        if (left < length || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++) {
                if (p[i] < 0x80 || p[i] > 0xbf)
                        return 0;
        }
        return length;
}

size_t utf8_prefix(const char *text, size_t size)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t i = 0;

        while (i < size) {
                uint64_t eight;
                size_t length;

                if (size - i >= sizeof(eight)) {
                        memcpy(&eight, bytes + i, sizeof(eight));
                        if ((eight & 0x8080808080808080ULL) == 0) {
                                i += sizeof(eight);
                                continue;
                        }
                }
                length = sequence_length(bytes + i, size - i);
                if (length == 0)
                        break;
                i += length;
        }
        return i;
}

/* The value of the four hexadecimal digits at p, -1 when they are none. */
static int hex4(const char *p, size_t left)
{
        int value = 0;

        if (left < 4)
                return -1;
        for (size_t i = 0; i < 4; i++) {
                char lower = (char)(p[i] | 0x20);

                if (p[i] >= '0' && p[i] <= '9')
                        value = value * 16 + (p[i] - '0');
                else if (lower >= 'a' && lower <= 'f')
                        value = value * 16 + (lower - 'a' + 10);
                else
                        return -1;
        }
        return value;
}

/* Offset of the first \uD800-\uDFFF that is not part of a pair, `size` when there is none. Malformed escapes are left
 * to the lexer. A backslash outside a string is a syntax error anyway, so strings need not be tracked. */
static size_t lone_surrogate(const char *text, size_t size)
{
        const char *p = text, *end = text + size;

        while ((p = memchr(p, '\\', (size_t)(end - p)))) {
                int unit = -1;

                if (end - p >= 2 && p[1] == 'u')
                        unit = hex4(p + 2, (size_t)(end - p - 2));
                if (unit >= 0xd800 && unit <= 0xdbff) {
                        bool escape = end - p >= 8 && p[6] == '\\' && p[7] == 'u';
                        int second = escape ? hex4(p + 8, (size_t)(end - p - 8)) : -1;

                        if (second < 0xdc00 || second > 0xdfff)
                                return (size_t)(p - text);
                        p += 12;
                        continue;
                }
                if (unit >= 0xdc00 && unit <= 0xdfff)
                        return (size_t)(p - text);
                p += end - p >= 2 ? 2 : 1;
        }
        return size;
}

int json_text_check(const char *name, const char *text, size_t size)
{
        size_t good = utf8_prefix(text, size);

        if (good < size)
                return json_text_refuse(name, text, good, "invalid UTF-8");
        good = size ? lone_surrogate(text, size) : 0;
        if (good < size)
                return json_text_refuse(name, text, good, "an escaped surrogate without its partner");
        return 0;
}

size_t json_squeeze(char *text, size_t size)
{
        bool in_string = false;
        size_t left = 0;

        for (size_t i = 0; i < size; i++) {
                if (!in_string && strchr(" \t\n\r", text[i]))
                        continue;
                text[left++] = text[i];
                if (in_string && text[i] == '\\' && i + 1 < size)
                        text[left++] = text[++i];
                else if (text[i] == '"')
                        in_string = !in_string;
        }
        return left;
}
