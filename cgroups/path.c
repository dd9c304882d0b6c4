#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "cgroups/cgroup.h"

struct path_builder {
        char *path;
        size_t size, used;
};

/* Adds the components of `text`, each with one slash before it and without those that are ".". A newline is refused as
 * the kernel does (it would make /proc/PID/cgroup unreadable). */
static int add_components(struct path_builder *builder, const char *text)
{
        const char *p = text;

        while (*(p += strspn(p, "/"))) {
                size_t length = strcspn(p, "/");

                if (length == 1 && p[0] == '.') {
                        p++;
                        continue;
                }
                if (length == 2 && p[0] == '.' && p[1] == '.')
                        return refuse(EINVAL, "linux.cgroupsPath: \"%s\": the component \"%.*s\" is not allowed", text,
                                      (int)length, p);
                if (memchr(p, '\n', length))
                        return refuse(EINVAL, "linux.cgroupsPath: a newline is not allowed in the name of a cgroup");
                if (length > NAME_MAX || builder->used + 1 + length >= builder->size)
                        return refuse(ENAMETOOLONG, "linux.cgroupsPath: \"%.64s...\" is too long", text);
                builder->path[builder->used++] = '/';
                memcpy(builder->path + builder->used, p, length);
                builder->used += length;
                builder->path[builder->used] = '\0';
                p += length;
        }
        return 0;
}

/* The parent of the runtime's own group, not the group itself: that one holds the runtime's process, and no controller
 * can be enabled beside a process. */
static int add_own_parent(struct path_builder *builder, const struct cgroup_host *host)
{
        int r = add_components(builder, host->own_path);
        char *slash;

        if (r < 0)
                return fail_in(r, "the runtime's own cgroup");
        slash = strrchr(builder->path, '/');
        if (slash) {
                *slash = '\0';
                builder->used = (size_t)(slash - builder->path);
        }
        return 0;
}

int cgroup_path_for(const struct cgroup_host *host, const char *cgroups_path, const char *id, char *path, size_t size)
{
        struct path_builder builder = {.path = path, .size = size};
        const char *wanted = cgroups_path && cgroups_path[0] ? cgroups_path : id;
        size_t before;
        int r;

        path[0] = '\0';
        if (wanted[0] != '/') {
                r = add_own_parent(&builder, host);
                if (r < 0)
                        return r;
        }
        before = builder.used;
        r = add_components(&builder, wanted);
        if (r < 0)
                return r;
        if (builder.used == before)
                return refuse(EINVAL, "linux.cgroupsPath: \"%s\" names no group of its own", wanted);
        return 0;
}
