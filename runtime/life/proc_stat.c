#include "runtime/life/proc_stat.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

#define FIELD_STATE      3
#define FIELD_THREADS    20
#define FIELD_START_TIME 22

/* p is at field FIELD_STATE. */
static int read_field(const char *p, int wanted, uint64_t *value)
{
        char number[24];
        size_t length;

        for (int field = FIELD_STATE; field < wanted; field++) {
                p = strchr(p, ' ');
                if (!p)
                        return -EINVAL;
                p++;
        }
        length = strcspn(p, " \n");
        if (length >= sizeof(number))
                return -EINVAL;
        memcpy(number, p, length);
        number[length] = '\0';
        return parse_u64(number, UINT64_MAX, value) < 0 ? -EINVAL : 0;
}

/* The last ")" ends the name: it may hold blanks, parentheses and newlines, and what follows it are plain numbers. */
int proc_stat_parse(const char *text, struct proc_stat *stat)
{
        const char *open = strchr(text, '('), *close = strrchr(text, ')');
        size_t length;

        if (!open || !close || close < open || close[1] != ' ')
                return -EINVAL;
        length = (size_t)(close - open) - 1;
        if (length >= sizeof(stat->comm))
                length = sizeof(stat->comm) - 1;
        memset(stat->comm, 0, sizeof(stat->comm));
        memcpy(stat->comm, open + 1, length);
        stat->state = close[2];
        if (read_field(close + 2, FIELD_THREADS, &stat->threads) < 0)
                return -EINVAL;
        return read_field(close + 2, FIELD_START_TIME, &stat->start_time);
}
