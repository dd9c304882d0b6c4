#include "netdev/ctl/subnet.h"

#include <string.h>
#include <sys/socket.h>

#include "netdev/ctl/names.h"

static unsigned bits_of(const struct ctlnet_address *address)
{
        return address->family == AF_INET ? 32 : 128;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
        unsigned rest = bits % 8;

        if (memcmp(a, b, bits / 8) != 0)
                return false;
        return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & (uint8_t)(0xff00 >> rest)) == 0;
}

bool subnet_holds(const struct ctlnet_address *subnet, const struct ctlnet_address *address)
{
        return subnet->family && subnet->family == address->family &&
               same_bits(subnet->bytes, address->bytes, subnet->prefix);
}

bool subnet_overlaps(const struct ctlnet_address *a, const struct ctlnet_address *b)
{
        return a->prefix <= b->prefix ? subnet_holds(a, b) : subnet_holds(b, a);
}

bool subnet_same_ip(const struct ctlnet_address *a, const struct ctlnet_address *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, bits_of(a) / 8) == 0;
}

/* Clears or sets the bits behind the prefix. */
static struct ctlnet_address fill(const struct ctlnet_address *subnet, bool set)
{
        struct ctlnet_address result = *subnet;
        unsigned bits = bits_of(subnet);

        for (unsigned bit = subnet->prefix; bit < bits; bit++) {
                uint8_t mask = (uint8_t)(0x80 >> bit % 8);

                if (set)
                        result.bytes[bit / 8] |= mask;
                else
                        result.bytes[bit / 8] &= (uint8_t)~mask;
        }
        result.prefix = (uint8_t)bits;
        return result;
}

struct ctlnet_address subnet_first(const struct ctlnet_address *subnet)
{
        return fill(subnet, false);
}

struct ctlnet_address subnet_last(const struct ctlnet_address *subnet)
{
        return fill(subnet, true);
}

uint32_t subnet_hosts(const struct ctlnet_address *subnet)
{
        unsigned host_bits = bits_of(subnet) - subnet->prefix;
        uint32_t all = host_bits >= 20 ? SUBNET_HOSTS_MAX : 1U << host_bits;
        uint32_t kept = subnet->family == AF_INET ? 2 : 1;

        return all > kept ? all - kept : 0;
}

struct ctlnet_address subnet_host(const struct ctlnet_address *subnet, uint32_t host)
{
        struct ctlnet_address result = subnet_first(subnet);
        int last = (int)bits_of(subnet) / 8 - 1;

        result.prefix = subnet->prefix;
        for (int i = last; i >= 0 && host; i--, host >>= 8)
                result.bytes[i] |= (uint8_t)host;
        return result;
}

bool subnet_is_host(const struct ctlnet_address *subnet, const struct ctlnet_address *address)
{
        struct ctlnet_address first = subnet_first(subnet), last = subnet_last(subnet);

        if (!subnet_holds(subnet, address) || subnet_same_ip(&first, address))
                return false;
        return subnet->family != AF_INET || !subnet_same_ip(&last, address);
}

struct ctlnet_address subnet_candidate4(const char *name, unsigned n)
{
        uint32_t place = (uint32_t)(names_hash(name, 0) + n) % SUBNET_CANDIDATES;

        /* 1024 networks of 4096 addresses are 10.64.0.0/10. */
        return (struct ctlnet_address){
                .family = AF_INET,
                .prefix = 20,
                .bytes = {10, (uint8_t)(64 + (place >> 4)), (uint8_t)((place & 15) << 4), 0},
        };
}

struct ctlnet_address subnet_ula(const uint8_t random[5])
{
        struct ctlnet_address result = {.family = AF_INET6, .prefix = 64, .bytes = {0xfd}};

        memcpy(result.bytes + 1, random, 5);
        return result;
}
