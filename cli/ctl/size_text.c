#include "cli/ctl/size_text.h"

#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

const char *size_text(uint64_t bytes, char text[SIZE_TEXT])
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = (double)bytes;
        size_t unit = 0;

        while (value >= 1024 && unit + 1 < ELEMENTS(units)) {
                value /= 1024;
                unit++;
        }
        snprintf(text, SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
        return text;
}
