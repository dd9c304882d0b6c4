#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/selection.h"
#include "oci/vocabulary.h"

struct kill_options {
        bool all, regex;
};

struct kill_request {
        int signal;
        bool all;
};

static const struct option_spec specs[] = {
        OPTION(struct kill_options, all, "all", 'a', NULL, "signal every process of the container"),
        OPTION(struct kill_options, regex, "regex", 'r', NULL,
               "ID is an extended regular expression: signal every container that matches"),
};

static int kill_one(struct runtime *runtime, const char *id, const void *data)
{
        const struct kill_request *request = data;

        return container_kill(runtime, id, request->signal, request->all);
}

static int run(struct invocation *invocation)
{
        const struct kill_options *options = invocation->options;
        const char *text = invocation->n_arguments > 1 ? invocation->arguments[1] : "TERM";
        struct kill_request request = {.all = options->all};

        /* 0 asks whether somebody is there, as in kill(2). */
        if (strcmp(text, "0") != 0 && signal_parse(text, &request.signal) < 0)
                return refuse(EINVAL, "unknown signal '%s': expected a number from 1 to 64 or a name such as TERM",
                              text);
        return selection_each(invocation->runtime, invocation->arguments[0], options->regex, kill_one, &request);
}

const struct command command_kill = {
        .name = "kill",
        .arguments = "ID [SIGNAL]",
        .summary = "send a signal to a container",
        .description = "Sends SIGNAL (default: TERM) to the container's first process, or to all its processes. A "
                       "signal is a number or a name in any case, with or without SIG.",
        .examples = "berth kill web            ask it to end\n"
                    "berth kill web KILL       end it\n"
                    "berth kill -a web HUP     every process",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct kill_options),
        .least = 1,
        .most = 2,
        .root = ROOT_READ,
        .run = run,
};
