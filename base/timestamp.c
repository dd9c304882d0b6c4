#include "base/timestamp.h"

#include <stdio.h>
#include <time.h>

/* The proleptic Gregorian calendar with years that begin in March: the leap day is then the last day of a year and
 * every month's first day follows from one linear formula. */
void timestamp_format(int64_t seconds, uint32_t nanoseconds, char *buffer)
{
        int64_t days = seconds / 86400, rest = seconds % 86400;
        int64_t era, year;
        unsigned day_of_era, year_of_era, day_of_year, shifted_month, day, month;

        if (rest < 0) {
                rest += 86400;
                days--;
        }
        days += 719468; /* from 0000-03-01 to 1970-01-01 */
        era = (days >= 0 ? days : days - 146096) / 146097;
        day_of_era = (unsigned)(days - era * 146097);
        year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        shifted_month = (5 * day_of_year + 2) / 153;
        day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
        year = (int64_t)year_of_era + era * 400 + (month <= 2);
        snprintf(buffer, TIMESTAMP_SIZE, "%04d-%02u-%02uT%02u:%02u:%02u.%09uZ", (int)year, month, day,
                 (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60), (unsigned)(rest % 60), nanoseconds);
}

void timestamp_now(char *buffer)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        timestamp_format(now.tv_sec, (uint32_t)now.tv_nsec, buffer);
}
