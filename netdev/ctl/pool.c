#include "netdev/ctl/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/subnet.h"

#define MAC_ATTEMPTS 64

/* holder: "web.0". */
static int refuse_taken(const char *what, const char *value, const char *holder)
{
        return refuse(EADDRINUSE, "%s %s belongs to container %.*s", what, value, names_container_length(holder),
                      holder);
}

static int check_free(struct ctlnet *net, int pool, const char *what, const char *value, const char *owner)
{
        char holder[CLAIM_TEXT_SIZE];
        int r = claim_check(pool, value, owner, net->interfaces, holder);

        if (r == -EADDRINUSE)
                return refuse_taken(what, value, holder);
        return r < 0 ? fail(-r, "look at %s %s", what, value) : 0;
}

int pool_check(struct ctlnet *net, int pool, const struct ctlnet_address *subnet, const struct ctlnet_address *gateway,
               const struct ctlnet_address *fixed, const char *owner)
{
        char text[CTLNET_ADDRESS_TEXT], whole[CTLNET_ADDRESS_TEXT];

        if (!fixed->family)
                return 0;
        ctlnet_format_address(fixed, false, text);
        if (!subnet->family)
                return refuse(EINVAL, "it has no %s", fixed->family == AF_INET ? "IPv4" : "IPv6");
        if (!subnet_is_host(subnet, fixed))
                return refuse(EINVAL, "%s is no address of the network's subnet %s", text,
                              ctlnet_format_address(subnet, true, whole));
        if (subnet_same_ip(gateway, fixed))
                return refuse(EADDRINUSE, "address %s is the network's gateway", text);
        return check_free(net, pool, "address", text, owner);
}

int pool_check_mac(struct ctlnet *net, int pool, const uint8_t fixed[6], const char *owner)
{
        char text[CTLNET_MAC_TEXT];

        return check_free(net, pool, "MAC", ctlnet_format_mac(fixed, text), owner);
}

static int take_fixed(struct ctlnet *net, int pool, const struct ctlnet_address *subnet,
                      const struct ctlnet_address *gateway, const char *owner, struct ctlnet_address *address)
{
        char text[CTLNET_ADDRESS_TEXT], holder[CLAIM_TEXT_SIZE] = "";
        int r = pool_check(net, pool, subnet, gateway, address, owner);

        if (r < 0)
                return r;
        r = claim_take(pool, ctlnet_format_address(address, false, text), owner, net->interfaces, holder);
        if (r == -EADDRINUSE)
                return refuse_taken("address", text, holder);
        return r < 0 ? fail(-r, "take address %s", text) : 0;
}

int pool_take(struct ctlnet *net, int pool, const struct ctlnet_address *subnet, const struct ctlnet_address *gateway,
              const struct ctlnet_address *fixed, const char *owner, uint32_t start, struct ctlnet_address *taken)
{
        uint32_t hosts = subnet_hosts(subnet);
        char text[CTLNET_ADDRESS_TEXT], holder[CLAIM_TEXT_SIZE];

        *taken = *fixed;
        taken->prefix = subnet->prefix;
        if (fixed->family)
                return take_fixed(net, pool, subnet, gateway, owner, taken);
        for (uint32_t i = 0; i < hosts; i++) {
                int r;

                *taken = subnet_host(subnet, 1 + (start + i) % hosts);
                if (subnet_same_ip(gateway, taken))
                        continue;
                r = claim_take(pool, ctlnet_format_address(taken, false, text), owner, net->interfaces, holder);
                if (r != -EADDRINUSE)
                        return r < 0 ? fail(-r, "take address %s", text) : 0;
        }
        return refuse(EADDRNOTAVAIL, "no address of %s is free", ctlnet_format_address(subnet, true, text));
}

int pool_take_mac(struct ctlnet *net, int pool, const char *network, const uint8_t fixed[6], const char *owner,
                  uint8_t mac[6])
{
        static const uint8_t none[6] = {0};
        bool given = memcmp(fixed, none, sizeof(none)) != 0;
        char text[CTLNET_MAC_TEXT], holder[CLAIM_TEXT_SIZE] = "", seed[CTLNET_NAME_MAX + NAMES_OWNER_SIZE + 2];

        snprintf(seed, sizeof(seed), "%s/%s", network, owner);
        for (unsigned attempt = 0; attempt < MAC_ATTEMPTS; attempt++) {
                int r;

                if (given)
                        memcpy(mac, fixed, 6);
                else
                        names_mac(seed, attempt, mac);
                r = claim_take(pool, ctlnet_format_mac(mac, text), owner, net->interfaces, holder);
                if (r == -EADDRINUSE && given)
                        return refuse_taken("MAC", text, holder);
                if (r != -EADDRINUSE)
                        return r < 0 ? fail(-r, "take MAC %s", text) : 0;
        }
        return refuse(EADDRNOTAVAIL, "no MAC is free for %s", owner);
}

static bool is_kept(const char *value, const struct interface *kept)
{
        char text[CTLNET_ADDRESS_TEXT];

        return kept && (strcmp(value, ctlnet_format_address(&kept->ipv4, false, text)) == 0 ||
                        strcmp(value, ctlnet_format_address(&kept->ipv6, false, text)) == 0 ||
                        strcmp(value, ctlnet_format_mac(kept->mac, text)) == 0);
}

int pool_release(int pool, const char *owner, const struct interface *kept)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = openat(pool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return fail(errno, "list the addresses in use");
        for (struct dirent *entry; (entry = readdir(dir));) {
                char holder[CLAIM_TEXT_SIZE];

                if (entry->d_name[0] == '.' || claim_read(pool, entry->d_name, holder) < 0 ||
                    strcmp(holder, owner) != 0 || is_kept(entry->d_name, kept))
                        continue;
                if (unlinkat(pool, entry->d_name, 0) < 0 && errno != ENOENT)
                        return fail(errno, "give back address %s", entry->d_name);
        }
        return 0;
}

int pool_sweep(struct ctlnet *net, int pool)
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = openat(pool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char holder[CLAIM_TEXT_SIZE];

        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return fail(errno, "list the addresses in use");
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.' || claim_read(pool, entry->d_name, holder) < 0 ||
                    faccessat(net->interfaces, holder, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                if (unlinkat(pool, entry->d_name, 0) < 0 && errno != ENOENT)
                        return fail(errno, "give back address %s", entry->d_name);
        }
        return 0;
}

int pool_count(struct ctlnet *net, int pool, size_t *members, char first[CLAIM_TEXT_SIZE])
{
        _cleanup_closedir_ DIR *dir = NULL;
        int fd = openat(pool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char holder[CLAIM_TEXT_SIZE];
        struct ctlnet_address address;

        *members = 0;
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
                return fail(errno, "list the addresses in use");
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (ctlnet_parse_address(entry->d_name, &address) < 0 || address.family != AF_INET ||
                    claim_read(pool, entry->d_name, holder) < 0 ||
                    faccessat(net->interfaces, holder, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (first && (*members == 0 || strcmp(holder, first) < 0))
                        memcpy(first, holder, sizeof(holder));
                ++*members;
        }
        return 0;
}

static int hand_over_value(int pool, const char *value, const char *to)
{
        int r = claim_hand_over(pool, value, to);

        return r < 0 ? fail(-r, "hand over address %s", value) : 0;
}

int pool_hand_over(int pool, const struct interface *from, const char *to)
{
        char text[CTLNET_ADDRESS_TEXT];
        int r = hand_over_value(pool, ctlnet_format_mac(from->mac, text), to);

        if (r == 0 && from->ipv4.family)
                r = hand_over_value(pool, ctlnet_format_address(&from->ipv4, false, text), to);
        if (r == 0 && from->ipv6.family)
                r = hand_over_value(pool, ctlnet_format_address(&from->ipv6, false, text), to);
        return r;
}
