/* The last steps: the working directory, the wait for start, the privileges in the order that must hold, the program.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "base/syscalls.h"
#include "namespaces/mount.h"
#include "runtime/core/capabilities.h"
#include "runtime/core/channel.h"
#include "runtime/core/credentials.h"
#include "runtime/core/home.h"
#include "runtime/core/init.h"
#include "runtime/core/lsm.h"
#include "runtime/core/memory_policy.h"
#include "runtime/core/messages.h"
#include "runtime/core/rlimits.h"
#include "runtime/core/scheduling.h"
#include "runtime/core/seccomp_load.h"

/* ---- working directory and program ---- */

/* In-root and without magic links, so that "/proc/self/fd/7" cannot lead out through a descriptor of ours
 * (CVE-2024-21626); and looked at from where the kernel sees us afterwards. */
static int enter_directory(struct init *init, const char *path, bool create)
{
        _cleanup_close_ int fd =
                create ? in_root_mkdir(init->root, path, 0755) : in_root_open(init->root, path, O_PATH | O_DIRECTORY);
        char where[4096];

        if (fd < 0)
                return fd;
        if (fchdir(fd) < 0)
                return fail(errno, "chdir to %s", path);
        if (syscall(SYS_getcwd, where, sizeof(where)) < 0 || where[0] != '/')
                return refuse(EINVAL, "chdir to %s: it is outside of the container", path);
        return 0;
}

/* -EACCES: nobody may execute it. -EAGAIN: we may not, or cannot even see it, but the user may (a root-squashed share).
 */
static int check_executable(const char *path)
{
        /* The way there once: in a virtual machine each name of it may be a question to the host. */
        _cleanup_close_ int fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return errno == EACCES ? -EAGAIN : -errno;
        if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
                return -EACCES;
        /* With the effective ids: what execve will ask. */
        r = faccessat(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH);
        /* Libc's answer where a filter of system calls knows no faccessat2. */
        if (r < 0 && errno == EINVAL)
                r = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
        if (r == 0)
                return 0;
        return errno == EACCES ? -EAGAIN : -errno;
}

static int search_path(const char *name, const char *path, char **found)
{
        int result = -ENOENT;

        for (const char *p = path;; p++) {
                size_t length = strcspn(p, ":");
                char candidate[4096];
                int n = snprintf(candidate, sizeof(candidate), "%.*s/%s", length ? (int)length : 1, length ? p : ".",
                                 name);
                int r = n < 0 || (size_t)n >= sizeof(candidate) ? -ENAMETOOLONG : check_executable(candidate);

                if (r == 0) {
                        *found = strdup(candidate);
                        return *found ? 0 : -ENOMEM;
                }
                if (r == -EAGAIN || (r == -EACCES && result != -EAGAIN))
                        result = r;
                p += length;
                if (!*p)
                        return result;
        }
}

static int find_program(struct init *init, const struct step_program *step, bool last_look)
{
        const char *name = init_text(init, step->name), *path = init_text(init, step->path);
        bool searched = !strchr(name, '/');
        int r;

        if (searched) {
                r = search_path(name, path ? path : "", &init->program);
        } else {
                r = check_executable(name);
                if (r == 0 && !(init->program = strdup(name)))
                        r = -ENOMEM;
        }
        if (r == -EAGAIN && !last_look)
                return 0;
        switch (r) {
        case 0:
                return 0;
        case -ENOENT:
        case -ENOTDIR:
                return refuse(ENOENT, searched ? MESSAGE_NOT_FOUND_IN_PATH : MESSAGE_NO_SUCH_EXECUTABLE, name);
        case -EACCES:
        case -EAGAIN:
                return refuse(EACCES, MESSAGE_NOT_EXECUTABLE, name);
        default:
                return fail(-r, "exec: \"%s\"", name);
        }
}

/* Found here, so that a missing program fails at create. What root may not see (a root-squashed share) gets a second
 * look after the user switch. */
int step_program(struct init *init, const struct step_program *step)
{
        const char *cwd = init_text(init, step->cwd);
        int r = enter_directory(init, cwd, step->create_cwd);

        if (r < 0 && r != -EACCES)
                return fail_in(r, "process.cwd");
        init->cwd_entered = r == 0;
        if (step->ask_setgroups) {
                r = credentials_setgroups_denied(init->procfs);
                if (r < 0)
                        return r;
                init->setgroups_denied = r;
        }
        error_clear();
        return init->cwd_entered ? find_program(init, step, false) : 0;
}

/* ---- the wait for start ---- */

static void end_parked(int signal)
{
        _exit(128 + signal);
}

/* As PID 1 of a namespace we would be deaf to these; execve puts the dispositions back. */
static void die_by_usual_signals(void)
{
        static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        const struct sigaction end = {.sa_handler = end_parked};

        for (size_t i = 0; i < ELEMENTS(signals); i++)
                (void)sigaction(signals[i], &end, NULL);
}

/* Waits for somebody who connects and says start. One who goes away without it changes nothing. */
static int wait_for_start(struct init *init, int listener)
{
        for (;;) {
                struct channel_message message;
                int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                int r;

                if (connection < 0) {
                        if (errno == EINTR || errno == ECONNABORTED)
                                continue;
                        return fail(errno, "wait for start");
                }
                r = channel_receive(connection, &message, NULL, 0, -1);
                if (r == 0 && message.kind == CHANNEL_START) {
                        replace_fd(&init->channel, connection);
                        return 0;
                }
                close(connection);
        }
}

/* From here on a container's code may run beside us, perhaps with CAP_SYS_PTRACE: nothing of the host stays open.
 * Labels still need a procfs: a fresh one of our own pid namespace, or, where the kernel refuses that (in a user
 * namespace, whose root may not look at our descriptors), the host's. */
static void let_go_of_the_host(struct init *init, bool needs_procfs, int listener)
{
        _cleanup_close_ int own = -EBADF;

        for (size_t i = 0; i < init->n_slots; i++)
                if (init->slots[i] != listener)
                        replace_fd(&init->slots[i], -EBADF);
        replace_fd(&init->sysctls, -EBADF);

        if (needs_procfs) {
                own = mount_new("proc", "proc", NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
                if (own < 0) {
                        error_clear();
                        return;
                }
        }
        replace_fd(&init->procfs, take_fd(&own));
}

int step_park(struct init *init, const struct step_park *step)
{
        int listener = init_slot(init, step->slot);
        int r;

        let_go_of_the_host(init, step->needs_procfs, listener);
        /* Before create can return: a kill that follows at once must not be lost. */
        die_by_usual_signals();
        /* An ordinary user may enter the namespaces of a process that began outside of them only while it is dumpable:
         * before create can return, too, or what enters at once finds them closed. What exec brings in beside us can
         * use that no more: it has fewer capabilities than we, without CAP_SYS_PTRACE. */
        if (listener >= 0 && step->dumpable && prctl(PR_SET_DUMPABLE, 1) < 0)
                return fail(errno, "become dumpable");
        r = init_ask(init, CHANNEL_POINT, POINT_READY);
        if (r < 0 || listener < 0)
                return r;
        r = wait_for_start(init, listener);
        close(listener);
        if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail(errno, "become undumpable");
        return r;
}

/* ---- privileges ---- */

int step_scheduler(struct init *init, const struct step_scheduler *step)
{
        const struct oci_scheduler scheduler = {
                .set = true,
                .policy = step->policy,
                .nice = step->nice,
                .priority = step->priority,
                .flags = step->flags,
                .runtime = step->runtime,
                .deadline = step->deadline,
                .period = step->period,
        };

        (void)init;
        return scheduler_apply(&scheduler);
}

int step_io_priority(struct init *init, const struct step_io_priority *step)
{
        const struct oci_io_priority priority = {.set = true, .class = step->class, .priority = step->priority};

        (void)init;
        return io_priority_apply(&priority);
}

int step_affinity(struct init *init, const struct step_affinity *step)
{
        return cpu_affinity_apply(init_text(init, step->cpus));
}

int step_memory_policy(struct init *init, const struct step_memory_policy *step)
{
        return memory_policy_apply(step->mode, init_text(init, step->nodes));
}

int step_personality(struct init *init, const struct step_personality *step)
{
        (void)init;
        return personality_apply(step->value);
}

int step_rlimit(struct init *init, const struct step_rlimit *step)
{
        const struct oci_rlimit limit = {(int)step->resource, step->soft, step->hard};

        (void)init;
        return rlimits_apply(&limit, 1);
}

int step_label(struct init *init, const struct step_label *step)
{
        const char *apparmor = init_text(init, step->apparmor), *selinux = init_text(init, step->selinux);
        int r = 0;

        if (apparmor)
                r = lsm_set_apparmor_exec(init->procfs, apparmor);
        if (r == 0 && selinux)
                r = lsm_set_selinux_exec(init->procfs, selinux);
        return r;
}

/* The bounding set first, then (perhaps) seccomp, then the ids, then the rest: the ids need capabilities that the final
 * sets may lack, and a filter loaded late would have to allow what sets them. */
int step_bounding(struct init *init, const struct step_bounding *step)
{
        init->capabilities = (struct oci_capabilities){
                .set = true,
                .bounding = step->bounding,
                .effective = step->effective,
                .inheritable = step->inheritable,
                .permitted = step->permitted,
                .ambient = step->ambient,
        };
        if (capabilities_limit(&init->capabilities) < 0)
                return -EPERM;
        return capabilities_prepare(&init->capabilities);
}

/* Everything of ours that is opened later is close-on-exec from its beginning. */
static int close_descriptors(struct init *init, uint32_t keep)
{
        if (!init->fds_closed && sys_close_range(3 + keep, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return fail(errno, "close descriptors");
        init->fds_closed = true;
        return 0;
}

int step_seccomp(struct init *init, const struct step_seccomp *step)
{
        const struct sock_filter *filter = plan_bytes(&init->plan, step->filter);
        int listener = -EBADF;
        int r;

        if (!filter)
                return refuse(EINVAL, "plan: the seccomp filter is damaged");
        r = close_descriptors(init, step->keep_fds);
        if (r < 0)
                return r;
        r = seccomp_load_filter(filter, (unsigned short)(step->filter.size / sizeof(*filter)), step->flags, &listener);
        if (r < 0 || listener < 0)
                return r;
        r = channel_send(init->channel, CHANNEL_LISTENER, 0, NULL, listener);
        close(listener);
        return r < 0 ? fail(-r, "hand over the seccomp listener") : 0;
}

/* Majors of the kernel's admin-guide/devices.txt: virtual consoles and serial lines, slaves of pseudo-terminals. */
static bool is_terminal(const struct stat *st)
{
        unsigned kind = major(st->st_rdev);

        return S_ISCHR(st->st_mode) && (kind == 4 || (kind >= 136 && kind <= 143));
}

/* So that the program may open its /dev/stdout again. What cannot change owner (a read-only or a foreign file system)
 * stays as it is; so does what is no terminal and no pipe, for it is the host's: a service's /dev/kmsg, a disk, a
 * directory. */
static void own_stdio(uint32_t uid)
{
        for (int fd = 0; fd <= 2; fd++) {
                struct stat st;

                if (fstat(fd, &st) == 0 && st.st_uid != uid &&
                    (is_terminal(&st) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
                        (void)!fchown(fd, uid, (gid_t)-1);
        }
}

int step_user(struct init *init, const struct step_user *step)
{
        struct credentials credentials = {
                .uid = step->uid,
                .gid = step->gid,
                .n_groups = step->groups.size / sizeof(uint32_t),
                .groups = plan_bytes(&init->plan, step->groups),
                .keep_groups = step->keep_groups,
                .setgroups_denied = init->setgroups_denied,
        };

        own_stdio(step->uid);
        credentials_set_umask((mode_t)step->umask);
        return credentials_apply(&credentials);
}

int step_capabilities(struct init *init, const struct step_capabilities *step)
{
        (void)step;
        return capabilities_apply(&init->capabilities);
}

int step_no_new_privileges(struct init *init, const struct step_no_new_privileges *step)
{
        (void)init;
        (void)step;
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? fail(errno, "set no_new_privs") : 0;
}

/* ---- the program ---- */

/* After the user switch: what root could not reach before. */
static int second_look(struct init *init, const struct step_prepare *step)
{
        const struct step_program program = {.cwd = step->cwd, .name = step->name, .path = step->path};
        int r;

        if (!init->cwd_entered) {
                r = enter_directory(init, init_text(init, step->cwd), false);
                if (r < 0)
                        return fail_in(r, "process.cwd");
        }
        return init->program ? 0 : find_program(init, &program, true);
}

/* Where HOME belongs, NULL when it has a value. An empty one is as good as none, as with runc. */
static const char **missing_home(const char **env)
{
        for (; *env; env++)
                if (strncmp(*env, "HOME=", strlen("HOME=")) == 0)
                        return (*env)[strlen("HOME=")] ? NULL : env;
        return env;
}

static int complete_environment(struct init *init, const struct step_prepare *step)
{
        static char listen_pid[32], home[HOME_MAX + sizeof("HOME=")];
        size_t n = step->env.n;
        const char **place;

        if (step->set_listen_pid) {
                snprintf(listen_pid, sizeof(listen_pid), "LISTEN_PID=%d", (int)getpid());
                init->env[n++] = listen_pid;
        }
        place = missing_home(init->env);
        if (place) {
                memcpy(home, "HOME=", sizeof("HOME="));
                home_directory(step->uid, home + strlen("HOME="), HOME_MAX);
                *place = home;
        }
        return 0;
}

int step_prepare(struct init *init, const struct step_prepare *step)
{
        int r;

        init->args = calloc((size_t)step->args.n + 1, sizeof(*init->args));
        init->env = calloc((size_t)step->env.n + 3, sizeof(*init->env));
        if (!init->args || !init->env)
                return fail(ENOMEM, "prepare the program");
        if (plan_strings(&init->plan, step->args, init->args) < 0 ||
            plan_strings(&init->plan, step->env, init->env) < 0)
                return refuse(EINVAL, "plan: the program's arguments are damaged");
        r = second_look(init, step);
        if (r == 0)
                r = complete_environment(init, step);
        return r < 0 ? r : close_descriptors(init, step->keep_fds);
}

int step_exec(struct init *init, const struct step_exec *step)
{
        char reason[64];
        int err;

        (void)step;
        execve(init->program, (char *const *)(uintptr_t)init->args, (char *const *)(uintptr_t)init->env);
        /* "no such file or directory", "permission denied": what callers of runc compare is spelled as Go does. */
        err = errno;
        snprintf(reason, sizeof(reason), "%s", strerror(err));
        reason[0] = (char)tolower((unsigned char)reason[0]);
        return refuse(err, "exec %s: %s", init->program, reason);
}
