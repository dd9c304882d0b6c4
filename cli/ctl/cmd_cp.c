#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "runtime/ctl/copy.h"

/* "NAME:PATH" is in a container; a path with a slash before the colon, or without one, is the host's. name gets room
 * for CTL_NAME_MAX + 1 bytes. */
static int read_end(const char *text, char *name, struct copy_end *end)
{
        const char *colon = strchr(text, ':'), *slash = strchr(text, '/');

        if (!*text)
                return refuse(EINVAL, "cp: an empty path");
        *end = (struct copy_end){.path = text};
        if (!colon || (slash && slash < colon))
                return 0;
        if ((size_t)(colon - text) > CTL_NAME_MAX || colon[1] == '\0')
                return refuse(EINVAL, "cp: '%s' is no NAME:PATH", text);
        memcpy(name, text, (size_t)(colon - text));
        name[colon - text] = '\0';
        *end = (struct copy_end){.container = name, .path = colon + 1};
        return 0;
}

static int run(struct invocation *invocation)
{
        char names[2][CTL_NAME_MAX + 1];
        struct copy_end ends[2];
        int r = read_end(invocation->arguments[0], names[0], &ends[0]);

        if (r == 0)
                r = read_end(invocation->arguments[1], names[1], &ends[1]);
        if (r < 0)
                return r;
        if (!ends[0].container && !ends[1].container)
                return refuse(EINVAL, "cp: neither '%s' nor '%s' is in a container: expected NAME:PATH", ends[0].path,
                              ends[1].path);
        r = ctl_copy(invocation->ctl, &ends[0], &ends[1]);
        return r < 0 ? fail_in(r, "cp") : 0;
}

const struct command ctl_command_cp = {
        .name = "cp",
        .arguments = "[NAME:]SOURCE [NAME:]TARGET",
        .summary = "copy files into and out of containers",
        .description = "Copies a file, or a directory with what is in it, with owners, modes and times; into TARGET "
                       "when that is a directory, else as TARGET; of SOURCE/. what is in it. Directories are merged "
                       "and files replaced, but "
                       "neither takes the place of the other. Of containers it is what lies in their root on disk: "
                       "volumes and file systems that were mounted inside are not seen. Links of a container never "
                       "lead out of it, and what comes to the host loses set-user-id bits and capabilities.",
        .examples = "berthctl cp web:/etc/passwd .\n"
                    "berthctl cp ./site web:/www",
        .least = 2,
        .most = 2,
        .root = ROOT_READ,
        .run = run,
};
