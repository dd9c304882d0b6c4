/* For the tests of oci/: configurations written with ' for ", and what becomes of them. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "oci/spec.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define PROMISE(text, function)                                                                                        \
        {                                                                                                              \
                .name = (text), .test_func = (function)                                                                \
        }

/* The text with " for each ', malloc'ed. */
static inline char *quoted(const char *text)
{
        char *copy = strdup(text);

        assert_non_null(copy);
        for (char *p = copy; *p; p++) {
                if (*p == '\'')
                        *p = '"';
        }
        return copy;
}

/* A whole configuration with these further members. */
static inline char *config_with(const char *members)
{
        static const char head[] = "{'ociVersion':'1.3.0','root':{'path':'rootfs'}";
        static char text[65536];

        assert_true(snprintf(text, sizeof(text), "%s%s%s}", head, members[0] ? "," : "", members) < (int)sizeof(text));
        return quoted(text);
}

static inline struct oci_spec *accept_text(const char *text, size_t size)
{
        struct oci_spec *spec = NULL;
        int r = oci_spec_parse(text, size, &spec);

        if (r < 0)
                fail_msg("refused: %s\n%s", error_message(), text);
        assert_non_null(spec);
        return spec;
}

static inline struct oci_spec *accept(const char *members)
{
        _cleanup_free_ char *text = config_with(members);

        return accept_text(text, strlen(text));
}

static inline void refuse_text(const char *text, const char *message)
{
        struct oci_spec *spec = NULL;
        int r = oci_spec_parse(text, strlen(text), &spec);

        if (r == 0)
                fail_msg("accepted, expected \"%s\":\n%s", message, text);
        assert_int_equal(r, -EINVAL);
        assert_null(spec);
        assert_string_equal(error_message(), message);
}

struct refusal {
        const char *members, *message;
};

/* Each row is refused with exactly its message (' for " in both). */
static inline void refuse_all(const struct refusal *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *text = config_with(rows[i].members);
                _cleanup_free_ char *message = quoted(rows[i].message);

                refuse_text(text, message);
        }
}

#define REFUSED(...)                                                                                                   \
        do {                                                                                                           \
                static const struct refusal rows_[] = {__VA_ARGS__};                                                   \
                refuse_all(rows_, ELEMENTS(rows_));                                                                    \
        } while (0)

/* Each is accepted. */
#define ACCEPTED(...)                                                                                                  \
        do {                                                                                                           \
                static const char *const rows_[] = {__VA_ARGS__};                                                      \
                for (size_t i_ = 0; i_ < ELEMENTS(rows_); i_++)                                                        \
                        oci_spec_free(accept(rows_[i_]));                                                              \
        } while (0)

/* The last warning. */
static char last_warning[2048];
static int warnings;

static inline void catch_warning(enum log_level level, const char *message)
{
        if (level != LOG_LEVEL_WARNING)
                return;
        snprintf(last_warning, sizeof(last_warning), "%s", message);
        warnings++;
}

static inline void catch_warnings(void)
{
        last_warning[0] = '\0';
        warnings = 0;
        log_set_sink(catch_warning, LOG_LEVEL_WARNING);
}
