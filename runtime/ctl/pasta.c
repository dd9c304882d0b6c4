#include "runtime/ctl/pasta.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/pid_file.h"
#include "base/process.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/network.h"

#define PASTA    "pasta"
#define PID_FILE "pasta.pid" /* for us its number, for pasta the network namespace */
#define START_MS 20000
#define STOP_MS  5000

/* pasta passes on what is sent there to the host's own server, which may listen on the host's loopback only. */
#define DNS_FORWARD "169.254.1.1"

bool pasta_is_wanted(const struct settings *settings)
{
        return settings->nets.n && strcmp(settings->nets.v[0], PASTA) == 0;
}

static const char *program(void)
{
        static const char *const places[] = {"/usr/bin/pasta", "/usr/local/bin/pasta"};

        for (size_t i = 0; i < ELEMENTS(places); i++)
                if (access(places[i], X_OK) == 0)
                        return places[i];
        return NULL;
}

int pasta_check(const struct settings *settings)
{
        if (geteuid() == 0)
                return refuse(EINVAL, "net pasta is for ordinary users: root has networks (berthctl network)");
        if (settings->ip || settings->ip6 || settings->mac)
                return refuse(EINVAL, "net pasta gives a container the host's addresses, and none of its own");
        if (settings->rate_in || settings->rate_out)
                return refuse(EINVAL, "net pasta limits no rates");
        if (!program())
                return refuse(ENOENT, "net pasta: there is no pasta on this host (Debian: apt install passt); without "
                                      "it there is --net none, and --net host");
        if (access("/dev/net/tun", R_OK | W_OK) < 0)
                return fail(errno, "net pasta: open /dev/net/tun (mode 0666 on most hosts)");
        return 0;
}

int pasta_servers(const struct ctl *ctl, const struct ctl_container *container, struct ctlnet_result *result)
{
        struct ctlnet_request request = {.container = container->name, .mode = CTLNET_NONE};
        struct ctlnet *net;
        int r = network_read_servers(&container->settings.dns, request.servers, &request.n_servers);

        if (r == 0)
                r = ctlnet_open(ctl->directory, &net);
        if (r < 0)
                return r;
        r = ctlnet_allocate(net, &request, result);
        ctlnet_close(net);
        if (r == 0 && result->n_servers == 0 && ctlnet_parse_address(DNS_FORWARD, &result->servers[0]) == 0)
                result->n_servers = 1;
        return r;
}

/* ---- the command line ---- */

struct line {
        struct arena arena;
        const char *words[2 * CTLNET_PUBLISH_MAX + 32];
        size_t n;
};

static void put(struct line *line, const char *option, const char *value)
{
        line->words[line->n++] = option;
        if (value)
                line->words[line->n++] = value;
}

/* "[ADDRESS/]FIRST[-LAST]:FIRST[-LAST]" */
static char *format_ports(struct line *line, const struct ctlnet_publish *publish)
{
        char address[CTLNET_ADDRESS_TEXT];
        unsigned more = publish->count - 1U;

        (void)ctlnet_format_address(&publish->host, false, address);
        return arena_printf(&line->arena, "%s%s%u-%u:%u-%u", address, *address ? "/" : "", publish->host_port,
                            publish->host_port + more, publish->container_port, publish->container_port + more);
}

static int put_ports(struct line *line, const struct oci_strings *texts)
{
        bool tcp = false, udp = false;

        if (texts->n > CTLNET_PUBLISH_MAX)
                return refuse(EINVAL, "more than %d published ports", CTLNET_PUBLISH_MAX);
        for (size_t i = 0; i < texts->n; i++) {
                struct ctlnet_publish publish;
                bool is_tcp;
                char *ports;
                int r = ctlnet_parse_publish(texts->v[i], &publish);

                if (r < 0)
                        return r;
                is_tcp = publish.protocol == IPPROTO_TCP;
                tcp = tcp || is_tcp;
                udp = udp || !is_tcp;
                ports = format_ports(line, &publish);
                if (!ports)
                        return fail(ENOMEM, "start pasta");
                put(line, is_tcp ? "--tcp-ports" : "--udp-ports", ports);
        }
        if (!tcp)
                put(line, "--tcp-ports", "none");
        if (!udp)
                put(line, "--udp-ports", "none");
        return 0;
}

/* Nothing of the host's loopback: neither by the gateway's address nor by the container's own. Its number it says:
 * AppArmor would not let it write a file of ours. */
static int put_all(struct line *line, const struct ctl_container *container, const char *place)
{
        put(line, PASTA, NULL);
        put(line, "--quiet", NULL);
        put(line, "--config-net", NULL);
        put(line, "--no-map-gw", NULL);
        put(line, "--ns-ifname", "eth0");
        put(line, "--tcp-ns", "none");
        put(line, "--udp-ns", "none");
        put(line, "--dns-forward", DNS_FORWARD);
        put(line, "--pid", "/proc/self/fd/1");
        put(line, "--netns", place);
        put(line, "--netns-only", NULL);
        return put_ports(line, &container->settings.publish);
}

/* ---- where it runs ---- */

/* AppArmor's profile of it, which Debian has, lets it read no other process's namespaces. So it is handed the network
 * namespace as a file, which only it can see, and is in the user namespace that owns it already. */
struct place {
        int user, network;
        const char *path; /* of a file to mount it on */
        int number;       /* its standard output */
};

static int open_namespace(pid_t pid, const char *kind)
{
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open %s", path) : fd;
}

static int enter(void *data)
{
        const struct place *place = data;
        char network[64];

        if (setns(place->user, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return fail(errno, "enter the container's user namespace");
        snprintf(network, sizeof(network), "/proc/self/fd/%d", place->network);
        if (unshare(CLONE_NEWNS) < 0 || mount(network, place->path, NULL, MS_BIND, NULL) < 0)
                return fail(errno, "mount the container's network namespace");
        return dup2(place->number, STDOUT_FILENO) < 0 ? fail(errno, "pass on a descriptor") : 0;
}

/* The last line says why; those before may complain that there is no syslog. */
static const char *reason_of(const char *output)
{
        const char *last = strrchr(output, '\n');

        return last ? last + 1 : output;
}

static int run(const struct line *line, struct place *place)
{
        const struct process_setting setting = {.input = -EBADF, .enter = enter, .data = place};
        struct process_call call;
        char output[4096];
        int r = process_begin_in(program(), line->words, &setting, &call);

        if (r == 0)
                r = process_finish(&call, START_MS, -EBADF, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "start pasta");
        return r ? refuse(EIO, "pasta ended with status %d: %s", r, reason_of(output)) : 0;
}

/* number: a file in memory, which the pasta that goes on keeps open. */
static int run_for(const struct line *line, pid_t pid, const char *path, int number)
{
        _cleanup_close_ int user = open_namespace(pid, "user");
        _cleanup_close_ int network = user < 0 ? user : open_namespace(pid, "net");
        struct place place = {.user = user, .network = network, .path = path, .number = number};

        return network < 0 ? network : run(line, &place);
}

static int write_number(int from, int to)
{
        char number[16];
        ssize_t n = pread(from, number, sizeof(number), 0);

        if (n <= 0)
                return refuse(EIO, "pasta does not say its number");
        return write_all(to, number, (size_t)n) < 0 ? fail(EIO, "write down pasta's number") : 0;
}

/* What is mounted on it is mounted for pasta alone. A pasta that nobody knows of any more ends when the file goes. */
static int make_file(int dir, char path[PATH_MAX])
{
        int fd = openat(dir, PID_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : path_of_entry(dir, PID_FILE, path);

        if (r < 0)
                replace_fd(&fd, -EBADF);
        return r < 0 ? fail(-r, "make the file " PID_FILE " of a keeper") : fd;
}

int pasta_start(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        _cleanup_close_ int dir = keeper_directory(ctl, container->name, true), file = -EBADF;
        struct line line = {.n = 0};
        _cleanup_close_ int number = -EBADF;
        char path[PATH_MAX];
        int r = pasta_check(&container->settings);

        if (r < 0 || dir < 0)
                return r < 0 ? r : dir;
        file = make_file(dir, path);
        if (file < 0)
                return file;
        r = put_all(&line, container, path);
        number = memfd_create("pasta's number", MFD_CLOEXEC);
        if (r == 0)
                r = number < 0 ? fail(errno, "make a file in memory") : run_for(&line, pid, path, number);
        arena_free(&line.arena);
        if (r == 0)
                r = write_number(number, file);
        if (r < 0)
                (void)unlinkat(dir, PID_FILE, 0);
        return r < 0 ? fail_in(r, "network of %s", container->name) : 0;
}

int pasta_stop(const struct ctl *ctl, const char *name)
{
        _cleanup_close_ int dir = keeper_directory(ctl, name, false);
        int r = dir < 0 ? 0 : pid_file_end(dir, PID_FILE, STOP_MS);

        if (r < 0)
                return fail(-r, "network of %s: end its pasta", name);
        if (dir >= 0)
                (void)unlinkat(dir, PID_FILE, 0);
        return 0;
}
