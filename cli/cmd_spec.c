#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/command.h"
#include "oci/template.h"

struct spec_options {
        const char *bundle, *file;
        bool rootless;
};

static const struct option_spec specs[] = {
        OPTION(struct spec_options, bundle, "bundle", 'b', "DIR", "write it there (default: the current directory)"),
        OPTION(struct spec_options, file, "file", 'f', "FILE", "name of the file (default: config.json)"),
        OPTION(struct spec_options, rootless, "rootless", 0, NULL, "a container that needs no privileges"),
};

static int write_new(int dir_fd, const char *name, const char *text)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        int r;

        if (fd < 0 && errno == EEXIST)
                return refuse(EEXIST, "File %s exists. Remove it first", name);
        if (fd < 0)
                return fail(errno, "create %s", name);
        r = write_all(fd, text, strlen(text));
        if (r < 0) {
                unlinkat(dir_fd, name, 0);
                return fail(-r, "write %s", name);
        }
        return 0;
}

static int run(struct invocation *invocation)
{
        const struct spec_options *options = invocation->options;
        const char *bundle = options->bundle ? options->bundle : ".";
        _cleanup_close_ int dir_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;

        if (dir_fd < 0)
                return fail(errno, "open bundle %s", bundle);
        text = oci_template_json(options->rootless);
        if (!text)
                return fail(ENOMEM, "make a configuration");
        return write_new(dir_fd, options->file ? options->file : "config.json", text);
}

const struct command command_spec = {
        .name = "spec",
        .arguments = "",
        .summary = "write a config.json to start from",
        .description = "Writes a config.json that runs 'sh' in the bundle's directory 'rootfs', with the mounts, "
                       "namespaces and restrictions of an ordinary container. Never overwrites a file.",
        .examples = "mkdir -p web/rootfs && berth spec -b web   then fill web/rootfs\n"
                    "berth spec --rootless",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct spec_options),
        .least = 0,
        .most = 0,
        .root = ROOT_UNUSED,
        .run = run,
};
