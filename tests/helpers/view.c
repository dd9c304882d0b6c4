/* A machine of its own for the suite: runs a command inside new mount, pid, network, IPC and UTS namespaces with fresh
 * /proc, /sys, /run, /tmp and /dev/shm, so that a test sees what it made and nothing else, and the host keeps nothing
 * of it.
 *
 * On a hybrid host the v1 tree is hidden (in this view only) and cgroup v2 stands on /sys/fs/cgroup, rooted in a group
 * of its own by a cgroup namespace. On a unified host the tree stays as it is. The first process of the view reaps
 * orphans, as an init does. The group goes away with the view.
 *
 * With -s a systemd of the view's own is its first process, on a cgroup v2 tree of its own with what controllers the
 * host gives, and with no units but those that a command asks for: what speaks to systemd is tested without touching
 * the machine's.
 *
 *      view [-s] COMMAND [ARGUMENT...]
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE          "/sys/fs/cgroup"
#define CGROUP2_MAGIC 0x63677270
#define SYSTEMD       "/lib/systemd/systemd"
#define UNITS         "/run/view/units" /* systemd's own units; the machine's come behind, for who starts one */
#define READY_SOCKET  "/run/view/notify"
#define BOOT_MS       60000

static char group[128];   /* the view's group as P sees it; empty where the machine's tree is shared */
static bool with_systemd; /* -s */

static void write_file(const char *path, const char *text, bool must)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if ((fd < 0 || write(fd, text, strlen(text)) < 0) && must)
                err(125, "view: write '%s' to %s", text, path);
        if (fd >= 0)
                close(fd);
}

static void write_new_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                err(125, "view: write %s", path);
        close(fd);
}

static bool on_cgroup2(const char *path)
{
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_MAGIC;
}

/* "+cpu +memory" from "cpu memory" of <directory>/cgroup.controllers, written to its subtree_control one by one: one
 * that is busy elsewhere must not cost the others. */
static void enable_controllers(const char *directory)
{
        char path[256], names[512] = "", *save = NULL, word[64];
        int fd;

        snprintf(path, sizeof(path), "%s/cgroup.controllers", directory);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (read(fd, names, sizeof(names) - 1) < 0)
                names[0] = '\0';
        close(fd);
        snprintf(path, sizeof(path), "%s/cgroup.subtree_control", directory);
        for (char *name = strtok_r(names, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
                snprintf(word, sizeof(word), "+%s", name);
                write_file(path, word, false);
        }
}

static void remove_group(const char *path)
{
        DIR *dir = opendir(path);
        struct dirent *entry;
        char child[4096];

        while (dir && (entry = readdir(dir))) {
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
                remove_group(child);
        }
        if (dir)
                closedir(dir);
        if (rmdir(path) < 0 && errno != ENOENT)
                warn("view: remove cgroup %s", path);
}

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags,
                         const char *data)
{
        if (mount(source, target, type, flags, data) < 0)
                err(125, "view: mount %s on %s", type ? type : source, target);
}

static bool lies_below(const char *directory, const char *path)
{
        size_t length = strlen(directory);

        return path && strncmp(path, directory, length) == 0 && path[length] == '/';
}

static void make_parents(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                mkdir(path, 0755);
                *slash = '/';
        }
        mkdir(path, 0755);
}

/* A fresh tmpfs on `directory`. The project and the runtime under test may live below it: they stay where they are. */
static void cover(const char *directory, const char *options, char *const kept[2])
{
        int fds[2] = {-1, -1};
        char path[64];

        for (int i = 0; i < 2; i++)
                if (lies_below(directory, kept[i]))
                        fds[i] = open(kept[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        mount_or_die("tmpfs", directory, "tmpfs", MS_NOSUID | MS_NODEV, options);
        for (int i = 0; i < 2; i++) {
                if (fds[i] < 0)
                        continue;
                make_parents(kept[i]);
                snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
                mount_or_die(path, kept[i], NULL, MS_BIND | MS_REC, NULL);
                close(fds[i]);
        }
}

static void set_up_files(bool unified)
{
        const char *runtime = getenv("BERTH");
        char cwd[4096], *kept[2] = {cwd, runtime ? strdup(runtime) : NULL};

        if (!getcwd(cwd, sizeof(cwd)))
                err(125, "view: getcwd");
        if (kept[1] && strrchr(kept[1], '/'))
                *strrchr(kept[1], '/') = '\0';
        if (lies_below(cwd, kept[1]))
                kept[1] = NULL;
        mount_or_die("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        umount2(TREE, MNT_DETACH);
        mount_or_die("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        mount_or_die("cgroup2", TREE, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        if (!unified || access("/run/systemd/system", F_OK) < 0) /* its sockets are how the systemd driver is reached */
                cover("/run", "mode=0755", kept);
        cover("/dev/shm", "mode=1777", kept);
        cover("/tmp", "mode=1777", kept);
        if (chdir(cwd) < 0) /* not the covered one */
                err(125, "view: chdir %s", cwd);
}

static void bring_up_loopback(void)
{
        struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                err(125, "view: bring up lo");
        close(fd);
}

static void enter_group(void)
{
        if (mkdir(TREE "/suite", 0755) < 0)
                err(125, "view: mkdir suite");
        write_file(TREE "/suite/cgroup.procs", "0", true);
}

static pid_t start_command(int ready, char **command)
{
        pid_t child = fork();

        if (child < 0)
                err(125, "view: fork");
        if (child == 0) {
                close(ready);
                setenv("BERTH_VIEW", "1", 1);
                execvp(command[0], command);
                err(127, "view: %s", command[0]);
        }
        return child;
}

static int wait_for(pid_t child)
{
        pid_t pid;
        int status;

        while ((pid = wait(&status)) != child)
                if (pid < 0 && errno != EINTR)
                        err(125, "view: wait");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- a systemd of our own ---- */

static int bind_ready_socket(void)
{
        const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = READY_SOCKET};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                err(125, "view: %s", READY_SOCKET);
        return fd;
}

/* systemd says READY=1 when it has come up, as any service does. */
static void await_systemd(int fd)
{
        char text[4096];

        for (;;) {
                struct pollfd event = {.fd = fd, .events = POLLIN};
                ssize_t n = poll(&event, 1, BOOT_MS) > 0 ? recv(fd, text, sizeof(text) - 1, 0) : -1;

                if (n < 0)
                        errx(125, "view: systemd is not up after %d s", BOOT_MS / 1000);
                text[n] = '\0';
                if (strstr(text, "READY=1"))
                        return;
        }
}

/* Beside systemd, as a child that it does not know: waits until it is up, runs the command in a group outside of
 * systemd's units, and ends the view with the command's status. */
static void accompany(int ready, int socket_fd, int result, char **command)
{
        int status;

        await_systemd(socket_fd);
        close(socket_fd);
        enter_group();
        status = wait_for(start_command(ready, command));
        if (write(result, &status, sizeof(status)) != sizeof(status))
                err(125, "view: write");
        exit(0);
}

static void become_systemd(int ready, int result, char **command)
{
        char *const arguments[] = {SYSTEMD, "--system", "--unit=view.target", "--log-target=null", "--show-status=no",
                                   NULL};
        char *const environment[] = {
                "container=view",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "NOTIFY_SOCKET=" READY_SOCKET,
                "SYSTEMD_UNIT_PATH=" UNITS
                ":/run/systemd/transient:/run/systemd/system:/usr/lib/systemd/system:/lib/systemd/system",
                "SYSTEMD_GENERATOR_PATH=" UNITS "/none",
                NULL,
        };
        char units[] = UNITS;
        sigset_t none;
        int socket_fd;

        make_parents(units);
        write_new_file(UNITS "/view.target", "[Unit]\nDescription=Nothing but systemd\nDefaultDependencies=no\n");
        /* It would complete a machine that it takes for new. */
        mount_or_die("/etc", "/etc", NULL, MS_BIND | MS_REC, NULL);
        mount_or_die(NULL, "/etc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
        socket_fd = bind_ready_socket();
        switch (fork()) {
        case -1:
                err(125, "view: fork");
        case 0:
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                accompany(ready, socket_fd, result, command);
        }
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(SYSTEMD, arguments, environment);
        err(125, "view: %s (package systemd)", SYSTEMD);
}

/* The view's pid 1: starts the command, reaps everything, ends with the command's status. */
static int live(bool unified, int ready, int result, char **command)
{
        char byte;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(ready, &byte, 1) != 1) /* until P has put us into the group */
                errx(125, "view: parent ended");
        if ((!unified && unshare(CLONE_NEWCGROUP) < 0) ||
            unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
                err(125, "view: unshare");
        set_up_files(unified);
        bring_up_loopback();
        if (with_systemd)
                become_systemd(ready, result, command);
        if (!unified) {
                enter_group();
                enable_controllers(TREE);
        }
        return wait_for(start_command(ready, command));
}

static void make_group(void)
{
        const char *suite = getenv("BERTH_SUITE"); /* the mark of a whole run (tests/check) */

        if (umount2(TREE, MNT_DETACH) < 0 && errno != EINVAL)
                err(125, "view: hide %s", TREE);
        mount_or_die("cgroup2", TREE, "cgroup2", 0, NULL);
        enable_controllers(TREE);
        snprintf(group, sizeof(group), TREE "/berth-view-%.40s-%d", suite ? suite : "alone", getpid());
        if (mkdir(group, 0755) < 0)
                err(125, "view: mkdir %s", group);
}

static pid_t first;

static void pass_on(int signal)
{
        (void)signal;
        if (first > 0)
                kill(first, SIGKILL);
}

static void watch_signals(void)
{
        struct sigaction action = {.sa_handler = pass_on};

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
}

/* Puts the view's first process into its group and lets it go on. */
static void release_first(int ready)
{
        char path[256], text[16];

        if (group[0]) {
                snprintf(path, sizeof(path), "%s/cgroup.procs", group);
                snprintf(text, sizeof(text), "%d", first);
                write_file(path, text, true);
        }
        if (write(ready, "", 1) != 1)
                err(125, "view: write");
}

/* systemd does not end: the command does, and says how. */
static int take_result(int result)
{
        int status = 125;
        ssize_t n;

        do
                n = read(result, &status, sizeof(status));
        while (n < 0 && errno == EINTR);
        kill(first, SIGKILL);
        return n == sizeof(status) ? status : 125;
}

int main(int argc, char **argv)
{
        int status, result = -1, ready[2], results[2];
        bool unified;

        with_systemd = argc > 1 && strcmp(argv[1], "-s") == 0;
        argv += with_systemd;
        argc -= with_systemd;
        unified = on_cgroup2(TREE) && !with_systemd;
        if (argc < 2)
                errx(125, "usage: view [-s] COMMAND [ARGUMENT...]");
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                err(125, "view: private mount namespace (are you root?)");
        if (!unified)
                make_group();
        if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(results, O_CLOEXEC) < 0)
                err(125, "view: pipe");
        first = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
        if (first < 0)
                err(125, "view: clone");
        if (first == 0) {
                close(ready[1]);
                close(results[0]);
                exit(live(unified, ready[0], results[1], argv + 1));
        }
        watch_signals();
        close(ready[0]);
        close(results[1]);
        release_first(ready[1]);
        if (with_systemd)
                result = take_result(results[0]);
        while (waitpid(first, &status, 0) < 0)
                if (errno != EINTR)
                        err(125, "view: waitpid");
        if (!unified)
                remove_group(group);
        if (with_systemd)
                return result;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
