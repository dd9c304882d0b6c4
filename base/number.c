#include "base/number.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Digits only; *end is left at the first byte that is none. */
static int scan_digits(const char *text, uint64_t most, uint64_t *value, const char **end)
{
        uint64_t sum = 0;
        const char *p = text;

        if (*p < '0' || *p > '9')
                return -EINVAL;
        if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
                return -EINVAL;
        for (; *p >= '0' && *p <= '9'; p++) {
                uint64_t digit = (uint64_t)(*p - '0');

                if (sum > (UINT64_MAX - digit) / 10)
                        return -ERANGE;
                sum = sum * 10 + digit;
        }
        if (sum > most)
                return -ERANGE;
        *value = sum;
        *end = p;
        return 0;
}

int parse_u64(const char *text, uint64_t most, uint64_t *value)
{
        const char *end;
        uint64_t sum;
        int r = scan_digits(text, most, &sum, &end);

        if (r < 0)
                return r;
        if (*end)
                return -EINVAL;
        *value = sum;
        return 0;
}

int parse_i64(const char *text, int64_t least, int64_t most, int64_t *value)
{
        int negative = text[0] == '-';
        uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
        uint64_t sum;
        int64_t result;
        int r = parse_u64(text + negative, limit, &sum);

        if (r < 0)
                return r;
        result = negative ? (int64_t)(0 - sum) : (int64_t)sum;
        if (result < least || result > most)
                return -ERANGE;
        *value = result;
        return 0;
}

int parse_u32(const char *text, uint32_t *value)
{
        uint64_t wide;
        int r = parse_u64(text, UINT32_MAX, &wide);

        if (r < 0)
                return r;
        *value = (uint32_t)wide;
        return 0;
}

int parse_id(const char *text, uint32_t *value)
{
        uint64_t wide;
        int r = parse_u64(text, UINT32_MAX - 1, &wide);

        if (r < 0)
                return r;
        *value = (uint32_t)wide;
        return 0;
}

int parse_bytes(const char *text, int64_t *value)
{
        static const char units[] = "kmgt";
        const char *end, *unit;
        unsigned shift = 0;
        uint64_t sum;
        int r;

        if (strcmp(text, "-1") == 0) {
                *value = -1;
                return 0;
        }
        r = scan_digits(text, INT64_MAX, &sum, &end);
        if (r < 0)
                return r;
        if (*end) {
                char lower = (char)(*end | 0x20);

                unit = strchr(units, lower);
                if (unit && *unit) {
                        shift = 10 * (unsigned)(unit - units + 1);
                        end++;
                }
                if (*end && strcasecmp(end, "b") != 0 && (shift == 0 || strcasecmp(end, "ib") != 0))
                        return -EINVAL;
        }
        if (shift && sum > (uint64_t)INT64_MAX >> shift)
                return -ERANGE;
        *value = (int64_t)(sum << shift);
        return 0;
}
