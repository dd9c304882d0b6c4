#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "oci/vocabulary.h"

struct duration_unit {
        const char *name;
        uint64_t nanoseconds;
};

/* Longer names first where one begins another. Both micro signs that Unicode has. */
static const struct duration_unit duration_units[] = {
        {"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000},   {"\xce\xbcs", 1000},
        {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000ULL}, {"h", 3600000000000ULL},
};

#define DURATION_MOST ((uint64_t)INT32_MAX * 1000000) /* ns */

/* One "<digits>[.<digits>]" in units of 10^-9, no more than fits; *end after it. */
static int scan_decimal(const char *text, uint64_t *whole, uint64_t *billionths, const char **end)
{
        const char *p = text;
        uint64_t scale = 100000000;
        bool any = false;

        *whole = 0;
        *billionths = 0;
        for (; isdigit((unsigned char)*p); p++, any = true) {
                if (*whole > DURATION_MOST)
                        return -ERANGE;
                *whole = *whole * 10 + (uint64_t)(*p - '0');
        }
        if (*p == '.') {
                for (p++; isdigit((unsigned char)*p); p++, any = true) {
                        *billionths += (uint64_t)(*p - '0') * scale;
                        scale /= 10;
                }
        }
        *end = p;
        return any ? 0 : -EINVAL;
}

static const struct duration_unit *scan_unit(const char *text)
{
        for (size_t i = 0; i < ELEMENTS(duration_units); i++) {
                size_t length = strlen(duration_units[i].name);

                if (strncmp(text, duration_units[i].name, length) == 0)
                        return &duration_units[i];
        }
        return NULL;
}

int parse_duration(const char *text, int64_t *milliseconds)
{
        uint64_t sum = 0;

        if (*text && text[strspn(text, "0123456789")] == '\0') {
                uint64_t seconds;
                int r = parse_u64(text, DURATION_MOST / 1000000000, &seconds);

                *milliseconds = r < 0 ? 0 : (int64_t)seconds * 1000;
                return r;
        }
        if (!*text)
                return -EINVAL;
        while (*text) {
                const struct duration_unit *unit;
                uint64_t whole, billionths;
                int r = scan_decimal(text, &whole, &billionths, &text);

                if (r < 0)
                        return r;
                unit = scan_unit(text);
                if (!unit)
                        return -EINVAL;
                text += strlen(unit->name);
                if (whole > DURATION_MOST / unit->nanoseconds)
                        return -ERANGE;
                sum += whole * unit->nanoseconds + (uint64_t)((__uint128_t)billionths * unit->nanoseconds / 1000000000);
                if (sum > DURATION_MOST)
                        return -ERANGE;
        }
        *milliseconds = (int64_t)((sum + 999999) / 1000000);
        return 0;
}

int parse_bool(const char *text, bool *value)
{
        static const char *const words[][2] = {{"true", "false"}, {"1", "0"}, {"yes", "no"}, {"t", "f"}};

        for (size_t i = 0; i < ELEMENTS(words); i++)
                for (int is_false = 0; is_false < 2; is_false++)
                        if (strcasecmp(text, words[i][is_false]) == 0) {
                                *value = !is_false;
                                return 0;
                        }
        return -EINVAL;
}

int parse_user(const char *text, uint32_t *uid, bool *gid_set, uint32_t *gid)
{
        const char *colon = strchr(text, ':');
        char user[16];

        *gid_set = colon != NULL;
        if (colon && parse_id(colon + 1, gid) < 0)
                return -EINVAL;
        if (!colon)
                return parse_id(text, uid) < 0 ? -EINVAL : 0;
        if ((size_t)(colon - text) >= sizeof(user))
                return -EINVAL;
        memcpy(user, text, (size_t)(colon - text));
        user[colon - text] = '\0';
        return parse_id(user, uid) < 0 ? -EINVAL : 0;
}

int parse_capability(const char *text, unsigned *bit)
{
        const struct word *word;
        char name[64];
        int n = snprintf(name, sizeof(name), "%s%s", strncasecmp(text, "CAP_", 4) == 0 ? "" : "CAP_", text);

        if (n < 0 || (size_t)n >= sizeof(name))
                return -EINVAL;
        for (char *p = name; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        word = word_find(&capability_words, name);
        if (!word)
                return -EINVAL;
        *bit = (unsigned)word->value;
        return 0;
}
