#include "runtime/ctl/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "namespaces/idmap.h"
#include "namespaces/procfs.h"

#define FILE_MOST  ((size_t)1 << 20)
#define COUNT_MOST 65535U /* 16 bits of ids inside, with root */

int subids_parse(const char *text, uint32_t *first, uint32_t *count)
{
        const char *colon = strchr(text, ':');
        char number[16];

        if (!colon || (size_t)(colon - text) >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, (size_t)(colon - text));
        number[colon - text] = '\0';
        if (parse_id(number, first) < 0 || parse_u32(colon + 1, count) < 0 || *count == 0 || *first == 0 ||
            *count > UINT32_MAX - *first)
                return -EINVAL;
        return 0;
}

void subids_map(const char *range, uint32_t own, struct oci_id_map map[2], struct oci_id_maps *maps)
{
        uint32_t first, count;

        map[0] = (struct oci_id_map){.host_id = own, .size = 1};
        *maps = (struct oci_id_maps){.n = 1, .v = map};
        if (!range || subids_parse(range, &first, &count) < 0)
                return;
        map[1] = (struct oci_id_map){.container_id = 1, .host_id = first, .size = count};
        maps->n = 2;
}

/* ---- what the host grants ---- */

/* The first "NAME:FIRST:COUNT" of the user, by name or number, into "FIRST:COUNT". */
static bool find_range(const char *file, const char *name, char *range, size_t size)
{
        _cleanup_free_ char *text = NULL;
        char number[16], *rest, *line;
        uint32_t first, count;
        size_t length;

        snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
        if (read_file_at(AT_FDCWD, file, FILE_MOST, &text, &length) < 0)
                return false;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                char *colon = strchr(line, ':');

                if (!colon)
                        continue;
                *colon = '\0';
                if ((strcmp(line, number) != 0 && strcmp(line, name) != 0) ||
                    subids_parse(colon + 1, &first, &count) < 0)
                        continue;
                snprintf(range, size, "%u:%u", first, count < COUNT_MOST ? count : COUNT_MOST);
                return true;
        }
        return false;
}

int subids_choose(struct settings *settings)
{
        const struct passwd *user = getpwuid(geteuid());
        const char *name = user ? user->pw_name : "";
        char uids[32], gids[32];
        int r;

        if (access("/usr/bin/newuidmap", X_OK) < 0 || !find_range("/etc/subuid", name, uids, sizeof(uids)) ||
            !find_range("/etc/subgid", name, gids, sizeof(gids)))
                return 0;
        r = settings_set(settings, setting_find("subuids"), uids);
        return r < 0 ? r : settings_set(settings, setting_find("subgids"), gids);
}

/* ---- the namespace ---- */

static void __attribute__((noreturn)) run_inside(int go, int says, int (*work)(void *data), void *data)
{
        char word;
        int r;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWUSER) < 0)
                r = fail(errno, "make a user namespace");
        else if (write_all(says, "!", 1) < 0 || read(go, &word, 1) != 1)
                _exit(1); /* the maps could not be written, and our parent knows why */
        else if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                r = fail(errno, "become root of a user namespace");
        else
                r = work(data);
        if (r < 0)
                (void)write_all(says, error_message(), strlen(error_message()));
        _exit(r < 0 ? 1 : 0);
}

static int write_maps(const struct settings *settings, pid_t pid)
{
        struct oci_id_map uid_map[2], gid_map[2];
        struct oci_id_maps uids, gids;
        _cleanup_close_ int procfs = procfs_open();

        if (procfs < 0)
                return procfs;
        subids_map(settings->subuids, geteuid(), uid_map, &uids);
        subids_map(settings->subgids, getegid(), gid_map, &gids);
        return idmap_write(procfs, pid, &uids, &gids, false);
}

/* It says "!" when it is in its namespace, and what went wrong at the end. */
static int guide(const struct settings *settings, pid_t pid, int *go, int says)
{
        _cleanup_free_ char *message = NULL;
        size_t size;
        char word = 0;
        int r = 0;

        if (read(says, &word, 1) == 1 && word == '!') {
                r = write_maps(settings, pid);
                if (r == 0 && write_all(*go, "!", 1) < 0)
                        r = fail(EPIPE, "start work in a user namespace");
        }
        replace_fd(go, -EBADF);
        if (r < 0)
                return r;
        if (read_all(says, ERROR_MESSAGE_MAX, &message, &size) < 0)
                return fail(EIO, "hear from a user namespace");
        if (!word)
                return 0; /* its status says it */
        /* A message that came before the "!" begins with the letter that was read. */
        return size || word != '!' ? refuse(EIO, "%.*s%s", word == '!' ? 0 : 1, &word, message) : 0;
}

static int follow(const struct settings *settings, pid_t pid, int go_fd, int says)
{
        _cleanup_close_ int go = go_fd;
        int status, r = guide(settings, pid, &go, says);

        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
                r = refuse(EIO, "the process in a user namespace ended without a word");
        return r;
}

int subids_run(const struct settings *settings, int (*work)(void *data), void *data)
{
        _cleanup_close_ int says = -EBADF, said = -EBADF, go = -EBADF;
        int to[2], from[2];
        pid_t pid;

        /* Root needs no namespace to do that, not even for another user's containers. */
        if (!settings->subuids || !settings->subgids || geteuid() == 0)
                return work(data);
        if (pipe2(from, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        says = from[0];
        said = from[1];
        if (pipe2(to, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe");
        go = to[0];
        pid = fork();
        if (pid == 0) {
                close(to[1]);
                run_inside(go, said, work, data);
        }
        replace_fd(&said, -EBADF);
        replace_fd(&go, -EBADF);
        if (pid < 0) {
                close(to[1]);
                return fail(errno, "make a process");
        }
        return follow(settings, pid, to[1], says);
}
