#include "runtime/ctl/network.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/pasta.h"
#include "runtime/ctl/storage.h"

#define RESOLVER_MARK "# berthctl"
#define RESOLVER_MOST ((size_t)64 * 1024)
#define RESOLVER_SIZE 1024

/* Requests for all interfaces, and what their texts live in. */
struct wish {
        struct ctlnet *net;
        size_t n;
        struct ctlnet_request requests[CTLNET_INTERFACES_MAX];
        char *storage[CTLNET_INTERFACES_MAX];
        struct ctlnet_publish *publish;
};

static void wish_release(struct wish *wish)
{
        free(wish->publish);
        for (size_t i = 0; i < ELEMENTS(wish->storage); i++)
                free(wish->storage[i]);
        if (wish->net)
                ctlnet_close(wish->net);
}
#define _cleanup_wish_ _cleanup_(wish_release)

static void close_net(struct ctlnet **net)
{
        if (*net)
                ctlnet_close(*net);
}

static int refuse_twice(const struct oci_strings *texts, const struct ctlnet_publish *publish, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (ctlnet_publish_collide(&publish[k], &publish[i]))
                        return refuse(EINVAL, "publish: %s and %s publish the same port of the host", texts->v[k],
                                      texts->v[i]);
        return 0;
}

static int read_publish(const struct oci_strings *texts, struct wish *wish)
{
        wish->publish = calloc(texts->n + 1, sizeof(*wish->publish));
        if (!wish->publish)
                return fail(ENOMEM, "read the published ports");
        for (size_t i = 0; i < texts->n; i++) {
                int r = ctlnet_parse_publish(texts->v[i], &wish->publish[i]);

                if (r == 0)
                        r = refuse_twice(texts, wish->publish, i);
                if (r < 0)
                        return r;
        }
        wish->requests[0].publish = wish->publish;
        wish->requests[0].n_publish = texts->n;
        return 0;
}

int network_read_servers(const struct oci_strings *dns, struct ctlnet_address servers[CTLNET_SERVERS_MAX], size_t *n)
{
        if (dns->n > CTLNET_SERVERS_MAX)
                return refuse(EINVAL, "dns: more than %d servers", CTLNET_SERVERS_MAX);
        for (*n = 0; *n < dns->n; (*n)++)
                if (ctlnet_parse_address(dns->v[*n], &servers[*n]) < 0)
                        return refuse(EINVAL, "dns: '%s' is no address", dns->v[*n]);
        return 0;
}

/* Ports and rates are those of the first interface. The texts have been checked when they were set. */
static int read_first(const struct settings *settings, struct wish *wish)
{
        struct ctlnet_request *first = &wish->requests[0];
        int r;

        if (settings->rate_in && ctlnet_parse_rate(settings->rate_in, &first->rate_in) < 0)
                return refuse(EINVAL, "net-rate-in: '%s' is no rate", settings->rate_in);
        if (settings->rate_out && ctlnet_parse_rate(settings->rate_out, &first->rate_out) < 0)
                return refuse(EINVAL, "net-rate-out: '%s' is no rate", settings->rate_out);
        r = network_read_servers(&settings->dns, first->servers, &first->n_servers);
        return r < 0 ? r : read_publish(&settings->publish, wish);
}

static int read_request(const struct net_setting *setting, struct wish *wish, size_t i)
{
        struct ctlnet_request *request = &wish->requests[i];
        int r = ctlnet_parse_net(wish->net, setting->net, request, &wish->storage[i]);

        request->index = setting->index;
        request->secondary = i > 0;
        request->ipv4 = setting->ipv4;
        request->ipv6 = setting->ipv6;
        request->gateway4 = setting->gateway4;
        request->gateway6 = setting->gateway6;
        memcpy(request->mac, setting->mac, sizeof(request->mac));
        request->mtu = setting->mtu;
        request->allow_spoofing = setting->allow_spoofing;
        if (r == 0 && request->network && (setting->gateway4.family || setting->gateway6.family))
                return refuse(EINVAL, "net %s: the network has a gateway of its own", setting->net);
        if (r == 0 && !request->network && setting->allow_spoofing)
                return refuse(EINVAL, "net %s: nobody checks there, and allow-spoofing has no use", setting->net);
        return r;
}

/* wish->n is 0 where nothing is to be made. */
static int make_wish(const struct ctl *ctl, const char *name, const struct settings *settings, struct wish *wish)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n;
        int r = net_settings_read(settings, nets, &n);

        if (r < 0 || n == 0)
                return r;
        r = ctlnet_open(ctl->directory, &wish->net);
        for (size_t i = 0; i < n && r == 0; i++) {
                wish->requests[i].container = name;
                wish->requests[i].hostname = settings->hostname;
                r = read_request(&nets[i], wish, i);
        }
        wish->n = n;
        return r < 0 ? r : read_first(settings, wish);
}

int network_check(const struct ctl *ctl, const char *name, const struct settings *settings)
{
        _cleanup_wish_ struct wish wish = {0};
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n;
        int r = net_settings_read(settings, nets, &n);

        if (r < 0)
                return r;
        if (pasta_is_wanted(settings))
                return pasta_check(settings);
        if (n == 0) {
                if (settings->publish.n || settings->ip || settings->ip6 || settings->mac || settings->rate_in ||
                    settings->rate_out)
                        return refuse(EINVAL,
                                      "net %s: there is no interface whose ports, addresses or rates could be "
                                      "set",
                                      settings->nets.n ? settings->nets.v[0] : "none");
                return 0;
        }
        if (geteuid() != 0)
                return refuse(EPERM, "net %s: an ordinary user has --net pasta, none and host", nets[0].net);
        r = make_wish(ctl, name, settings, &wish);
        for (size_t i = 0; i < wish.n && r == 0; i++)
                r = ctlnet_check(wish.net, &wish.requests[i]);
        return r;
}

/* ---- resolv.conf ---- */

static size_t format_resolver(const struct ctlnet_result *result, char text[RESOLVER_SIZE])
{
        char address[CTLNET_ADDRESS_TEXT];
        int used = snprintf(text, RESOLVER_SIZE,
                            RESOLVER_MARK " writes this at each start while this line stands here.\n");

        for (size_t i = 0; i < result->n_servers; i++)
                used += snprintf(text + used, RESOLVER_SIZE - (size_t)used, "nameserver %s\n",
                                 ctlnet_format_address(&result->servers[i], false, address));
        return (size_t)used;
}

/* One that berthctl did not write, such as a link of systemd-resolved, is the container's own business, until a person
 * says which servers it is to have. */
static bool is_to_be_written(int etc, const struct settings *settings, const char *wanted)
{
        _cleanup_close_ int fd = openat(etc, "resolv.conf", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;

        if (fd < 0)
                return errno == ENOENT || settings->dns.n;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || read_all(fd, RESOLVER_MOST, &text, &size) < 0)
                return settings->dns.n;
        if (size == strlen(wanted) && memcmp(text, wanted, size) == 0)
                return false;
        return size == 0 || settings->dns.n || strncmp(text, RESOLVER_MARK, strlen(RESOLVER_MARK)) == 0;
}

/* -ENOENT without a message where it has none. */
static int open_etc(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access)
{
        _cleanup_close_ int root = storage_open(ctl, container, access);
        int etc;

        if (root < 0)
                return root;
        etc = in_root_open(root, "/etc", O_RDONLY | O_DIRECTORY);
        if (etc < 0)
                error_clear();
        return etc < 0 ? -ENOENT : etc;
}

/* A look comes first: to be written to, layers are mounted in another way, which takes longer. */
static int write_resolver(const struct ctl *ctl, const struct ctl_container *container,
                          const struct ctlnet_result *result, enum storage_access access)
{
        _cleanup_close_ int etc = -EBADF;
        char text[RESOLVER_SIZE];
        size_t size;
        int r;

        if (result->n_servers == 0)
                return 0;
        size = format_resolver(result, text);
        etc = open_etc(ctl, container, access == STORAGE_WRITE ? STORAGE_READ : access);
        if (etc < 0)
                return etc == -ENOENT ? 0 : etc;
        if (!is_to_be_written(etc, &container->settings, text))
                return 0;
        if (access == STORAGE_WRITE)
                replace_fd(&etc, open_etc(ctl, container, access));
        r = etc < 0 ? etc : update_file_at(etc, "resolv.conf", text, size, 0644);
        return r < 0 ? fail(-r, "write the resolv.conf of container %s", container->name) : 0;
}

/* ---- the steps ---- */

/* What it has no more goes first: its addresses are free for the others. */
static int allocate(struct wish *wish, const char *name, struct ctlnet_result *first)
{
        unsigned kept = 0;
        int r;

        for (size_t i = 0; i < wish->n; i++)
                kept |= 1U << wish->requests[i].index;
        r = ctlnet_keep(wish->net, name, kept, -EBADF);
        for (size_t i = 0; i < wish->n && r == 0; i++) {
                struct ctlnet_result result = {0};

                r = ctlnet_allocate(wish->net, &wish->requests[i], i ? &result : first);
        }
        return r;
}

int network_prepare(const struct ctl *ctl, const struct ctl_container *container, enum storage_access access)
{
        _cleanup_wish_ struct wish wish = {0};
        struct ctlnet_result first = {0};
        int r = make_wish(ctl, container->name, &container->settings, &wish);

        if (r < 0)
                return r;
        if (pasta_is_wanted(&container->settings)) {
                r = pasta_servers(ctl, container, &first);
                return r < 0 ? r : write_resolver(ctl, container, &first, access);
        }
        /* Without an interface of its own it may still have a network: the host's, another container's. */
        if (wish.n == 0) {
                r = network_read_servers(&container->settings.dns, first.servers, &first.n_servers);
                if (r == 0)
                        r = network_forget(ctl, container->name);
        } else
                r = allocate(&wish, container->name, &first);
        return r < 0 ? r : write_resolver(ctl, container, &first, access);
}

static int open_namespace(pid_t pid)
{
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? fail(errno, "open %s", path) : fd;
}

/* wanted: bits of indices. */
static int attach_to(struct wish *wish, int namespace, unsigned wanted)
{
        struct ctlnet_result result;
        int r = namespace < 0 ? namespace : 0;

        for (size_t i = 0; i < wish->n && r == 0; i++)
                if (wanted >> wish->requests[i].index & 1)
                        r = ctlnet_attach(wish->net, &wish->requests[i], namespace, &result);
        return r;
}

static int attach(const struct ctl *ctl, const struct ctl_container *container, pid_t pid, unsigned wanted)
{
        _cleanup_wish_ struct wish wish = {0};
        _cleanup_close_ int namespace = -EBADF;
        int r = make_wish(ctl, container->name, &container->settings, &wish);

        if (r < 0 || wish.n == 0)
                return r;
        namespace = open_namespace(pid);
        return attach_to(&wish, namespace, wanted);
}

/* An init that will leave the host's network later is still in it. */
static bool is_own_namespace(int namespace)
{
        struct stat own, other;

        return stat("/proc/self/ns/net", &own) < 0 || fstat(namespace, &other) < 0 ||
               (own.st_ino == other.st_ino && own.st_dev == other.st_dev);
}

bool network_attach_early(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        _cleanup_wish_ struct wish wish = {0};
        _cleanup_close_ int namespace = -EBADF;
        bool attached;

        if (pasta_is_wanted(&container->settings))
                return false;
        namespace = open_namespace(pid);
        attached = namespace >= 0 && !is_own_namespace(namespace) &&
                   make_wish(ctl, container->name, &container->settings, &wish) == 0;
        for (size_t i = 0; i < wish.n; i++)
                wish.requests[i].starts_nothing = true;
        attached = attached && attach_to(&wish, namespace, UINT_MAX) == 0;
        if (!attached)
                error_clear();
        return attached;
}

int network_attach(const struct ctl *ctl, const struct ctl_container *container, pid_t pid)
{
        if (pasta_is_wanted(&container->settings))
                return pasta_start(ctl, container, pid);
        return attach(ctl, container, pid, UINT_MAX);
}

int network_attach_one(const struct ctl *ctl, const struct ctl_container *container, pid_t pid, unsigned index)
{
        return attach(ctl, container, pid, 1U << index);
}

int network_drop_one(const struct ctl *ctl, const char *name, pid_t pid, unsigned index)
{
        _cleanup_(close_net) struct ctlnet *net = network_open_quietly(ctl);
        _cleanup_close_ int namespace = -EBADF;

        if (!net)
                return 0;
        if (pid) {
                namespace = open_namespace(pid);
                if (namespace < 0)
                        return namespace;
        }
        return ctlnet_keep(net, name, ~(1U << index), namespace);
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

bool network_show(struct ctlnet *net, const char *name, unsigned index, struct ctlnet_result *result)
{
        bool found = net && ctlnet_show(net, name, index, result) == 0;

        if (!found)
                error_clear();
        return found;
}

int network_detach(const struct ctl *ctl, const char *name)
{
        _cleanup_(close_net) struct ctlnet *net = NULL;
        int r = pasta_stop(ctl, name);

        if (r < 0)
                return r;
        net = network_open_quietly(ctl);
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
        const struct ctlnet_request *first = &wish.requests[0];
        int r = make_wish(ctl, container->name, &container->settings, &wish);

        if (r < 0 || wish.n == 0)
                return r;
        r = ctlnet_set_rates(wish.net, container->name, first->index, first->rate_in, first->rate_out);
        if (r == 0)
                r = ctlnet_set_publish(wish.net, container->name, first->index, first->publish, first->n_publish);
        return r;
}
