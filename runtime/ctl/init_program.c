#include "runtime/ctl/init_program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"

/* Each init has its own word for "shut down". */
static const struct {
        const char *name, *stop_signal;
} inits[] = {{"systemd", "RTMIN+3"}, {"busybox", "USR2"}};

/* The program at the end of the links, as a name; "" when there is none. */
static void resolve(int root, const char *path, char *name, size_t size)
{
        _cleanup_close_ int fd = in_root_open(root, path, O_PATH);
        char target[PATH_MAX];

        *name = '\0';
        if (fd < 0 || fd_path(fd, target) < 0) {
                error_clear();
                return;
        }
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

/* Only a regular file that is there: a link may be anything. */
static int rewrite(int root, const char *path, const char *text)
{
        _cleanup_close_ int etc = in_root_open(root, "/etc", O_PATH | O_DIRECTORY), fd = -EBADF;
        struct stat st;
        int r;

        error_clear();
        if (etc >= 0)
                fd = openat(etc, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
                return 0;
        r = ftruncate(fd, 0) < 0 ? -errno : write_all(fd, text, strlen(text));
        return r < 0 ? fail(-r, "write /etc/%s", path) : 0;
}

int init_program_personalise(const struct settings *settings, int root, const char *name)
{
        char text[128];
        int r;

        if (settings->args.n == 0 || strcmp(settings->args.v[0], "/sbin/init") != 0)
                return 0;
        snprintf(text, sizeof(text), "%s\n", settings->hostname ? settings->hostname : name);
        r = rewrite(root, "hostname", text);
        return r < 0 ? r : rewrite(root, "machine-id", "");
}
