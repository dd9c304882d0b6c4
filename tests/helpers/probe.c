/* The program inside a test's container: static, small, and it says what it sees, as key=value lines.
 *
 *      probe [KEY...]               print facts (all when none is named)
 *      probe wait                   print "ready", then live until a signal comes; SIGTERM ends it with 0
 *      probe try PATH...            open each for writing: "PATH: ok" or "PATH: EROFS"
 *      probe call NAME [ARG...]     a bare system call (getppid, getpgid, or a number): "result=..." and "errno=..."
 *      probe number NAME            its number on this machine
 *      probe exit CODE | kill SIGNAL
 *      probe notify TEXT            send TEXT to $NOTIFY_SOCKET
 *      probe winsize                "ROWSxCOLUMNS" of stdin
 *      probe read FD                print what can be read from a descriptor
 *      probe write FD TEXT
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *errno_name(int number)
{
        const char *name = strerrorname_np(number);

        return name ? name : "0";
}

static void show_ids(void)
{
        uid_t r, e, s;
        gid_t groups[256];
        int n = getgroups(256, groups);

        getresuid(&r, &e, &s);
        printf("uid=%u %u %u\n", r, e, s);
        getresgid(&r, &e, &s);
        printf("gid=%u %u %u\ngroups=", r, e, s);
        for (int i = 0; i < n; i++)
                printf("%s%u", i ? " " : "", groups[i]);
        printf("\n");
}

/* Lines of /proc/self/status under names of ours. */
static void show_status(const char *wanted, const char *key)
{
        FILE *file = fopen("/proc/self/status", "re");
        char line[512];

        while (file && fgets(line, sizeof(line), file)) {
                size_t length = strlen(wanted);

                if (strncmp(line, wanted, length) == 0 && line[length] == ':')
                        printf("%s=%s", key, line + length + 1 + strspn(line + length + 1, " \t"));
        }
        if (file)
                fclose(file);
}

static void show_capabilities(void)
{
        static const char *const sets[][2] = {{"CapInh", "inheritable"},
                                              {"CapPrm", "permitted"},
                                              {"CapEff", "effective"},
                                              {"CapBnd", "bounding"},
                                              {"CapAmb", "ambient"}};

        for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
                show_status(sets[i][0], sets[i][1]);
        printf("securebits=%d\n", prctl(PR_GET_SECUREBITS));
}

static void show_locks(void)
{
        int death_signal = 0;

        show_status("NoNewPrivs", "no_new_privs");
        show_status("Seccomp", "seccomp");
        show_status("Seccomp_filters", "seccomp_filters");
        show_status("Speculation_Store_Bypass", "ssb");
        prctl(PR_GET_PDEATHSIG, &death_signal);
        printf("dumpable=%d\npdeathsig=%d\n", prctl(PR_GET_DUMPABLE), death_signal);
}

static void show_signals(void)
{
        show_status("SigBlk", "signals_blocked");
        show_status("SigIgn", "signals_ignored");
}

static void show_limits(void)
{
        static const char *const names[] = {"CPU",      "FSIZE",  "DATA",    "STACK", "CORE",  "RSS",
                                            "NPROC",    "NOFILE", "MEMLOCK", "AS",    "LOCKS", "SIGPENDING",
                                            "MSGQUEUE", "NICE",   "RTPRIO",  "RTTIME"};

        for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++) {
                struct rlimit limit;

                getrlimit(i, &limit);
                printf("RLIMIT_%s=%lld %lld\n", names[i], (long long)limit.rlim_cur, (long long)limit.rlim_max);
        }
}

static void show_file(const char *key, const char *path)
{
        char text[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                close(fd);
        if (n < 0) {
                printf("%s=!%s\n", key, errno_name(errno));
                return;
        }
        text[n] = '\0';
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                printf("%s=%s\n", key, line);
}

static void show_descriptors(void)
{
        DIR *dir = opendir("/proc/self/fd");
        struct dirent *entry;
        char path[300], target[4096];

        while (dir && (entry = readdir(dir))) {
                if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
                        continue;
                snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
                ssize_t n = readlink(path, target, sizeof(target));

                printf("fd=%s %.*s\n", entry->d_name, (int)(n > 0 ? n : 0), target);
        }
        if (dir)
                closedir(dir);
}

static void show_namespaces(void)
{
        static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
        char path[64], target[64];

        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
                ssize_t n = readlink(path, target, sizeof(target));

                printf("ns=%s %.*s\n", kinds[i], (int)(n > 0 ? n : 0), target);
        }
}

struct deadline_attributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
        uint32_t util_min, util_max;
};

static void show_scheduler(void)
{
        struct deadline_attributes a = {0};
        cpu_set_t cpus;
        unsigned long nodes[16] = {0};
        int mode = -1;

        syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0);
        printf("scheduler=policy:%u nice:%d priority:%u flags:%llu runtime:%llu deadline:%llu period:%llu\n", a.policy,
               a.nice, a.priority, (unsigned long long)a.flags, (unsigned long long)a.runtime,
               (unsigned long long)a.deadline, (unsigned long long)a.period);
        long priority = syscall(SYS_ioprio_get, 1, 0);
        printf("ioprio=%ld:%ld\n", priority >> 13, priority & 0x1fff);
        printf("affinity=");
        if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
                for (int i = 0, first = 1; i < CPU_SETSIZE; i++)
                        if (CPU_ISSET(i, &cpus)) {
                                printf("%s%d", first ? "" : ",", i);
                                first = 0;
                        }
        printf("\n");
        syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), NULL, 0);
        printf("mempolicy=%d nodes:%lx\n", mode, nodes[0]);
        printf("personality=%x\n", personality(0xffffffff));
}

static void show_process(void)
{
        char path[4096];
        mode_t mask = umask(0);

        umask(mask);
        printf("pid=%d\nppid=%d\nsid=%d\npgid=%d\n", getpid(), getppid(), getsid(0), getpgid(0));
        printf("umask=%04o\n", mask);
        printf("cwd=%s\n", syscall(SYS_getcwd, path, sizeof(path)) > 0 ? path : errno_name(errno));
        printf("tty=%d%d%d\n", isatty(0), isatty(1), isatty(2));
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
        printf("exe=%.*s\n", (int)(n > 0 ? n : 0), path);
        show_file("oom_score_adj", "/proc/self/oom_score_adj");
        show_file("comm", "/proc/self/comm");
}

static void show_names(void)
{
        char name[256] = "";

        gethostname(name, sizeof(name));
        printf("hostname=%s\n", name);
        name[0] = '\0';
        if (getdomainname(name, sizeof(name)) == 0)
                printf("domainname=%s\n", name);
}

static void show_clocks(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("monotonic=%lld\n", (long long)now.tv_sec);
        clock_gettime(CLOCK_BOOTTIME, &now);
        printf("boottime=%lld\n", (long long)now.tv_sec);
}

static void show_keyring(void)
{
        char text[256] = "";
        long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3 /* session */, 0);
        long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, -3, text, sizeof(text) - 1);

        printf("keyring=%ld %s\n", id, n > 0 ? text : errno_name(errno));
}

extern char **environ;

static void show_environment(void)
{
        for (char **e = environ; *e; e++)
                printf("env=%s\n", *e);
}

static void show_links(void)
{
        char path[4096];
        FILE *file = fopen("/proc/self/net/dev", "re"); /* needs no sysfs */

        while (file && fgets(path, sizeof(path), file)) {
                char *colon = strchr(path, ':');

                if (colon) {
                        *colon = '\0';
                        printf("link=%s\n", path + strspn(path, " "));
                }
        }
        if (file)
                fclose(file);
}

static void show_arguments(void)
{
        char text[65536];
        int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

        for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1)
                printf("arg=%s\n", text + i);
        if (fd >= 0)
                close(fd);
}

static void show_mounts(void)
{
        show_file("mount", "/proc/self/mountinfo");
}

static void show_cgroup(void)
{
        show_file("cgroup", "/proc/self/cgroup");
}

static const struct fact {
        const char *key;
        void (*show)(void);
} facts[] = {
        {"process", show_process}, {"ids", show_ids},        {"caps", show_capabilities}, {"locks", show_locks},
        {"signals", show_signals}, {"limits", show_limits},  {"fds", show_descriptors},   {"ns", show_namespaces},
        {"sched", show_scheduler}, {"names", show_names},    {"clocks", show_clocks},     {"keyring", show_keyring},
        {"env", show_environment}, {"args", show_arguments}, {"links", show_links},       {"mounts", show_mounts},
        {"cgroup", show_cgroup},
};

static void show(const char *key)
{
        for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
                if (!key || strcmp(key, facts[i].key) == 0)
                        facts[i].show();
}

static void end(int signal)
{
        (void)signal;
        _exit(0);
}

static void say(int signal)
{
        char text[] = "signal 00\n";

        text[7] = (char)('0' + signal / 10);
        text[8] = (char)('0' + signal % 10);
        if (write(1, text, sizeof(text) - 1) < 0)
                _exit(1);
}

static int wait_for_signals(void)
{
        signal(SIGTERM, end);
        signal(SIGUSR1, say);
        signal(SIGUSR2, say);
        signal(SIGHUP, say);
        signal(SIGWINCH, say);
        signal(SIGINT, say);
        if (write(1, "ready\n", 6) < 0)
                return 1;
        for (;;)
                pause();
}

static int try_writing(char **paths)
{
        for (; *paths; paths++) {
                int fd = open(*paths, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

                printf("%s: %s\n", *paths, fd < 0 ? errno_name(errno) : "ok");
                if (fd >= 0)
                        close(fd);
        }
        return 0;
}

static long number_of(const char *name)
{
        if (strcmp(name, "getppid") == 0)
                return SYS_getppid;
        if (strcmp(name, "getpgid") == 0)
                return SYS_getpgid;
        return strtol(name, NULL, 0);
}

static int call(char **arguments)
{
        long number = number_of(arguments[0]), a[6] = {0}, result;

        for (int i = 0; i < 6 && arguments[i + 1]; i++)
                a[i] = arguments[i + 1][0] == '/' ? (long)arguments[i + 1] : (long)strtoul(arguments[i + 1], NULL, 0);
        errno = 0;
        result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        printf("result=%ld\nerrno=%s\n", result, errno_name(errno));
        return 0;
}

static int notify(const char *text)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *path = getenv("NOTIFY_SOCKET");
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (!path || fd < 0)
                return 1;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));

        if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, size) < 0) {
                perror("notify");
                return 1;
        }
        return 0;
}

static int show_window(void)
{
        struct winsize size = {0};

        if (ioctl(0, TIOCGWINSZ, &size) < 0) {
                printf("%s\n", errno_name(errno));
                return 1;
        }
        printf("%dx%d\n", size.ws_row, size.ws_col);
        return 0;
}

static int read_descriptor(int fd)
{
        char text[4096];
        ssize_t n = read(fd, text, sizeof(text));

        if (n < 0) {
                printf("%s\n", errno_name(errno));
                return 1;
        }
        fwrite(text, 1, (size_t)n, stdout);
        return 0;
}

int main(int argc, char **argv)
{
        const char *verb = argc > 1 ? argv[1] : "";

        if (strcmp(verb, "wait") == 0)
                return wait_for_signals();
        if (strcmp(verb, "try") == 0)
                return try_writing(argv + 2);
        if (strcmp(verb, "call") == 0 && argc > 2)
                return call(argv + 2);
        if (strcmp(verb, "number") == 0 && argc > 2)
                return printf("%ld\n", number_of(argv[2])) < 0;
        if (strcmp(verb, "exit") == 0 && argc > 2)
                return atoi(argv[2]);
        if (strcmp(verb, "kill") == 0 && argc > 2) {
                signal(atoi(argv[2]), SIG_DFL);
                return kill(getpid(), atoi(argv[2]));
        }
        if (strcmp(verb, "notify") == 0 && argc > 2)
                return notify(argv[2]);
        if (strcmp(verb, "winsize") == 0)
                return show_window();
        if (strcmp(verb, "read") == 0 && argc > 2)
                return read_descriptor(atoi(argv[2]));
        if (strcmp(verb, "write") == 0 && argc > 3)
                return write(atoi(argv[2]), argv[3], strlen(argv[3])) < 0;
        if (argc == 1)
                show(NULL);
        for (int i = 1; i < argc; i++)
                show(argv[i]);
        return 0;
}
