#include "vmmode/agent/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/syscalls.h"

static int is_module(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);

        return length > 3 && strcmp(entry->d_name + length - 3, ".ko") == 0;
}

static void load(int directory, const char *name)
{
        _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)) {
                log_warning("module %s: %s", name, strerror(errno));
                return;
        }
        (void)unlinkat(directory, name, 0);
}

void modules_load(int modules, const char *directory)
{
        _cleanup_close_ int fd = -EBADF;
        struct dirent **names;
        char path[64];
        int n;

        if (modules < 0)
                return;
        fd = openat(modules, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = scandir(path, &names, is_module, alphasort);
        for (int i = 0; i < n; i++) {
                load(fd, names[i]->d_name);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
}
