/* The number parsers of command lines and JSON: what they take must be written in exactly one way. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "oci/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void same(const char *text, const char *format, ...)
{
        char printed[64];
        va_list args;

        va_start(args, format);
        vsnprintf(printed, sizeof(printed), format, args);
        va_end(args);
        if (strcmp(text, printed) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char text[256];
        uint64_t natural;
        int64_t number;
        uint32_t narrow;
        int signal;

        if (size >= sizeof(text))
                return 0;
        if (size)
                memcpy(text, data, size);
        text[size] = '\0';
        if (parse_u64(text, UINT64_MAX, &natural) == 0)
                same(text, "%" PRIu64, natural);
        if (parse_i64(text, INT64_MIN, INT64_MAX, &number) == 0 && strcmp(text, "-0") != 0)
                same(text, "%" PRId64, number);
        if (parse_u32(text, &narrow) == 0)
                same(text, "%" PRIu32, narrow);
        if (parse_id(text, &narrow) == 0) {
                same(text, "%" PRIu32, narrow);
                if (narrow == UINT32_MAX)
                        abort();
        }
        if (parse_bytes(text, &number) == 0 && number < -1)
                abort();
        if (signal_parse(text, &signal) == 0 && (signal < 1 || signal > 64))
                abort();
        return 0;
}
