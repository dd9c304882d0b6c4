#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/interrupt.h"
#include "cli/ctl/settings_options.h"
#include "netdev/ctlnet.h"
#include "runtime/ctl/ctl.h"

struct create_options {
        const char *image, *isolation;
        struct option_switch unprivileged;
        struct settings_options settings;
        bool start;
};

static const struct option_spec specs[] = {
        OPTION(struct create_options, image, "image", 'i', "IMAGE", "what its files come from; see above"),
        OPTION(struct create_options, isolation, "isolation", 0, "process|vm", "which wall it gets (default: process)"),
        OPTION(struct create_options, unprivileged, "unprivileged", 0, NULL,
               "run it with ids of its own, which are nobody's on this host (default: true)"),
        OPTION(struct create_options, start, "start", 's', NULL, "start it, too"),
        SETTINGS_OPTIONS(struct create_options, settings),
};

static int read_settings(const struct invocation *invocation, struct settings *settings)
{
        const struct create_options *options = invocation->options;
        uint64_t changed = 0;
        int r = settings_set(settings, setting_find("image"), options->image);

        if (r == 0 && options->isolation)
                r = settings_set(settings, setting_find("isolation"), options->isolation);
        settings->unprivileged = options->unprivileged.set ? options->unprivileged.value : true;
        if (!settings->unprivileged && geteuid() != 0)
                return refuse(EINVAL, "--unprivileged=false: an ordinary user has no privileges to give");
        if (r == 0)
                r = settings_options_apply(&options->settings, settings, &changed);
        if (r == 0 && settings->nets.n == 0)
                r = settings_set(settings, setting_find("net"), geteuid() == 0 ? CTLNET_DEFAULT : "pasta");
        for (size_t i = 1; i < invocation->n_arguments && r == 0; i++)
                r = settings_set(settings, setting_find("arg"), invocation->arguments[i]);
        return r;
}

static int run(struct invocation *invocation)
{
        const struct create_options *options = invocation->options;
        _cleanup_settings_ struct settings settings = {0};
        int r;

        if (!options->image)
                return refuse(EINVAL, "create: --image is missing (busybox needs nothing else)");
        r = read_settings(invocation, &settings);
        if (r == 0)
                r = ctl_create(invocation->ctl, invocation->arguments[0], options->image, &settings);
        /* What is started is a person's to stop. */
        interrupt_end();
        if (r == 0 && options->start)
                r = ctl_start(invocation->ctl, invocation->arguments[0]);
        return r;
}

const struct command ctl_command_create = {
        .name = "create",
        .arguments = "NAME [-- COMMAND [ARGUMENT...]]",
        .summary = "make a container",
        .description =
                "Makes the container NAME with files from an image. It runs COMMAND, else the program that the image "
                "names, else its /sbin/init.\nWithout --net it joins the network berth0, which is made on first use; "
                "an ordinary user's has pasta. IMAGE is busybox (a tiny userland, made from this host's busybox), "
                "dir:PATH (a copy of a directory), tar:FILE (an archive of a root file system, packed in any way), "
                "oci:LAYOUT[:TAG] (an OCI image layout), docker-archive:FILE (what docker save writes), docker://NAME "
                "(from a registry, by skopeo) or debian:SUITE (by mmdebstrap).\nSIZE is a number of bytes with an "
                "optional k, m, g or t.",
        .examples = "berthctl create web --image busybox --memory 64m\n"
                    "berthctl create db --image tar:debian.tar.xz --cpus 1.5 --restart on-failure\n"
                    "berthctl create job --image dir:/srv/root --start -- /bin/sh -c 'echo hello'",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct create_options),
        .least = 1,
        .most = SIZE_MAX,
        .root = ROOT_MAKE,
        .interruptible = true,
        .run = run,
};
