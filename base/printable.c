#include "base/printable.h"

#include <string.h>

#define C1_LEAD 0xc2 /* UTF-8's first byte of U+0080 to U+00BF */

size_t control_character(const char *text)
{
        unsigned char first = (unsigned char)text[0], second;

        if (first == C1_LEAD) {
                second = (unsigned char)text[1];
                return second >= 0x80 && second < 0xa0 ? 2 : 0;
        }
        return (first && first < ' ') || first == 0x7f;
}

void text_make_printable(char *text, const char *kept, char by)
{
        while (*text) {
                size_t length = control_character(text);

                if (length && !strchr(kept, *text))
                        memset(text, by, length);
                text += length ? length : 1;
        }
}
