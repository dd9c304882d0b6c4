/* STATISTICS: the files of a group out of which cgroups/statistics.c makes its numbers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/files.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/session.h"

#define FILE_MOST ((size_t)256 * 1024)

static bool counts(const char *name)
{
        static const char *const patterns[] = {
                "cgroup.procs",       "cpu.stat",       "cpu.pressure",      "memory.current",  "memory.peak",
                "memory.max",         "memory.events",  "memory.stat",       "memory.pressure", "memory.swap.*",
                "pids.current",       "pids.max",       "io.stat",           "io.pressure",     "cpuset.*.effective",
                "hugetlb.*B.current", "hugetlb.*B.max", "hugetlb.*B.events",
        };

        for (size_t i = 0; i < ELEMENTS(patterns); i++)
                if (fnmatch(patterns[i], name, 0) == 0)
                        return true;
        return false;
}

/* A file that cannot be read (memory.reclaim, pressure with psi=0) is as one that the host does not have. */
static int put_file(int cgroup, const char *name, struct message_builder *answer)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_file_at(cgroup, name, FILE_MOST, &text, &size);

        if (r == -ENODEV)
                return fail(ENOENT, "read cgroup file %s", name);
        if (r == 0)
                message_put_file(answer, name, text, size);
        return 0;
}

int request_statistics(const struct session *session, const struct message *request, struct message_builder *answer)
{
        int fd = container_open_cgroup(&session->agent->cgroups, message_text(request, PART_ID));
        _cleanup_closedir_ DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;
        int r = 0;

        if (fd < 0)
                return fd;
        if (!directory) {
                close(fd);
                return fail(ENOMEM, "list the files of the cgroup");
        }
        while (r == 0 && (entry = readdir(directory)))
                if (entry->d_type == DT_REG && counts(entry->d_name))
                        r = put_file(fd, entry->d_name, answer);
        return r;
}
