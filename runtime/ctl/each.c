/* All containers, one after the other, or half of them beside the other half. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/ctl/ctl.h"

#define SHARED_FROM        128 /* containers; fewer are seen sooner than another process is made */
#define SHARED_MOST        ((size_t)1 << 30)
#define SHARED_DEADLINE_MS 60000

static int is_name(const struct dirent *entry)
{
        return ctl_name_valid(entry->d_name);
}

/* Those that there are, in order. */
struct names {
        struct dirent **v;
        int n;
};

static void names_release(struct names *names)
{
        for (int i = 0; i < names->n; i++)
                free(names->v[i]);
        free(names->v);
}
#define _cleanup_names_ _cleanup_(names_release)

static int names_read(const struct ctl *ctl, struct names *names)
{
        *names = (struct names){0};
        if (ctl->containers_fd < 0)
                return 0;
        names->n = scandirat(ctl->containers_fd, ".", &names->v, is_name, alphasort);
        if (names->n >= 0)
                return 0;
        names->n = 0;
        return fail(errno, "list %s/containers", ctl->directory);
}

static int visit_one(struct ctl *ctl, const char *name, int (*visit)(struct ctl_container *container, void *data),
                     void *data)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        int r = ctl_find(ctl, name, CTL_UNLOCKED, &container);

        if (r < 0 && r != -ENOENT && !container.partial)
                log_warning("%s", error_message());
        if (r < 0)
                error_clear();
        return r == 0 || container.partial || container.damaged ? visit(&container, data) : 0;
}

int ctl_each(struct ctl *ctl, int (*visit)(struct ctl_container *container, void *data), void *data)
{
        _cleanup_names_ struct names names = {0};
        int r = names_read(ctl, &names);

        for (int i = 0; i < names.n && r == 0; i++)
                r = visit_one(ctl, names.v[i]->d_name, visit, data);
        return r;
}

/* ---- shared ---- */

/* Visits to be told of. */
struct round {
        struct ctl *ctl;
        int (*visit)(struct ctl_container *container, void *data);
        int (*tell)(void *data, struct ctl_told *told);
        void *data;
};

static int visit_part(const struct round *round, const struct names *names, int from, int to, struct ctl_told *told)
{
        int r = 0;

        for (int i = from; i < to && r == 0; i++)
                r = visit_one(round->ctl, names->v[i]->d_name, round->visit, round->data);
        return r != 0 ? r : round->tell(round->data, told);
}

static bool has_company(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/* The second half, into a file in memory: a pipe would make it wait for us. */
static pid_t share(const struct round *round, const struct names *names, int out)
{
        pid_t parent = getpid(), pid = fork();
        struct ctl_told told = {0};

        if (pid != 0)
                return pid;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
            visit_part(round, names, names->n / 2, names->n, &told) != 0 || write_all(out, told.text, told.size) < 0)
                _exit(1);
        _exit(0);
}

/* Not so when it has failed, for whatever reason. */
static bool collect(pid_t pid, int out, struct ctl_told *told)
{
        _cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);
        int status = 1;

        if (pidfd < 0 || process_reap(pidfd, SHARED_DEADLINE_MS, &status) < 0) {
                (void)kill(pid, SIGKILL);
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        return status == 0 && lseek(out, 0, SEEK_SET) == 0 && read_all(out, SHARED_MOST, &told->text, &told->size) == 0;
}

void ctl_told_release(struct ctl_told told[2])
{
        for (int i = 0; i < 2; i++) {
                free(told[i].text);
                told[i] = (struct ctl_told){0};
        }
}

int ctl_each_shared(struct ctl *ctl, int (*visit)(struct ctl_container *container, void *data),
                    int (*tell)(void *data, struct ctl_told *told), void *data, struct ctl_told told[2])
{
        const struct round round = {ctl, visit, tell, data};
        _cleanup_names_ struct names names = {0};
        _cleanup_close_ int out = -EBADF;
        pid_t pid = -1;
        int r = names_read(ctl, &names);

        told[0] = told[1] = (struct ctl_told){0};
        if (r < 0)
                return r;
        if (names.n >= SHARED_FROM && has_company())
                out = memfd_create("berthctl", MFD_CLOEXEC);
        if (out >= 0)
                pid = share(&round, &names, out);
        if (pid < 0)
                return visit_part(&round, &names, 0, names.n, &told[0]);
        r = visit_part(&round, &names, 0, names.n / 2, &told[0]);
        if (r < 0)
                (void)kill(pid, SIGKILL);
        /* What it failed at fails here, too, with a message, or else does not. */
        if (!collect(pid, out, &told[1]) && r == 0)
                r = visit_part(&round, &names, names.n / 2, names.n, &told[1]);
        if (r < 0)
                ctl_told_release(told);
        return r;
}
