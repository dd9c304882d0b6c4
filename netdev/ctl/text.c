#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "netdev/ctlnet.h"

int ctlnet_parse_address(const char *text, struct ctlnet_address *address)
{
        struct ctlnet_address a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
        unsigned most = a.family == AF_INET ? 32 : 128;
        const char *slash = strchr(text, '/');
        size_t size = slash ? (size_t)(slash - text) : strlen(text);
        char ip[INET6_ADDRSTRLEN];
        uint32_t prefix = most;

        if (size >= sizeof(ip))
                return -EINVAL;
        memcpy(ip, text, size);
        ip[size] = '\0';
        if (inet_pton(a.family, ip, a.bytes) != 1)
                return -EINVAL;
        if (slash && (parse_u32(slash + 1, &prefix) < 0 || prefix > most))
                return -EINVAL;
        a.prefix = (uint8_t)prefix;
        *address = a;
        return 0;
}

const char *ctlnet_format_address(const struct ctlnet_address *address, bool prefixed, char text[CTLNET_ADDRESS_TEXT])
{
        size_t used;

        text[0] = '\0';
        if (!address->family || !inet_ntop(address->family, address->bytes, text, CTLNET_ADDRESS_TEXT))
                return text;
        used = strlen(text);
        if (prefixed)
                snprintf(text + used, CTLNET_ADDRESS_TEXT - used, "/%u", address->prefix);
        return text;
}

static int hex_value(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

int ctlnet_parse_mac(const char *text, uint8_t mac[6])
{
        static const uint8_t none[6] = {0};
        uint8_t read[6];

        if (strlen(text) != CTLNET_MAC_TEXT - 1)
                return -EINVAL;
        for (int i = 0; i < 6; i++) {
                int high = hex_value(text[3 * i]), low = hex_value(text[3 * i + 1]);

                if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
                        return -EINVAL;
                read[i] = (uint8_t)(high << 4 | low);
        }
        if ((read[0] & 1) || memcmp(read, none, 6) == 0)
                return -EINVAL;
        memcpy(mac, read, 6);
        return 0;
}

const char *ctlnet_format_mac(const uint8_t mac[6], char text[CTLNET_MAC_TEXT])
{
        snprintf(text, CTLNET_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                 mac[5]);
        return text;
}

int ctlnet_parse_rate(const char *text, uint64_t *rate)
{
        static const struct {
                const char *unit;
                uint64_t factor;
        } units[] = {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}};
        size_t digits = strspn(text, "0123456789");
        uint64_t value;
        char number[21];

        if (digits == 0 || digits >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, digits);
        number[digits] = '\0';
        for (size_t i = 0; i < ELEMENTS(units); i++) {
                if (strcmp(text + digits, units[i].unit) != 0)
                        continue;
                if (parse_u64(number, UINT64_MAX / units[i].factor, &value) < 0)
                        return -EINVAL;
                *rate = value * units[i].factor;
                return 0;
        }
        return -EINVAL;
}

/* ---- published ports ---- */

/* "80" or "80-89" of `size` characters. */
static int parse_ports(const char *text, size_t size, uint16_t *first, unsigned *count)
{
        char ports[12], *dash;
        uint32_t low, high;

        if (size >= sizeof(ports))
                return -EINVAL;
        memcpy(ports, text, size);
        ports[size] = '\0';
        dash = strchr(ports, '-');
        if (dash)
                *dash = '\0';
        if (parse_u32(ports, &low) < 0 || (dash ? parse_u32(dash + 1, &high) : 0) < 0)
                return -EINVAL;
        if (!dash)
                high = low;
        if (low < 1 || high > 65535 || high < low)
                return -EINVAL;
        *first = (uint16_t)low;
        *count = high - low + 1;
        return 0;
}

/* The host's address before "HOST:CONTAINER"; *rest is what follows it. */
static int parse_host(const char *text, const char *end, struct ctlnet_publish *publish, const char **rest)
{
        const char *close = text[0] == '[' ? memchr(text, ']', (size_t)(end - text)) : NULL;
        const char *colon = memchr(text, ':', (size_t)(end - text));
        const char *second = colon ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;
        const char *from = text, *to = NULL;
        char ip[INET6_ADDRSTRLEN];

        *rest = text;
        if (text[0] == '[') {
                if (!close || close + 1 >= end || close[1] != ':')
                        return -EINVAL;
                from = text + 1;
                to = close;
                *rest = close + 2;
        } else if (second) {
                to = colon;
                *rest = colon + 1;
        }
        if (!to)
                return 0;
        if ((size_t)(to - from) >= sizeof(ip))
                return -EINVAL;
        memcpy(ip, from, (size_t)(to - from));
        ip[to - from] = '\0';
        return strchr(ip, '/') ? -EINVAL : ctlnet_parse_address(ip, &publish->host);
}

static int parse_protocol(const char *slash, uint8_t *protocol)
{
        *protocol = IPPROTO_TCP;
        if (!slash || strcmp(slash, "/tcp") == 0)
                return 0;
        *protocol = IPPROTO_UDP;
        return strcmp(slash, "/udp") == 0 ? 0 : -EINVAL;
}

int ctlnet_parse_publish(const char *text, struct ctlnet_publish *publish)
{
        const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text), *rest, *colon;
        struct ctlnet_publish p = {0};
        unsigned host_count, count;

        if (parse_protocol(slash, &p.protocol) < 0)
                return refuse(EINVAL, "published port \"%s\": the protocol is neither tcp nor udp", text);
        if (parse_host(text, end, &p, &rest) < 0)
                return refuse(EINVAL, "published port \"%s\": no address of the host before the ports", text);
        colon = memchr(rest, ':', (size_t)(end - rest));
        if (!colon)
                colon = end;
        if (parse_ports(rest, (size_t)(colon - rest), &p.host_port, &host_count) < 0)
                return refuse(EINVAL, "published port \"%s\": no port of the host from 1 to 65535", text);
        p.container_port = p.host_port;
        count = host_count;
        if (colon < end && parse_ports(colon + 1, (size_t)(end - colon - 1), &p.container_port, &count) < 0)
                return refuse(EINVAL, "published port \"%s\": no port of the container from 1 to 65535", text);
        if (count != host_count)
                return refuse(EINVAL, "published port \"%s\": %u ports of the host for %u of the container", text,
                              host_count, count);
        p.count = (uint16_t)count;
        *publish = p;
        return 0;
}

bool ctlnet_publish_is_any(const struct ctlnet_publish *publish)
{
        static const uint8_t none[sizeof(publish->host.bytes)];

        return memcmp(publish->host.bytes, none, sizeof(none)) == 0;
}

bool ctlnet_publish_collide(const struct ctlnet_publish *a, const struct ctlnet_publish *b)
{
        if (a->protocol != b->protocol || a->host_port >= b->host_port + b->count ||
            b->host_port >= a->host_port + a->count)
                return false;
        if (a->host.family && b->host.family && a->host.family != b->host.family)
                return false;
        return memcmp(a->host.bytes, b->host.bytes, sizeof(a->host.bytes)) == 0;
}

static int format_ports(char *text, size_t room, unsigned first, unsigned count)
{
        return count > 1 ? snprintf(text, room, "%u-%u", first, first + count - 1) : snprintf(text, room, "%u", first);
}

const char *ctlnet_format_publish(const struct ctlnet_publish *publish, char text[CTLNET_PUBLISH_TEXT])
{
        bool v6 = publish->host.family == AF_INET6;
        char ip[CTLNET_ADDRESS_TEXT], host[16], container[16];

        ctlnet_format_address(&publish->host, false, ip);
        format_ports(host, sizeof(host), publish->host_port, publish->count);
        format_ports(container, sizeof(container), publish->container_port, publish->count);
        snprintf(text, CTLNET_PUBLISH_TEXT, "%s%s%s%s%s:%s/%s", v6 ? "[" : "", ip, v6 ? "]" : "", ip[0] ? ":" : "",
                 host, container, publish->protocol == IPPROTO_UDP ? "udp" : "tcp");
        return text;
}
