/* An agent in namespaces of its own. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/syscalls.h"
#include "tests/helpers/agent/host.h"

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags)
{
        if (sys_mount(source, target, type, flags, NULL) < 0)
                die("mount on %s: %s", target, strerror(errno));
}

static void share(const char *source, plan_slot slot)
{
        char target[64];
        struct stat st;

        snprintf(target, sizeof(target), SHARE_MOUNT "/%d", slot);
        if (stat(source, &st) < 0)
                die("%s: %s", source, strerror(errno));
        if (S_ISDIR(st.st_mode) ? mkdir(target, 0755) < 0 : mknod(target, S_IFREG | 0644, 0) < 0)
                die("%s: %s", target, strerror(errno));
        mount_or_die(source, target, NULL, MS_BIND | MS_REC);
}

static void __attribute__((noreturn)) be_the_machine(const char *directory, const char *bundle, char *agent)
{
        struct oci_spec *spec = read_bundle(bundle);
        plan_slot mounts[PLAN_SLOTS_MAX];
        char root[4096], transport[4096];
        char *const argv[] = {agent, transport, NULL};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        mount_or_die(NULL, "/", NULL, MS_REC | MS_PRIVATE);
        mount_or_die("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
        mount_or_die("run", "/run", "tmpfs", 0);
        if (mkdir("/run/berth", 0700) < 0 || mkdir(SHARE_MOUNT, 0700) < 0)
                die("%s: %s", SHARE_MOUNT, strerror(errno));
        (void)slots_of(spec, mounts);
        snprintf(root, sizeof(root), "%s/%s", bundle, spec->root_path);
        share(root, 0);
        for (size_t i = 0; i < spec->mounts.n; i++)
                if (mounts[i] != PLAN_NO_SLOT)
                        share(spec->mounts.v[i].source, mounts[i]);
        snprintf(transport, sizeof(transport), "transport=unix:%s", directory);
        execv(agent, argv);
        die("%s: %s", agent, strerror(errno));
}

int serve(const char *directory, const char *bundle, char *agent)
{
        int status;
        pid_t pid;

        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID) < 0)
                die("unshare: %s", strerror(errno));
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pid = fork();
        if (pid == 0)
                be_the_machine(directory, bundle, agent);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                die("fork: %s", strerror(errno));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
