#include "base/cleanup.h"
#include "cli/selection.h"

struct delete_options {
        bool force, regex;
};

static const struct option_spec specs[] = {
        OPTION(struct delete_options, force, "force", 'f', NULL,
               "kill it first if it still runs; no error if it does not exist"),
        OPTION(struct delete_options, regex, "regex", 'r', NULL,
               "ID is an extended regular expression: delete every container that matches"),
};

static int delete_one(struct runtime *runtime, const char *id, const void *data)
{
        const struct delete_options *options = data;

        return container_delete(runtime, id, options->force);
}

static int run(struct invocation *invocation)
{
        const struct delete_options *options = invocation->options;

        return selection_each(invocation->runtime, invocation->arguments[0], options->regex, delete_one, options);
}

const struct command command_delete = {
        .name = "delete",
        .arguments = "ID",
        .summary = "remove a container and all that it holds",
        .description = "Removes a container that has stopped or was never started: cgroup, state directory, what "
                       "create made. Runs the poststop hooks. Also clears what a crash left behind.",
        .examples = "berth delete web\n"
                    "berth delete -f web              even if it runs\n"
                    "berth delete -f -r '^test-'      all whose name begins with test-",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct delete_options),
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .run = run,
};
