#include "base/cleanup.h"
#include "cli/create_options.h"

static const struct option_spec specs[] = {
        CREATE_OPTIONS,
        OPTION(struct create_options, detach, "detach", 'd', NULL, "return as soon as the program runs"),
        OPTION(struct create_options, keep, "keep", 0, NULL, "do not delete the container when its program has ended"),
        OPTION(struct create_options, no_subreaper, "no-subreaper", 0, NULL,
               "do not become the parent of the container's orphans"),
};

static int run(struct invocation *invocation)
{
        const struct create_options *options = invocation->options;
        struct create_request request;
        int r = create_request_from(invocation, &request);

        if (r < 0)
                return r;
        request.detach = options->detach;
        request.keep = options->keep;
        return container_run(invocation->runtime, &request, &invocation->exit_status);
}

const struct command command_run = {
        .name = "run",
        .arguments = "ID",
        .summary = "create and start a container, wait for it and delete it",
        .description = "Makes the container ID from a bundle and starts it. In the foreground berth forwards signals "
                       "and the terminal, waits for the program and deletes the container afterwards; with --detach "
                       "it returns at once and the container is deleted with 'berth delete'.",
        .examples = "berth run -b /srv/web web              in the foreground\n"
                    "berth run -d -b /srv/web web           in the background",
        .exit_codes = "N      the program's own status\n"
                      "128+N  the program was killed by signal N\n"
                      "0      with --detach: the program runs\n"
                      "1      an error of berth; standard error says which",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct create_options),
        .least = 1,
        .most = 1,
        .root = ROOT_MAKE,
        .run = run,
};
