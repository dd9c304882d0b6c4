#include "runtime/ctl/init_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"

/* Each init has its own word for "shut down". */
static const struct {
        const char *name, *stop_signal;
} inits[] = {{"systemd", "RTMIN+3"}, {"busybox", "USR2"}};

/* The program at the end of the links, as a name; "" when there is none. */
static void resolve(int root, const char *path, char *name, size_t size)
{
        _cleanup_close_ int fd = in_root_open(root, path, O_PATH);
        char link[64], target[PATH_MAX];
        ssize_t n;

        *name = '\0';
        error_clear();
        if (fd < 0)
                return;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, target, sizeof(target) - 1);
        if (n <= 0)
                return;
        target[n] = '\0';
        snprintf(name, size, "%s", strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

int init_program_choose(struct settings *settings, int root)
{
        char name[64];

        if (settings->args.n)
                return 0;
        resolve(root, "/sbin/init", name, sizeof(name));
        if (!*name)
                return refuse(EINVAL, "nothing says what the container is to run: the image names no program and has "
                                      "no /sbin/init (give one behind --)");
        if (!settings->terminal_said)
                settings->terminal = true;
        for (size_t i = 0; i < ELEMENTS(inits) && !settings->stop_signal; i++)
                if (strcmp(inits[i].name, name) == 0)
                        settings->stop_signal = inits[i].stop_signal;
        return settings_set(settings, setting_find("arg"), "/sbin/init");
}
