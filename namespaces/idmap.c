#include "namespaces/idmap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "namespaces/procfs.h"

#define MAP_LINE_MAX       36 /* three numbers of ten digits, separators */
#define HELPER_DEADLINE_MS 10000

/* The kernel takes the whole map in one write of at most a page. */
static int format_maps(const struct oci_id_maps *maps, char **text)
{
        char *p = malloc(maps->n * MAP_LINE_MAX + 1);

        if (!p)
                return fail(ENOMEM, "make an id map");
        *text = p;
        *p = '\0';
        for (size_t i = 0; i < maps->n; i++)
                p += sprintf(p, "%u %u %u\n", maps->v[i].container_id, maps->v[i].host_id, maps->v[i].size);
        return 0;
}

static int write_map(int procfs, pid_t pid, const char *file, const struct oci_id_maps *maps)
{
        _cleanup_free_ char *text = NULL;
        char path[64];
        int r = format_maps(maps, &text);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
        r = procfs_write(procfs, path, text);
        return r < 0 ? fail(-r, "write /proc/%s", path) : 0;
}

static bool is_self_map(const struct oci_id_maps *maps, uint32_t id)
{
        return maps->n == 1 && maps->v[0].size == 1 && maps->v[0].host_id == id;
}

/* newuidmap PID container host size... */
static int run_helper(const char *program, pid_t pid, const struct oci_id_maps *maps)
{
        size_t n = 2 + maps->n * 3;
        _cleanup_free_ const char **args = calloc(n + 1, sizeof(*args));
        _cleanup_free_ char *numbers = malloc((n + 1) * 12);
        char output[512];
        char *p = numbers;
        int r;

        if (!args || !numbers)
                return fail(ENOMEM, "run %s", program);
        args[0] = program;
        args[1] = p;
        p += sprintf(p, "%d", (int)pid) + 1;
        for (size_t i = 0; i < maps->n; i++) {
                const uint32_t triple[] = {maps->v[i].container_id, maps->v[i].host_id, maps->v[i].size};

                for (size_t j = 0; j < ELEMENTS(triple); j++) {
                        args[2 + i * 3 + j] = p;
                        p += sprintf(p, "%u", triple[j]) + 1;
                }
        }
        r = process_run(program, args, HELPER_DEADLINE_MS, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "run %s (package uidmap)", program);
        return r == 0 ? 0
                      : refuse(EPERM, "%s refused the id map (do /etc/subuid and /etc/subgid grant it?): %s", program,
                               output);
}

/* setgroups: CVE-2014-8989. */
int idmap_keep_self(int procfs, uid_t uid, gid_t gid)
{
        char uids[32], gids[32];
        int r = procfs_write(procfs, "self/setgroups", "deny");

        snprintf(uids, sizeof(uids), "%u %u 1", uid, uid);
        snprintf(gids, sizeof(gids), "%u %u 1", gid, gid);
        if (r == 0)
                r = procfs_write(procfs, "self/uid_map", uids);
        if (r == 0)
                r = procfs_write(procfs, "self/gid_map", gids);
        return r < 0 ? fail(-r, "map the user into a namespace") : 0;
}

bool idmap_host_id(const struct oci_id_maps *maps, uint32_t *id)
{
        for (size_t i = 0; i < maps->n; i++) {
                const struct oci_id_map *map = &maps->v[i];

                if (*id >= map->container_id && *id - map->container_id < map->size) {
                        *id = map->host_id + (*id - map->container_id);
                        return true;
                }
        }
        return false;
}

int idmap_write(int procfs, pid_t pid, const struct oci_id_maps *uids, const struct oci_id_maps *gids, bool privileged)
{
        char path[64];
        int r;

        if (privileged) {
                r = write_map(procfs, pid, "gid_map", gids);
                return r < 0 ? r : write_map(procfs, pid, "uid_map", uids);
        }
        if (is_self_map(uids, geteuid()))
                r = write_map(procfs, pid, "uid_map", uids);
        else
                r = run_helper("newuidmap", pid, uids);
        if (r < 0)
                return r;
        if (!is_self_map(gids, getegid()))
                return run_helper("newgidmap", pid, gids);
        snprintf(path, sizeof(path), "%d/setgroups", (int)pid);
        r = procfs_write(procfs, path, "deny");
        if (r < 0)
                return fail(-r, "write /proc/%s", path);
        return write_map(procfs, pid, "gid_map", gids);
}

/* The child has nothing to do but exist while its namespace is opened. */
int idmap_namespace(int procfs, const struct oci_id_maps *uids, const struct oci_id_maps *gids)
{
        struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        pid_t pid = sys_clone3(&args);
        int r;

        if (pid < 0)
                return fail(errno, "make a user namespace for an id-mapped mount");
        if (pid == 0)
                for (;;)
                        pause();
        r = idmap_write(procfs, pid, uids, gids, true);
        if (r == 0) {
                snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        r = fail(errno, "open %s", path);
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r < 0 ? r : take_fd(&fd);
}
