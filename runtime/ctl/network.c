#include "runtime/ctl/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"

#define RESOLVER_MARK "# berthctl"
#define RESOLVER_MOST ((size_t)64 * 1024)

/* A request and what its texts live in. */
struct wish {
        struct ctlnet *net;
        struct ctlnet_request request;
        struct ctlnet_publish *publish;
        char *storage;
};

static void wish_release(struct wish *wish)
{
        free(wish->publish);
        free(wish->storage);
        if (wish->net)
                ctlnet_close(wish->net);
}
#define _cleanup_wish_ _cleanup_(wish_release)

static void close_net(struct ctlnet **net)
{
        if (*net)
                ctlnet_close(*net);
}

static int read_publish(const struct oci_strings *texts, struct wish *wish)
{
        wish->publish = calloc(texts->n + 1, sizeof(*wish->publish));
        if (!wish->publish)
                return fail(ENOMEM, "read the published ports");
        for (size_t i = 0; i < texts->n; i++) {
                int r = ctlnet_parse_publish(texts->v[i], &wish->publish[i]);

                if (r < 0)
                        return r;
        }
        wish->request.publish = wish->publish;
        wish->request.n_publish = texts->n;
        return 0;
}

/* The texts have been checked when they were set. */
static int read_addresses(const struct settings *settings, struct ctlnet_request *request)
{
        if (settings->ip && ctlnet_parse_address(settings->ip, &request->ipv4) < 0)
                return refuse(EINVAL, "ip: '%s' is no address", settings->ip);
        if (settings->ip6 && ctlnet_parse_address(settings->ip6, &request->ipv6) < 0)
                return refuse(EINVAL, "ip6: '%s' is no address", settings->ip6);
        if (settings->mac && ctlnet_parse_mac(settings->mac, request->mac) < 0)
                return refuse(EINVAL, "mac: '%s' is no address", settings->mac);
        if (settings->rate_in && ctlnet_parse_rate(settings->rate_in, &request->rate_in) < 0)
                return refuse(EINVAL, "net-rate-in: '%s' is no rate", settings->rate_in);
        if (settings->rate_out && ctlnet_parse_rate(settings->rate_out, &request->rate_out) < 0)
                return refuse(EINVAL, "net-rate-out: '%s' is no rate", settings->rate_out);
        if (settings->dns.n > CTLNET_SERVERS_MAX)
                return refuse(EINVAL, "dns: more than %d servers", CTLNET_SERVERS_MAX);
        for (size_t i = 0; i < settings->dns.n; i++)
                if (ctlnet_parse_address(settings->dns.v[i], &request->servers[request->n_servers++]) < 0)
                        return refuse(EINVAL, "dns: '%s' is no address", settings->dns.v[i]);
        return 0;
}

static bool is_managed(const struct settings *settings)
{
        return settings->net && strcmp(settings->net, "none") != 0 && strcmp(settings->net, "host") != 0 &&
               strncmp(settings->net, "container:", 10) != 0;
}

static int make_wish(const struct ctl *ctl, const char *name, const struct settings *settings, struct wish *wish)
{
        int r = ctlnet_open(ctl->directory, &wish->net);

        wish->request.container = name;
        wish->request.hostname = settings->hostname;
        if (r == 0)
                r = ctlnet_parse_net(wish->net, settings->net, &wish->request, &wish->storage);
        if (r == 0)
                r = read_addresses(settings, &wish->request);
        return r < 0 ? r : read_publish(&settings->publish, wish);
}

int network_check(const struct ctl *ctl, const char *name, const struct settings *settings)
{
        _cleanup_wish_ struct wish wish = {0};

        if (!is_managed(settings)) {
                if (settings->publish.n || settings->ip || settings->ip6 || settings->mac || settings->rate_in ||
                    settings->rate_out)
                        return refuse(EINVAL,
                                      "net %s: there is no interface whose ports, addresses or rates could be "
                                      "set",
                                      settings->net ? settings->net : "none");
                return 0;
        }
        if (geteuid() != 0)
                return refuse(EPERM, "net %s: an ordinary user has --net none and --net host", settings->net);
        return make_wish(ctl, name, settings, &wish);
}

/* ---- resolv.conf ---- */

/* One that berthctl did not write, such as a link of systemd-resolved, is the container's own business. */
static bool is_ours(int etc)
{
        _cleanup_close_ int fd = openat(etc, "resolv.conf", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;

        if (fd < 0)
                return errno == ENOENT;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || read_all(fd, RESOLVER_MOST, &text, &size) < 0)
                return false;
        return size == 0 || strncmp(text, RESOLVER_MARK, strlen(RESOLVER_MARK)) == 0;
}

static int write_resolver(const struct ctl_container *container, const struct ctlnet_result *result)
{
        _cleanup_close_ int root = openat(container->fd, CTL_ROOTFS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_close_ int etc = -EBADF;
        char text[1024], address[CTLNET_ADDRESS_TEXT];
        int used, r;

        if (root < 0)
                return fail(errno, "open the root of container %s", container->name);
        etc = in_root_open(root, "/etc", O_RDONLY | O_DIRECTORY);
        if (etc < 0 || !is_ours(etc) || result->n_servers == 0) {
                error_clear();
                return 0;
        }
        used = snprintf(text, sizeof(text), RESOLVER_MARK " writes this at each start while this line stands here.\n");
        for (size_t i = 0; i < result->n_servers; i++)
                used += snprintf(text + used, sizeof(text) - (size_t)used, "nameserver %s\n",
                                 ctlnet_format_address(&result->servers[i], false, address));
        r = replace_file_at(etc, "resolv.conf", text, (size_t)used, 0644);
        return r < 0 ? fail(-r, "write the resolv.conf of container %s", container->name) : 0;
}

/* ---- the steps ---- */

int network_prepare(const struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_wish_ struct wish wish = {0};
        struct ctlnet_result result = {0};
        int r;

        if (!is_managed(&container->settings))
                return 0;
        r = make_wish(ctl, container->name, &container->settings, &wish);
        if (r == 0)
                r = ctlnet_allocate(wish.net, &wish.request, &result);
        return r < 0 ? r : write_resolver(container, &result);
}

int network_attach(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        _cleanup_wish_ struct wish wish = {0};
        _cleanup_close_ int namespace = -EBADF;
        struct ctlnet_result result;
        char path[64];
        int r;

        if (!is_managed(&container->settings))
                return 0;
        r = make_wish(ctl, container->name, &container->settings, &wish);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        namespace = open(path, O_RDONLY | O_CLOEXEC);
        if (namespace < 0)
                return fail(errno, "open %s", path);
        return ctlnet_attach(wish.net, &wish.request, namespace, &result);
}

struct ctlnet *network_open_quietly(const struct ctl *ctl)
{
        struct ctlnet *net = NULL;

        if (ctl->directory_fd < 0 || faccessat(ctl->directory_fd, "interfaces", F_OK, 0) < 0)
                return NULL;
        if (ctlnet_open(ctl->directory, &net) == 0)
                return net;
        error_clear();
        return NULL;
}

bool network_show(struct ctlnet *net, const char *name, struct ctlnet_result *result)
{
        bool found = net && ctlnet_show(net, name, 0, result) == 0;

        if (!found)
                error_clear();
        return found;
}

int network_detach(const struct ctl *ctl, const char *name)
{
        _cleanup_(close_net) struct ctlnet *net = network_open_quietly(ctl);

        return net ? ctlnet_detach(net, name, CTLNET_LINKS_REAPED) : 0;
}

int network_forget(const struct ctl *ctl, const char *name)
{
        _cleanup_(close_net) struct ctlnet *net = network_open_quietly(ctl);

        return net ? ctlnet_forget(net, name) : 0;
}

int network_rename(const struct ctl *ctl, const char *from, const char *to)
{
        _cleanup_(close_net) struct ctlnet *net = network_open_quietly(ctl);

        return net ? ctlnet_rename(net, from, to) : 0;
}

int network_update(const struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_wish_ struct wish wish = {0};
        int r;

        if (!is_managed(&container->settings))
                return 0;
        r = make_wish(ctl, container->name, &container->settings, &wish);
        if (r == 0)
                r = ctlnet_set_rates(wish.net, container->name, 0, wish.request.rate_in, wish.request.rate_out);
        if (r == 0)
                r = ctlnet_set_publish(wish.net, container->name, 0, wish.request.publish, wish.request.n_publish);
        return r;
}
