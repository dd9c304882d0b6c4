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
#include <sys/stat.h>
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
#define OUR_FILE "pasta" /* in RUN/keepers/NAME: for us its number, for pasta the network namespace */
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
static int put_all(struct line *line, const struct ctl_container *container, const char *path, const char *network)
{
        put(line, path, NULL); /* as its own name: base/pid_file.h */
        put(line, "--quiet", NULL);
        put(line, "--config-net", NULL);
        put(line, "--no-map-gw", NULL);
        put(line, "--ns-ifname", "eth0");
        put(line, "--tcp-ns", "none");
        put(line, "--udp-ns", "none");
        put(line, "--dns-forward", DNS_FORWARD);
        put(line, "--pid", "/proc/self/fd/1");
        put(line, "--netns", network);
        put(line, "--netns-only", NULL);
        return put_ports(line, &container->settings.publish);
}

/* ---- where it runs ---- */

/* AppArmor's profile of it, which Debian has, lets it read no other process's namespaces, and of files only those in
 * /run/user/UID/netns, where Podman has its namespaces. So it is in the user namespace that owns the network namespace
 * already, which it sees mounted on our file, and our directory at that place. */
#define USERS "/run/user"

struct place {
        int user, network;
        int directory;  /* RUN/keepers/NAME */
        int number;     /* its standard output: a file in memory, which the pasta that goes on keeps open */
        char users[64]; /* where the directory is to be seen; "": this host has no USERS */
};

static int open_namespace(pid_t pid, const char *kind)
{
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open %s", path) : fd;
}

static int show_directory(const struct place *place)
{
        char users[sizeof(place->users)];
        int r;

        if (!*place->users)
                return 0;
        snprintf(users, sizeof(users), "%s", place->users);
        r = mount("tmpfs", USERS, "tmpfs", 0, "mode=755");
        *strrchr(users, '/') = '\0';
        if (r == 0)
                r = mkdir(users, 0755);
        if (r == 0)
                r = mkdir(place->users, 0755);
        if (r == 0)
                r = mount(".", place->users, NULL, MS_BIND | MS_REC, NULL);
        return r < 0 ? fail(errno, "show pasta the directory %s", place->users) : 0;
}

static int enter(void *data)
{
        const struct place *place = data;
        char network[64];
        int r;

        if (setns(place->user, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return fail(errno, "enter the container's user namespace");
        snprintf(network, sizeof(network), "/proc/self/fd/%d", place->network);
        if (fchdir(place->directory) < 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(network, OUR_FILE, NULL, MS_BIND, NULL) < 0)
                return fail(errno, "mount the container's network namespace");
        r = show_directory(place);
        if (r == 0 && dup2(place->number, STDOUT_FILENO) < 0)
                r = fail(errno, "pass on a descriptor");
        return r;
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

static int write_number(int from, int to)
{
        char number[16];
        ssize_t n = pread(from, number, sizeof(number), 0);

        if (n <= 0)
                return refuse(EIO, "pasta does not say its number");
        return write_all(to, number, (size_t)n) < 0 ? fail(EIO, "write down pasta's number") : 0;
}

/* file: the one that its number goes into. A pasta whose number was never written ends when the file goes. */
static int run_for(pid_t pid, const struct ctl_container *container, int dir, int file)
{
        _cleanup_close_ int user = open_namespace(pid, "user");
        _cleanup_close_ int network = user < 0 ? user : open_namespace(pid, "net");
        _cleanup_close_ int number = -EBADF;
        struct place place = {.user = user, .network = network, .directory = dir};
        char own[PATH_MAX], seen[sizeof(place.users) + sizeof(OUR_FILE)];
        struct line line = {.n = 0};
        int r = path_of_entry(dir, OUR_FILE, own);

        if (network < 0)
                return network;
        if (r < 0)
                return fail(-r, "name the directory of a keeper");
        place.number = number = memfd_create("pasta's number", MFD_CLOEXEC);
        if (number < 0)
                return fail(errno, "make a file in memory");
        if (access(USERS, F_OK) == 0)
                snprintf(place.users, sizeof(place.users), USERS "/%u/netns", (unsigned)geteuid());
        snprintf(seen, sizeof(seen), "%s/" OUR_FILE, place.users);
        r = put_all(&line, container, own, *place.users ? seen : own);
        if (r == 0)
                r = run(&line, &place);
        arena_free(&line.arena);
        return r < 0 ? r : write_number(number, file);
}

int pasta_start(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        _cleanup_close_ int dir = keeper_directory(ctl, container->name, true), file = -EBADF;
        int r = pasta_check(&container->settings);

        if (r < 0 || dir < 0)
                return r < 0 ? r : dir;
        file = openat(dir, OUR_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = file < 0 ? fail(errno, "make the file " OUR_FILE " of its keeper") : run_for(pid, container, dir, file);
        if (r < 0)
                (void)unlinkat(dir, OUR_FILE, 0);
        return r < 0 ? fail_in(r, "network of %s", container->name) : 0;
}

int pasta_stop(const struct ctl *ctl, const char *name)
{
        _cleanup_close_ int dir = keeper_directory(ctl, name, false);
        int r = dir < 0 ? 0 : pid_file_end(dir, OUR_FILE, STOP_MS);

        if (r < 0)
                return fail(-r, "network of %s: end its pasta", name);
        if (dir >= 0)
                (void)unlinkat(dir, OUR_FILE, 0);
        return 0;
}
