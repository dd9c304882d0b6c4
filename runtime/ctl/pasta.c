#include "runtime/ctl/pasta.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/pid_file.h"
#include "base/process.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/network.h"

#define PASTA    "pasta"
#define PID_FILE "pasta.pid"
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

/* Nothing of the host's loopback: neither by the gateway's address nor by the container's own. */
static int put_all(struct line *line, const struct ctl_container *container, const char *pid_file, pid_t pid)
{
        int r;

        put(line, PASTA, NULL);
        put(line, "--quiet", NULL);
        put(line, "--config-net", NULL);
        put(line, "--no-map-gw", NULL);
        put(line, "--ns-ifname", "eth0");
        put(line, "--tcp-ns", "none");
        put(line, "--udp-ns", "none");
        put(line, "--dns-forward", DNS_FORWARD);
        put(line, "--pid", pid_file);
        r = put_ports(line, &container->settings.publish);
        if (r < 0)
                return r;
        put(line, arena_printf(&line->arena, "%d", (int)pid), NULL);
        put(line, NULL, NULL);
        return 0;
}

/* The last line says why; those before may complain that there is no syslog. */
static const char *reason_of(const char *output)
{
        const char *last = strrchr(output, '\n');

        return last ? last + 1 : output;
}

static int run(const struct line *line)
{
        char output[4096];
        int r = process_run(program(), line->words, START_MS, output, sizeof(output));

        if (r < 0)
                return fail_in(r, "start pasta");
        return r ? refuse(EIO, "pasta ended with status %d: %s", r, reason_of(output)) : 0;
}

int pasta_start(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        _cleanup_close_ int dir = keeper_directory(ctl, container->name, true);
        struct line line = {.n = 0};
        char pid_file[PATH_MAX];
        int r = pasta_check(&container->settings);

        if (r < 0 || dir < 0)
                return r < 0 ? r : dir;
        r = path_of_entry(dir, PID_FILE, pid_file);
        if (r < 0)
                return fail(-r, "name the directory of a keeper");
        r = put_all(&line, container, pid_file, pid);
        if (r == 0)
                r = run(&line);
        arena_free(&line.arena);
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
