#include "runtime/ctl/net_setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "runtime/ctl/ctl.h"

#define OTHER     "container:"
#define MTU_LEAST 576
#define MTU_MOST  65535

const char *net_other(const char *net)
{
        return strncmp(net, OTHER, strlen(OTHER)) == 0 ? net + strlen(OTHER) : NULL;
}

/* False for host, none, pasta and container:NAME, which stand alone. */
static bool is_managed(const char *net)
{
        return strcmp(net, "none") != 0 && strcmp(net, "host") != 0 && strcmp(net, "pasta") != 0 && !net_other(net);
}

/* ---- one ---- */

static int check_name(const char *net)
{
        static const char *const prefixes[] = {OTHER, "macvlan:", "vlan:", "phys:"};

        if (ctl_name_valid(net))
                return 0;
        for (size_t i = 0; i < ELEMENTS(prefixes); i++)
                if (strncmp(net, prefixes[i], strlen(prefixes[i])) == 0)
                        return ctl_name_valid(net + strlen(prefixes[i])) ? 0 : -EINVAL;
        return -EINVAL;
}

static int read_address(const char *value, int family, struct ctlnet_address *address)
{
        return ctlnet_parse_address(value, address) == 0 && address->family == family ? 0 : -EINVAL;
}

static int read_name(const char *value, struct net_setting *setting)
{
        uint32_t index;

        if (strncmp(value, "eth", 3) != 0 || parse_u32(value + 3, &index) < 0 || index >= CTLNET_INTERFACES_MAX)
                return -EINVAL;
        setting->index = index;
        setting->named = true;
        return 0;
}

static int read_mtu(const char *value, struct net_setting *setting)
{
        uint32_t mtu;

        if (parse_u32(value, &mtu) < 0 || mtu < MTU_LEAST || mtu > MTU_MOST)
                return -EINVAL;
        setting->mtu = mtu;
        return 0;
}

static int read_pair(char *pair, struct net_setting *setting)
{
        char *value = strchr(pair, '=');

        if (!value) {
                setting->allow_spoofing = strcmp(pair, "allow-spoofing") == 0;
                return setting->allow_spoofing ? 0 : -EINVAL;
        }
        *value++ = '\0';
        if (strcmp(pair, "name") == 0)
                return read_name(value, setting);
        if (strcmp(pair, "ip") == 0)
                return read_address(value, AF_INET, &setting->ipv4);
        if (strcmp(pair, "ip6") == 0)
                return read_address(value, AF_INET6, &setting->ipv6);
        if (strcmp(pair, "gateway") == 0)
                return read_address(value, AF_INET, &setting->gateway4);
        if (strcmp(pair, "gateway6") == 0)
                return read_address(value, AF_INET6, &setting->gateway6);
        if (strcmp(pair, "mac") == 0)
                return ctlnet_parse_mac(value, setting->mac);
        return strcmp(pair, "mtu") == 0 ? read_mtu(value, setting) : -EINVAL;
}

int net_setting_parse(const char *text, struct net_setting *setting)
{
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *word;
        int r;

        *setting = (struct net_setting){0};
        word = copy ? strsep(&rest, ",") : NULL;
        if (!word || strlen(word) >= sizeof(setting->net) || check_name(word) < 0)
                return copy ? -EINVAL : -ENOMEM;
        snprintf(setting->net, sizeof(setting->net), "%s", word);
        if (rest && !is_managed(setting->net))
                return -EINVAL;
        while ((word = strsep(&rest, ","))) {
                r = read_pair(word, setting);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void print_address(FILE *out, const char *key, const struct ctlnet_address *address)
{
        char text[CTLNET_ADDRESS_TEXT];
        bool whole = address->prefix == (address->family == AF_INET ? 32 : 128);

        if (address->family)
                fprintf(out, ",%s=%s", key, ctlnet_format_address(address, !whole, text));
}

static char *format(const struct net_setting *setting, bool named)
{
        static const uint8_t none[6];
        char *text = NULL, mac[CTLNET_MAC_TEXT];
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        fputs(setting->net, out);
        if (named)
                fprintf(out, ",name=eth%u", setting->index);
        print_address(out, "ip", &setting->ipv4);
        print_address(out, "ip6", &setting->ipv6);
        print_address(out, "gateway", &setting->gateway4);
        print_address(out, "gateway6", &setting->gateway6);
        if (memcmp(setting->mac, none, sizeof(none)) != 0)
                fprintf(out, ",mac=%s", ctlnet_format_mac(setting->mac, mac));
        if (setting->mtu)
                fprintf(out, ",mtu=%u", setting->mtu);
        if (setting->allow_spoofing)
                fputs(",allow-spoofing", out);
        if (fclose(out) == 0)
                return text;
        free(text);
        return NULL;
}

/* ---- all ---- */

/* Those with a name have it; the others take what is free in their order. */
static int give_indexes(struct net_setting *v, size_t n)
{
        unsigned taken = 0, next = 0;

        for (size_t i = 0; i < n; i++) {
                if (v[i].named && (taken >> v[i].index & 1))
                        return refuse(EINVAL, "net: there are two interfaces eth%u", v[i].index);
                taken |= v[i].named ? 1U << v[i].index : 0;
        }
        for (size_t i = 0; i < n; i++) {
                if (v[i].named)
                        continue;
                while (taken >> next & 1)
                        next++;
                taken |= 1U << next;
                v[i].index = next;
        }
        return 0;
}

/* The texts have been checked when they were set. */
static int read_first(const struct settings *settings, struct net_setting *first)
{
        if (settings->ip && ctlnet_parse_address(settings->ip, &first->ipv4) < 0)
                return refuse(EINVAL, "ip: '%s' is no address", settings->ip);
        if (settings->ip6 && ctlnet_parse_address(settings->ip6, &first->ipv6) < 0)
                return refuse(EINVAL, "ip6: '%s' is no address", settings->ip6);
        if (settings->mac && ctlnet_parse_mac(settings->mac, first->mac) < 0)
                return refuse(EINVAL, "mac: '%s' is no address", settings->mac);
        return 0;
}

int net_settings_read(const struct settings *settings, struct net_setting v[CTLNET_INTERFACES_MAX], size_t *n)
{
        const struct oci_strings *nets = &settings->nets;
        int r;

        *n = 0;
        if (nets->n > CTLNET_INTERFACES_MAX)
                return refuse(EINVAL, "net: more than %d interfaces", CTLNET_INTERFACES_MAX);
        for (size_t i = 0; i < nets->n; i++) {
                if (net_setting_parse(nets->v[i], &v[i]) < 0)
                        return refuse(EINVAL, "net: '%s' is no interface", nets->v[i]);
                if (!is_managed(v[i].net))
                        return nets->n == 1
                                       ? 0
                                       : refuse(EINVAL, "net: %s stands alone, without other interfaces", v[i].net);
                /* An answer would go out by the first of them, with the other's address. */
                for (size_t k = 0; k < i; k++)
                        if (strcmp(v[k].net, v[i].net) == 0)
                                return refuse(EINVAL, "net: two interfaces are connected to %s", v[i].net);
        }
        r = give_indexes(v, nets->n);
        if (r == 0 && nets->n)
                r = read_first(settings, &v[0]);
        if (r == 0)
                *n = nets->n;
        return r;
}

int net_settings_write(struct settings *settings, const struct net_setting *v, size_t n)
{
        static const char *const firsts[] = {"ip", "ip6", "mac"};
        const struct setting *setting = setting_find("net");
        bool named = false;
        int r = 0;

        for (size_t i = 0; i < ELEMENTS(firsts); i++)
                settings_unset(settings, setting_find(firsts[i]));
        settings_unset(settings, setting);
        for (size_t i = 0; i < n; i++)
                named = named || v[i].index != i;
        for (size_t i = 0; i < n && r == 0; i++) {
                _cleanup_free_ char *text = format(&v[i], named);

                r = text ? settings_set(settings, setting, text) : fail(ENOMEM, "keep a setting");
        }
        return r == 0 && n == 0 ? settings_set(settings, setting, "none") : r;
}
