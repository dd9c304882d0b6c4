#include "base/helper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "paths.h"

int helper_find(const char *name, char *path, size_t size)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        if (n < 0)
                return fail(errno, "find berth's own program");
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (slash)
                *slash = '\0';
        if (snprintf(path, size, "%s/%s", self, name) < (int)size && access(path, X_OK) == 0)
                return 0;
        snprintf(path, size, BERTH_LIBEXEC "/%s", name);
        if (access(path, X_OK) == 0)
                return 0;
        return refuse(errno, "berth's helper program %s is neither in %s nor in " BERTH_LIBEXEC, name, self);
}
