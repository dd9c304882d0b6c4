#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/attach.h"

/* A socket that listens there keeps another from it; it would hear nothing any more once the port leads to a container.
 * 0 where nobody does, or where the address is not the host's: it may come later. Bare. */
static int try_bind(int family, const struct ctlnet_publish *publish, uint16_t port)
{
        bool stream = publish->protocol == IPPROTO_TCP;
        _cleanup_close_ int fd = socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        int on = 1, r;

        if (fd < 0)
                return errno == EAFNOSUPPORT ? 0 : -errno;
        /* Connections that wait for their end are no obstacle. */
        if (stream)
                (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (family == AF_INET) {
                memcpy(&v4.sin_addr, publish->host.bytes, sizeof(v4.sin_addr));
                r = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
        } else {
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
                memcpy(&v6.sin6_addr, publish->host.bytes, sizeof(v6.sin6_addr));
                r = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
        }
        return r < 0 && errno == EADDRINUSE ? -errno : 0;
}

static int check_port(const struct interface *interface, const struct ctlnet_publish *publish, uint16_t port)
{
        int r = 0;

        if (publish->host.family != AF_INET6 && interface->ipv4.family)
                r = try_bind(AF_INET, publish, port);
        if (r == 0 && publish->host.family != AF_INET && interface->ipv6.family)
                r = try_bind(AF_INET6, publish, port);
        return r;
}

int ports_check(const struct interface *interface)
{
        char text[CTLNET_PUBLISH_TEXT];

        for (size_t i = 0; i < interface->n_publish; i++) {
                const struct ctlnet_publish *publish = &interface->publish[i];

                for (unsigned n = 0; n < publish->count; n++) {
                        int r = check_port(interface, publish, (uint16_t)(publish->host_port + n));

                        if (r == -EADDRINUSE)
                                return refuse(EADDRINUSE, "published port %s: a process of the host has port %u%s",
                                              ctlnet_format_publish(publish, text), publish->host_port + n,
                                              ctlnet_publish_is_any(publish)
                                                      ? " at one of its addresses (ADDRESS:PORT:PORT takes another)"
                                                      : "");
                        if (r < 0)
                                return fail(-r, "published port %s", ctlnet_format_publish(publish, text));
                }
        }
        return 0;
}
