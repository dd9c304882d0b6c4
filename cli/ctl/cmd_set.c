#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/settings_options.h"
#include "runtime/ctl/ctl.h"

struct set_options {
        struct settings_options settings;
        struct option_list unset;
};

static const struct option_spec specs[] = {
        SETTINGS_OPTIONS(struct set_options, settings),
        OPTION(struct set_options, unset, "unset", 0, "KEY", "take a setting away, such as memory (repeatable)"),
};

static int read_arguments(const struct invocation *invocation, struct settings *settings, uint64_t *changed)
{
        const struct setting *setting = setting_find("arg");
        int r = 0;

        if (invocation->n_arguments == 1)
                return 0;
        settings_unset(settings, setting);
        *changed |= UINT64_C(1) << (setting - setting_table);
        for (size_t i = 1; i < invocation->n_arguments && r == 0; i++)
                r = settings_set(settings, setting, invocation->arguments[i]);
        return r;
}

static int run(struct invocation *invocation)
{
        const struct set_options *options = invocation->options;
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        uint64_t changed = 0;
        bool later;
        int r = ctl_find(invocation->ctl, invocation->arguments[0], CTL_LOCKED, &container);

        if (r == 0)
                r = settings_options_unset(&options->unset, &container.settings, &changed);
        if (r == 0)
                r = settings_options_apply(&options->settings, &container.settings, &changed);
        if (r == 0)
                r = read_arguments(invocation, &container.settings, &changed);
        if (r < 0)
                return r;
        if (!changed && options->unset.n)
                return 0;
        if (!changed)
                return refuse(EINVAL, "set: nothing to change (see berthctl set --help)");
        r = ctl_set(invocation->ctl, &container, changed, &later);
        if (r == 0 && later)
                fprintf(stderr, "%s runs: some of this counts from its next start\n", container.name);
        return r;
}

const struct command ctl_command_set = {
        .name = "set",
        .arguments = "NAME [-- COMMAND [ARGUMENT...]]",
        .summary = "change settings, of running containers, too",
        .description = "Changes settings of a container and keeps them. Limits count at once when it runs; what cannot "
                       "change while it runs counts from its next start, and berthctl says so. A list (env, volume) "
                       "takes the place of the one before. When the running container refuses a limit, nothing is "
                       "changed.",
        .examples = "berthctl set web --memory 1g --cpus 2\n"
                    "berthctl set web --unset memory --autostart",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct set_options),
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_CHANGE,
        .run = run,
};
