#include "base/cleanup.h"
#include "cli/create_options.h"

static const struct option_spec specs[] = {
        CREATE_OPTIONS,
        OPTION(struct create_options, no_subreaper, "no-subreaper", 0, NULL, "accepted for crun's callers; no effect"),
};

static int run(struct invocation *invocation)
{
        struct create_request request;
        int r = create_request_from(invocation, &request);

        return r < 0 ? r : container_create(invocation->runtime, &request);
}

const struct command command_create = {
        .name = "create",
        .arguments = "ID",
        .summary = "make a container and stop right before its program",
        .description =
                "Makes the container ID from a bundle: namespaces, root file system, cgroup, privileges. Its first "
                "process then waits for 'berth start' before it runs the program. ID is a name of letters, digits, "
                "'_', '+', '-' and '.', unique on this host. Nothing is left behind when it fails.",
        .examples = "berth create -b /srv/web web          then: berth start web\n"
                    "berth create --pid-file web.pid web   from the bundle in .",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct create_options),
        .least = 1,
        .most = 1,
        .root = ROOT_MAKE,
        .run = run,
};
