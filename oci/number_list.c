#include "oci/number_list.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"

/* Reads the number at *at and moves *at behind it. */
static int take_number(const char **at, unsigned *value)
{
        size_t length = strspn(*at, "0123456789");
        uint64_t number;
        char text[8];

        if (length == 0 || length >= sizeof(text))
                return -EINVAL;
        memcpy(text, *at, length);
        text[length] = '\0';
        if (parse_u64(text, NUMBER_LIST_MOST, &number) < 0)
                return -EINVAL;
        *value = (unsigned)number;
        *at += length;
        return 0;
}

int number_list_each(const char *list, int (*range)(unsigned first, unsigned last, void *data), void *data)
{
        const char *at = list;

        for (;;) {
                unsigned first, last;
                int r;

                if (take_number(&at, &first) < 0)
                        return -EINVAL;
                last = first;
                if (*at == '-') {
                        at++;
                        if (take_number(&at, &last) < 0 || last < first)
                                return -EINVAL;
                }
                r = range ? range(first, last, data) : 0;
                if (r != 0)
                        return r;
                if (*at == '\0')
                        return 0;
                if (*at++ != ',')
                        return -EINVAL;
        }
}
