/* What a test may leave behind, as sorted lines: mounts of this namespace, cgroups, processes, namespaces in use,
 * network links, files below /run, /tmp and /dev/shm.
 *
 *      footprint take FILE             write the lines
 *      footprint compare FILE          print "left behind: ..." and "gone: ...", exit 1 when there is any difference
 *      footprint --marked NAME=VALUE   count only processes whose environment holds this, cgroups whose name holds
 *                 take|compare FILE    VALUE (on a unified host: all) and no files: for a machine that others use too
 *
 * compare gives what is on its way out some seconds: processes, waiting on their pidfds, and links, of which the kernel
 * tells when it reaps them after the end of a namespace. */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct lines {
        size_t n, room;
        char **v;
};

static const char *marker;

static void add(struct lines *lines, char *text)
{
        if (!text)
                err(2, "footprint");
        if (lines->n == lines->room) {
                lines->room = lines->room ? 2 * lines->room : 256;
                lines->v = realloc(lines->v, lines->room * sizeof(*lines->v));
                if (!lines->v)
                        err(2, "footprint");
        }
        lines->v[lines->n++] = text;
}

__attribute__((format(printf, 2, 3))) static void add_line(struct lines *lines, const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        add(lines, text);
}

static ssize_t read_small(const char *path, char *buffer, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

        if (fd >= 0)
                close(fd);
        buffer[n > 0 ? n : 0] = '\0';
        return n;
}

/* Mount ids and peer groups differ between equal mounts; the rest of the line is what it is. */
static void take_mounts(struct lines *lines)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        char *line = NULL, *rest;
        size_t size = 0;
        int skip;

        if (!file)
                err(2, "/proc/self/mountinfo");
        while (getline(&line, &size, file) > 0) {
                line[strcspn(line, "\n")] = '\0';
                skip = 0;
                if (sscanf(line, "%*d %*d %n", &skip) == EOF || skip == 0)
                        continue;
                rest = strstr(line, " - ");
                line[skip + (int)strcspn(line + skip, "-")] = '\0';
                for (char *tag = strstr(line + skip, " shared:"); tag; tag = NULL)
                        *tag = '\0';
                /* A mount that is not shared, and becomes so, is the same. */
                for (char *end = strchr(line, '\0'); end > line && end[-1] == ' '; end--)
                        end[-1] = '\0';
                add_line(lines, "mount %s %s", line + skip, rest ? rest + 3 : "");
        }
        free(line);
        fclose(file);
}

/* Where the v2 tree is not at its place of honour, the suite's groups all lie below a view's, which has the mark. */
static bool is_marked_cgroup(const char *path)
{
        const char *value = marker ? strchr(marker, '=') : NULL;

        return !value || access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 || strstr(path, value + 1);
}

/* Notebooks of mount(8) and udev, which write in their own time. */
static bool is_the_systems(const char *path)
{
        return strcmp(path, "/run/mount") == 0 || strcmp(path, "/run/udev") == 0;
}

static void take_tree(struct lines *lines, const char *kind, const char *path, int depth, bool files)
{
        DIR *dir = opendir(path);
        struct dirent *entry;
        char child[4096];

        if (!dir)
                return;
        while ((entry = readdir(dir))) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
                if ((entry->d_type != DT_DIR && !files) || is_the_systems(child))
                        continue;
                if (files || is_marked_cgroup(child))
                        add_line(lines, "%s %s", kind, child);
                if (entry->d_type == DT_DIR && depth > 0)
                        take_tree(lines, kind, child, depth - 1, files);
        }
        closedir(dir);
}

#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD of linux/sched.h */

/* comm, parent, flags and start time out of /proc/PID/stat; comm may hold spaces and brackets. */
static bool read_stat(int pid, char comm[64], int *parent, unsigned *flags, unsigned long long *start)
{
        char path[64], text[1024], *close_bracket;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (read_small(path, text, sizeof(text)) <= 0)
                return false;
        close_bracket = strrchr(text, ')');
        if (!close_bracket || !strchr(text, '('))
                return false;
        *close_bracket = '\0';
        snprintf(comm, 64, "%s", strchr(text, '(') + 1);
        return sscanf(close_bracket + 2,
                      "%*c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", parent, flags,
                      start) == 3;
}

static bool is_ancestor(int pid)
{
        char comm[64];
        int parent = getpid();
        unsigned flags;
        unsigned long long start;

        while (parent > 0) {
                if (parent == pid)
                        return true;
                if (!read_stat(parent, comm, &parent, &flags, &start))
                        return false;
        }
        return false;
}

static bool is_marked(int pid)
{
        static char text[1 << 17];
        char path[64];
        ssize_t n;

        if (!marker)
                return true;
        snprintf(path, sizeof(path), "/proc/%d/environ", pid);
        n = read_small(path, text, sizeof(text));
        return n > 0 && memmem(text, (size_t)n, marker, strlen(marker));
}

static void take_namespaces(struct lines *lines, int pid)
{
        static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
        char path[64], target[64];

        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
                ssize_t n = readlink(path, target, sizeof(target) - 1);

                if (n > 0)
                        add_line(lines, "namespace %.*s", (int)n, target);
        }
}

static void take_processes(struct lines *lines)
{
        DIR *dir = opendir("/proc");
        struct dirent *entry;
        char comm[64];
        int parent;
        unsigned flags;
        unsigned long long start;

        while (dir && (entry = readdir(dir))) {
                int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

                if (pid <= 0 || is_ancestor(pid) || !is_marked(pid))
                        continue;
                if (!read_stat(pid, comm, &parent, &flags, &start))
                        continue;
                if (flags & KERNEL_THREAD) /* they come and go */
                        continue;
                add_line(lines, "process %d %s started %llu", pid, comm, start);
                take_namespaces(lines, pid);
        }
        if (dir)
                closedir(dir);
}

static void take_links(struct lines *lines)
{
        struct if_nameindex *names = if_nameindex();

        for (struct if_nameindex *i = names; i && i->if_name; i++)
                add_line(lines, "link %s", i->if_name);
        if_freenameindex(names);
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct lines take(void)
{
        struct lines lines = {0};
        size_t kept = 0;

        take_mounts(&lines);
        take_tree(&lines, "cgroup", "/sys/fs/cgroup", 32, false);
        take_processes(&lines);
        take_links(&lines);
        if (!marker) {
                take_tree(&lines, "file", "/run", 3, true);
                take_tree(&lines, "file", "/tmp", 0, true);
                take_tree(&lines, "file", "/dev/shm", 1, true);
        }
        qsort(lines.v, lines.n, sizeof(*lines.v), by_text);
        for (size_t i = 0; i < lines.n; i++) /* many processes share one namespace, equal mounts lie on another */
                if (kept == 0 || strcmp(lines.v[i], lines.v[kept - 1]) != 0 || strncmp(lines.v[i], "mount", 5) == 0)
                        lines.v[kept++] = lines.v[i];
        lines.n = kept;
        return lines;
}

static struct lines load(const char *path)
{
        struct lines lines = {0};
        FILE *file = fopen(path, "re");
        char *line = NULL;
        size_t size = 0;

        if (!file)
                err(2, "%s", path);
        while (getline(&line, &size, file) > 0) {
                line[strcspn(line, "\n")] = '\0';
                add(&lines, strdup(line));
        }
        free(line);
        fclose(file);
        return lines;
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Walks both sorted lists. report: prints. leaving: the first process that is new, and whether a link is. Returns
 * differences. */
struct leaving {
        int pid;
        bool link;
};

static size_t differ(const struct lines *before, const struct lines *now, bool report, struct leaving *leaving)
{
        size_t i = 0, j = 0, n = 0;

        while (i < before->n || j < now->n) {
                int order = i == before->n ? 1 : j == now->n ? -1 : strcmp(before->v[i], now->v[j]);

                if (order == 0) {
                        i++;
                        j++;
                        continue;
                }
                n++;
                if (report)
                        printf("%s: %s\n", order > 0 ? "left behind" : "gone", order > 0 ? now->v[j] : before->v[i]);
                if (leaving && order > 0 && leaving->pid == 0 && strncmp(now->v[j], "process ", 8) == 0)
                        leaving->pid = atoi(now->v[j] + 8);
                if (leaving && order > 0 && strncmp(now->v[j], "link ", 5) == 0)
                        leaving->link = true;
                if (order > 0)
                        j++;
                else
                        i++;
        }
        return n;
}

/* A socket that becomes readable when links change. */
static int open_news(void)
{
        struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                err(2, "listen to changes of links");
        return fd;
}

static void wait_for(const struct leaving *leaving, int news, int64_t left)
{
        struct pollfd events[2] = {{.fd = news, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
        char buffer[8192];

        if (leaving->pid) {
                events[1].fd = (int)syscall(SYS_pidfd_open, leaving->pid, 0);
                if (events[1].fd < 0) /* it ended: look again */
                        return;
        }
        poll(events, 2, (int)left);
        /* A zombie waits for its parent, and no event tells when it is reaped: yield to that parent. */
        poll(NULL, 0, 1);
        while (recv(news, buffer, sizeof(buffer), 0) > 0)
                ;
        if (events[1].fd >= 0)
                close(events[1].fd);
}

static int compare(const char *path)
{
        struct lines before = load(path), now;
        int64_t deadline = now_ms() + PATIENCE_MS, left;
        int news = open_news();

        for (;;) {
                struct leaving leaving = {0};

                now = take();
                if (differ(&before, &now, false, &leaving) == 0)
                        return 0;
                left = deadline - now_ms();
                if ((leaving.pid == 0 && !leaving.link) || left <= 0)
                        break;
                wait_for(&leaving, news, left);
        }
        differ(&before, &now, true, NULL);
        return 1;
}

int main(int argc, char **argv)
{
        struct lines lines;
        FILE *file;

        if (argc == 5 && strcmp(argv[1], "--marked") == 0) {
                marker = argv[2];
                argv += 2;
                argc -= 2;
        }
        if (argc == 3 && strcmp(argv[1], "compare") == 0)
                return compare(argv[2]);
        if (argc != 3 || strcmp(argv[1], "take") != 0)
                errx(2, "usage: footprint [--marked NAME=VALUE] take|compare FILE");
        file = fopen(argv[2], "we"); /* before looking: it may lie where we look */
        if (!file)
                err(2, "%s", argv[2]);
        lines = take();
        for (size_t i = 0; i < lines.n; i++)
                fprintf(file, "%s\n", lines.v[i]);
        return fclose(file) == 0 ? 0 : 2;
}
