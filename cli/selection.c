#include "cli/selection.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/life/record.h"

struct matches {
        regex_t expression;
        char **ids;
        size_t n;
};

static void matches_release(struct matches *matches)
{
        regfree(&matches->expression);
        for (size_t i = 0; i < matches->n; i++)
                free(matches->ids[i]);
        free(matches->ids);
}

/* The names are collected first: acting may remove the entry that the directory is being read at. */
static int collect(const struct container *container, void *data)
{
        struct matches *matches = data;
        char **bigger;

        if (regexec(&matches->expression, container->record->id, 0, NULL, 0) != 0)
                return 0;
        bigger = realloc(matches->ids, (matches->n + 1) * sizeof(*bigger));
        if (!bigger)
                return fail(ENOMEM, "collect the matching containers");
        matches->ids = bigger;
        matches->ids[matches->n] = strdup(container->record->id);
        if (!matches->ids[matches->n])
                return fail(ENOMEM, "collect the matching containers");
        matches->n++;
        return 0;
}

static int act_on_all(struct runtime *runtime, const struct matches *matches,
                      int (*act)(struct runtime *runtime, const char *id, const void *data), const void *data)
{
        _cleanup_free_ char *first = NULL;
        int result = 0;

        for (size_t i = 0; i < matches->n; i++) {
                int r = act(runtime, matches->ids[i], data);

                if (r < 0 && result == 0) {
                        fail_in(r, "%s", matches->ids[i]);
                        first = strdup(error_message());
                        result = r;
                }
        }
        return result < 0 ? refuse(-result, "%s", first ? first : "failed") : 0;
}

int selection_each(struct runtime *runtime, const char *id, bool is_regex,
                   int (*act)(struct runtime *runtime, const char *id, const void *data), const void *data)
{
        struct matches matches = {0};
        char why[256];
        int r;

        if (!is_regex)
                return act(runtime, id, data);
        r = regcomp(&matches.expression, id, REG_EXTENDED | REG_NOSUB);
        if (r != 0) {
                regerror(r, &matches.expression, why, sizeof(why));
                return refuse(EINVAL, "invalid regular expression '%s': %s", id, why);
        }
        r = container_each(runtime, collect, &matches);
        if (r == 0)
                r = act_on_all(runtime, &matches, act, data);
        matches_release(&matches);
        return r;
}
