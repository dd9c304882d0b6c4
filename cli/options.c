#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "cli/values.h"

/* What is being parsed. */
struct cursor {
        const struct option_table *table;
        int argc;
        char **argv;
        int next; /* the argument after the present one */
        void *values;
};

static bool takes_value(const struct option_spec *spec)
{
        return spec->kind != OPTION_FLAG && spec->kind != OPTION_SWITCH;
}

static const struct option_spec *find_name(const struct option_table *table, const char *name, size_t length)
{
        for (size_t i = 0; i < table->n; i++)
                if (strlen(table->v[i].name) == length && memcmp(table->v[i].name, name, length) == 0)
                        return &table->v[i];
        return NULL;
}

static const struct option_spec *find_letter(const struct option_table *table, char letter)
{
        for (size_t i = 0; i < table->n; i++)
                if (letter && table->v[i].letter == letter)
                        return &table->v[i];
        return NULL;
}

static bool asks_for_help(const char *name, size_t length)
{
        static const char *const words[] = {"help", "usage", "h", "?"};

        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (strlen(words[i]) == length && memcmp(words[i], name, length) == 0)
                        return true;
        return false;
}

static int list_append(struct option_list *list, const char *text)
{
        const char **bigger = realloc(list->v, (list->n + 1) * sizeof(*bigger));

        if (!bigger)
                return fail(ENOMEM, "keep an option's values");
        list->v = bigger;
        list->v[list->n++] = text;
        return 0;
}

static int bad_value(const struct option_spec *spec, const char *text, const char *expected)
{
        return refuse(EINVAL, "invalid value '%s' for flag --%s: expected %s", text, spec->name, expected);
}

static int set_bool(const struct option_spec *spec, const char *text, bool *value)
{
        *value = true;
        if (text && parse_bool(text, value) < 0)
                return bad_value(spec, text, "true or false");
        return 0;
}

static int set_number(const struct option_spec *spec, const char *text, struct option_number *number)
{
        if (parse_i64(text, spec->least, spec->most, &number->value) < 0)
                return refuse(EINVAL,
                              "invalid value '%s' for flag --%s: expected a number from %" PRId64 " to %" PRId64, text,
                              spec->name, spec->least, spec->most);
        number->set = true;
        return 0;
}

static int set_bytes(const struct option_spec *spec, const char *text, struct option_bytes *bytes)
{
        if (parse_bytes(text, &bytes->value) < 0)
                return bad_value(spec, text, "a number of bytes such as 512m or 2g, or -1 for no limit");
        bytes->set = true;
        return 0;
}

static int set_duration(const struct option_spec *spec, const char *text, struct option_duration *duration)
{
        if (parse_duration(text, &duration->milliseconds) < 0 || duration->milliseconds < spec->least)
                return bad_value(spec, text, "a duration such as 5s, 500ms or 1m30s");
        duration->set = true;
        return 0;
}

/* text is NULL only for flags given without a value. */
static int set_value(const struct option_spec *spec, const char *text, void *values)
{
        void *member = (char *)values + spec->offset;

        switch (spec->kind) {
        case OPTION_FLAG:
                return set_bool(spec, text, member);
        case OPTION_SWITCH:
                ((struct option_switch *)member)->set = true;
                return set_bool(spec, text, &((struct option_switch *)member)->value);
        case OPTION_STRING:
                *(const char **)member = text;
                return 0;
        case OPTION_LIST:
                return list_append(member, text);
        case OPTION_NUMBER:
                return set_number(spec, text, member);
        case OPTION_BYTES:
                return set_bytes(spec, text, member);
        case OPTION_DURATION:
                return set_duration(spec, text, member);
        }
        return -EINVAL;
}

/* The value after "=" or, for options that need one, the next argument. */
static int take_value(struct cursor *cursor, const struct option_spec *spec, const char *inlined, const char *shown)
{
        const char *text = inlined;

        if (!text && takes_value(spec)) {
                if (cursor->next >= cursor->argc)
                        return refuse(EINVAL, "flag needs an argument: %s", shown);
                text = cursor->argv[cursor->next++];
        }
        return set_value(spec, text, cursor->values);
}

/* "-abc": flags up to the first option with a value, which takes the rest. */
static int parse_cluster(struct cursor *cursor, const char *letters)
{
        for (const char *p = letters; *p; p++) {
                const struct option_spec *spec = find_letter(cursor->table, *p);
                char shown[] = {'-', *p, '\0'};
                const char *rest = p + 1;
                int r;

                if (!spec)
                        return *p == 'h' || *p == '?' ? OPTIONS_HELP : refuse(EINVAL, "unknown flag: -%c", *p);
                if (*rest == '=')
                        return take_value(cursor, spec, rest + 1, shown);
                if (takes_value(spec))
                        return take_value(cursor, spec, *rest ? rest : NULL, shown);
                r = set_value(spec, NULL, cursor->values);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_one(struct cursor *cursor, const char *argument)
{
        bool two_dashes = argument[1] == '-';
        const char *name = argument + 1 + two_dashes;
        size_t length = strcspn(name, "=");
        const struct option_spec *spec = NULL;
        char shown[64];

        /* Go's flag package takes one dash for a long name, too; one letter is always a letter. */
        if (two_dashes || length > 1)
                spec = find_name(cursor->table, name, length);
        if (spec) {
                shown[0] = shown[1] = '-';
                strncpy(shown + 2, spec->name, sizeof(shown) - 3);
                shown[sizeof(shown) - 1] = '\0';
                return take_value(cursor, spec, name[length] == '=' ? name + length + 1 : NULL, shown);
        }
        if (asks_for_help(name, length) && (length > 1 || !find_letter(cursor->table, *name)))
                return OPTIONS_HELP;
        if (two_dashes)
                return refuse(EINVAL, "unknown flag: --%.*s", (int)length, name);
        return parse_cluster(cursor, name);
}

int options_parse(const struct option_table *table, int argc, char **argv, void *values,
                  struct option_positionals *positionals)
{
        struct cursor cursor = {table, argc, argv, 0, values};
        bool ended = false;

        while (cursor.next < argc) {
                char *argument = argv[cursor.next++];
                int r;

                if (ended || argument[0] != '-' || argument[1] == '\0') {
                        positionals->v[positionals->n++] = argument;
                        ended = ended || positionals->stop_at_first;
                        continue;
                }
                if (strcmp(argument, "--") == 0) {
                        ended = true;
                        continue;
                }
                r = parse_one(&cursor, argument);
                if (r != 0)
                        return r;
        }
        return 0;
}

void options_release(const struct option_table *table, void *values)
{
        for (size_t i = 0; i < table->n; i++) {
                struct option_list *list = (void *)((char *)values + table->v[i].offset);

                if (table->v[i].kind != OPTION_LIST)
                        continue;
                free(list->v);
                *list = (struct option_list){0};
        }
}
