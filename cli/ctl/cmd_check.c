/* check: what this host gives containers, and what it lacks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/text_table.h"
#include "cli/output.h"
#include "oci/json_write.h"
#include "runtime/ctl/check.h"

struct check_options {
        bool json, quiet;
};

static const struct option_spec check_specs[] = {
        OPTION(struct check_options, json, "json", 'j', NULL, "an array of objects"),
        OPTION(struct check_options, quiet, "quiet", 'q', NULL, "only what is lacking"),
};

static int put_json(struct json_writer *json, const struct check *check, const char *reason)
{
        json_object(json, NULL);
        json_string(json, "name", check->name);
        json_bool(json, "ok", !reason);
        json_bool(json, "basic", check_is_basic(check));
        json_string(json, "use", check->use);
        json_string(json, "reason", reason);
        json_string(json, "remedy", reason ? check->remedy : NULL);
        json_object_end(json);
        return 0;
}

static int put_row(struct text_table *table, const struct check *check, const char *reason)
{
        char text[1024];

        snprintf(text, sizeof(text), "%s", check->use);
        if (reason)
                snprintf(text, sizeof(text), "%s: %.400s; remedy: %s", check->use, reason, check->remedy);
        return text_table_add(table, (const char *[]){!reason                 ? "ok"
                                                      : check_is_basic(check) ? "LACKING"
                                                                              : "lacking",
                                                      check->name, text});
}

static int run_check(struct invocation *invocation)
{
        const struct check_options *options = invocation->options;
        _cleanup_(text_table_release) struct text_table table = {.n_columns = 3};
        _cleanup_free_ char *text = NULL;
        _cleanup_output_ struct output output = {0};
        struct json_writer json;
        int r = 0, finished;

        json_start(&json, "  ");
        json_array(&json, NULL);
        for (size_t i = 0; i < n_checks && r == 0; i++) {
                const struct check *check = &check_table[i];
                _cleanup_free_ char *reason = NULL;

                if (!check_applies(check))
                        continue;
                if (check_run(invocation->ctl, check) < 0) {
                        reason = strdup(error_message());
                        if (!reason)
                                r = -ENOMEM;
                        if (check_is_basic(check))
                                invocation->exit_status = 1;
                        error_clear();
                }
                if (options->quiet && !reason)
                        continue;
                r = r < 0 ? r : options->json ? put_json(&json, check, reason) : put_row(&table, check, reason);
        }
        json_array_end(&json);
        finished = json_finish(&json, &text);
        if (r < 0 || finished < 0)
                return fail_in(r < 0 ? r : finished, "check");
        if (options->json)
                return output_text(text);
        r = output_begin(&output);
        if (r < 0)
                return r;
        text_table_print(&table, output.stream);
        return output_end(&output);
}

const struct command ctl_command_check = {
        .name = "check",
        .arguments = "",
        .summary = "what this host gives containers, and what it lacks",
        .description =
                "Tries what containers, their limits, images, networks and virtual machines need of this host, each "
                "in a process and a namespace of its own, and says what is lacking, what for, why, and the remedy. "
                "LACKING in capitals: no container runs without it. Nothing on the host is changed (but the kernel "
                "for guests is made ready when it is not).",
        .examples = "berthctl check --quiet\n"
                    "berthctl check --json | jq -r '.[] | select(.ok | not) | .remedy'",
        .exit_codes = "0  what every container needs is there\n"
                      "1  some of it is lacking",
        .options = OPTION_TABLE(check_specs),
        .options_size = sizeof(struct check_options),
        .least = 0,
        .most = 0,
        .root = ROOT_READ,
        .run = run_check,
};
