#include "base/number_list.h"

#include <errno.h>
#include <string.h>

/* Digits at *p, which moves behind them. */
static int scan(const char **p, unsigned *number)
{
        unsigned sum = 0;

        if (**p < '0' || **p > '9')
                return -EINVAL;
        for (; **p >= '0' && **p <= '9'; ++*p) {
                sum = sum * 10 + (unsigned)(**p - '0');
                if (sum >= NUMBER_LIST_MAX)
                        return -ERANGE;
        }
        *number = sum;
        return 0;
}

int number_list_parse(const char *text, unsigned long mask[static NUMBER_LIST_WORDS])
{
        const unsigned bits = 8 * sizeof(unsigned long);
        const char *p = text;
        unsigned end = 0;

        memset(mask, 0, NUMBER_LIST_WORDS * sizeof(*mask));
        while (*p) {
                unsigned first, last;
                int r = scan(&p, &first);

                if (r < 0)
                        return r;
                last = first;
                if (*p == '-') {
                        p++;
                        r = scan(&p, &last);
                        if (r < 0)
                                return r;
                }
                if (last < first)
                        return -EINVAL;
                for (unsigned i = first; i <= last; i++)
                        mask[i / bits] |= 1UL << (i % bits);
                if (last >= end)
                        end = last + 1;
                if (*p == ',' && p[1])
                        p++;
                else if (*p)
                        return -EINVAL;
        }
        return (int)end;
}
