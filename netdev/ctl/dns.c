#include "netdev/ctl/dns.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/pid_file.h"
#include "base/process.h"

#define START_MS  10000
#define STOP_MS   5000
#define HOSTS_MAX 1024
#define PID_FILE  "dnsmasq.pid"
#define HOSTS     "hosts"

/* ---- which servers ---- */

static const char *program(void)
{
        static const char *const places[] = {"/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq", "/usr/bin/dnsmasq"};

        for (size_t i = 0; i < ELEMENTS(places); i++)
                if (access(places[i], X_OK) == 0)
                        return places[i];
        return NULL;
}

static bool is_served(const struct ctlnet_network *network)
{
        return network->name[0] && network->mode != CTLNET_MACVLAN && !network->no_dns && network->gateway4.family &&
               program();
}

/* 127.0.0.53 and ::1 are the host's own: nobody answers there in a container. */
static bool is_elsewhere(const struct ctlnet_address *address)
{
        static const uint8_t localhost6[16] = {[15] = 1};

        return address->family == AF_INET ? address->bytes[0] != 127 : memcmp(address->bytes, localhost6, 16) != 0;
}

static void read_servers(const char *path, struct ctlnet_result *result)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        size_t size;

        if (read_file_at(AT_FDCWD, path, 64 << 10, &text, &size) < 0)
                return;
        for (rest = text; (line = strsep(&rest, "\n")) && result->n_servers < CTLNET_SERVERS_MAX;) {
                struct ctlnet_address *server = &result->servers[result->n_servers];
                char *value = line + strlen("nameserver");

                if (strncmp(line, "nameserver", strlen("nameserver")) != 0 || !isspace((unsigned char)*value))
                        continue;
                value += strspn(value, " \t");
                value[strcspn(value, " \t%")] = '\0';
                if (ctlnet_parse_address(value, server) == 0 && is_elsewhere(server))
                        result->n_servers++;
        }
}

int dns_servers(const struct ctlnet_network *network, const struct ctlnet_request *request,
                struct ctlnet_result *result)
{
        result->n_servers = 0;
        if (request->n_servers) {
                result->n_servers = request->n_servers;
                memcpy(result->servers, request->servers, sizeof(result->servers));
        } else if (is_served(network)) {
                result->servers[result->n_servers++] = network->gateway4;
        } else {
                read_servers("/etc/resolv.conf", result);
                /* The file that systemd-resolved, which listens on 127.0.0.53, keeps for others. */
                if (!result->n_servers)
                        read_servers("/run/systemd/resolve/resolv.conf", result);
        }
        return 0;
}

/* ---- the server ---- */

static int path_of(int dir, const char *name, char *path)
{
        int r = path_of_entry(dir, name, path);

        return r < 0 ? fail(-r, "name the directory of the network") : 0;
}

static int start_server(int dir, const struct ctlnet_network *network)
{
        char pid[PATH_MAX + 32] = "--pid-file=", hosts[PATH_MAX + 32] = "--hostsdir=", output[512];
        char listen4[CTLNET_ADDRESS_TEXT + 32] = "--listen-address=",
                                           listen6[CTLNET_ADDRESS_TEXT + 32] = "--listen-address=";
        const char *args[16] = {"dnsmasq",
                                "--conf-file=/dev/null",
                                "--no-hosts",
                                "--bind-interfaces",
                                "--domain-needed",
                                "--cache-size=1000",
                                "--user=nobody",
                                "--dns-forward-max=1000",
                                pid,
                                hosts,
                                listen4};
        size_t n = 11;
        int r = path_of(dir, PID_FILE, pid + strlen(pid));

        if (r == 0)
                r = path_of(dir, HOSTS, hosts + strlen(hosts));
        if (r < 0)
                return r;
        ctlnet_format_address(&network->gateway4, false, listen4 + strlen(listen4));
        if (network->gateway6.family) {
                ctlnet_format_address(&network->gateway6, false, listen6 + strlen(listen6));
                args[n++] = listen6;
        }
        if (network->internal)
                args[n++] = "--no-resolv";
        r = process_run(program(), args, START_MS, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "network %s: start dnsmasq", network->name);
        return r ? refuse(EIO, "network %s: dnsmasq ended with status %d: %s", network->name, r, output) : 0;
}

/* ---- names ---- */

static int print_names(const struct interface *interface, char names[HOSTS_MAX])
{
        const struct ctlnet_address *addresses[] = {&interface->ipv4, &interface->ipv6};
        char text[CTLNET_ADDRESS_TEXT];
        int used = 0;

        names[0] = '\0';
        for (size_t i = 0; i < ELEMENTS(addresses); i++) {
                if (!addresses[i]->family)
                        continue;
                used += snprintf(names + used, (size_t)(HOSTS_MAX - used), "%s %s%s%s\n",
                                 ctlnet_format_address(addresses[i], false, text), interface->container,
                                 interface->hostname[0] ? " " : "", interface->hostname);
        }
        return used;
}

static bool server_runs(int dir)
{
        _cleanup_close_ int server = pid_file_open(dir, PID_FILE);

        return server >= 0;
}

static int refuse_start(const struct ctlnet_network *network)
{
        return refuse(EAGAIN, "network %s: its dnsmasq does not run", network->name);
}

int dns_check_runs(struct ctlnet *net, const struct ctlnet_network *network)
{
        _cleanup_close_ int dir = -EBADF;

        if (!is_served(network))
                return 0;
        dir = network_directory(net, network->name);
        if (dir < 0)
                return dir;
        return server_runs(dir) ? 0 : refuse_start(network);
}

int dns_publish(struct ctlnet *net, const struct ctlnet_network *network, const struct interface *interface, bool start)
{
        _cleanup_close_ int dir = -EBADF, hosts = -EBADF;
        char names[HOSTS_MAX];
        int r, size;

        if (!is_served(network))
                return 0;
        dir = network_directory(net, network->name);
        hosts = dir < 0 ? dir : network_room(net, network->name, HOSTS);
        if (hosts < 0)
                return hosts;
        size = print_names(interface, names);
        r = replace_file_at(hosts, interface->owner, names, (size_t)size, 0644);
        if (r < 0)
                return fail(-r, "network %s: write the names of %s", network->name, interface->owner);
        if (server_runs(dir))
                return 0;
        return start ? start_server(dir, network) : refuse_start(network);
}

int dns_withdraw(struct ctlnet *net, const char *network, const char *owner)
{
        _cleanup_close_ int dir = openat(net->networks, network, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char path[sizeof(HOSTS) + NAMES_OWNER_SIZE];

        snprintf(path, sizeof(path), HOSTS "/%s", owner);
        if (dir >= 0 && unlinkat(dir, path, 0) < 0 && errno != ENOENT)
                return fail(errno, "network %s: take back the names of %s", network, owner);
        return 0;
}

int dns_stop(struct ctlnet *net, const char *network)
{
        _cleanup_close_ int dir = openat(net->networks, network, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? 0 : pid_file_end(dir, PID_FILE, STOP_MS);

        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "network %s: dnsmasq did not end in %d s", network, STOP_MS / 1000);
        return r < 0 ? fail(-r, "network %s: end dnsmasq", network) : 0;
}
