#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "netdev/ctl/keys.h"
#include "netdev/ctl/state.h"

/* CTLNET_PUBLISH_MAX lines and the rest. */
#define FILE_MAX (64 << 10)

#define ROW(text, kind, member)                                                                                        \
        {                                                                                                              \
                text, kind, offsetof(struct interface, member), sizeof(((struct interface *)0)->member)                \
        }

static const struct key keys[] = {
        ROW("mode", KEY_MODE, mode),
        ROW("network", KEY_TEXT, network),
        ROW("parent", KEY_TEXT, parent),
        ROW("vlan", KEY_UNSIGNED, vlan),
        ROW("name", KEY_TEXT, name),
        ROW("mac", KEY_MAC, mac),
        ROW("ipv4", KEY_ADDRESS, ipv4),
        ROW("ipv6", KEY_ADDRESS, ipv6),
        ROW("gateway4", KEY_ADDRESS, gateway4),
        ROW("gateway6", KEY_ADDRESS, gateway6),
        ROW("boot", KEY_TEXT, boot),
        ROW("link", KEY_TEXT, link),
        ROW("hostname", KEY_TEXT, hostname),
        ROW("allow-spoofing", KEY_BOOL, allow_spoofing),
        ROW("proxied", KEY_BOOL, proxied),
        ROW("rate-in", KEY_U64, rate_in),
        ROW("rate-out", KEY_U64, rate_out),
};

void interface_free(struct interface *interface)
{
        free(interface->publish);
        interface->publish = NULL;
        interface->n_publish = 0;
}

static int read_publish(const char *name, const char *value, void *object)
{
        struct interface *interface = object;
        struct ctlnet_publish *bigger;

        if (strcmp(name, "publish") != 0 || interface->n_publish >= CTLNET_PUBLISH_MAX)
                return -EINVAL;
        bigger = reallocarray(interface->publish, interface->n_publish + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        interface->publish = bigger;
        return ctlnet_parse_publish(value, &bigger[interface->n_publish++]);
}

int interface_split(const char *owner, char container[CTLNET_CONTAINER_MAX + 1], unsigned *index)
{
        const char *dot = strrchr(owner, '.');
        uint32_t number;

        if (!dot || dot == owner || (size_t)(dot - owner) > CTLNET_CONTAINER_MAX || parse_u32(dot + 1, &number) < 0 ||
            number >= CTLNET_INTERFACES_MAX)
                return -EINVAL;
        memcpy(container, owner, (size_t)(dot - owner));
        container[dot - owner] = '\0';
        *index = number;
        return 0;
}

int interface_load(struct ctlnet *net, const char *container, unsigned index, struct interface *interface)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        *interface = (struct interface){.index = index};
        memcpy(interface->container, container, strnlen(container, CTLNET_CONTAINER_MAX));
        names_owner(container, index, interface->owner);
        r = read_own_file_at(net->interfaces, interface->owner, FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return r;
        if (r < 0)
                return fail(-r, "read interfaces/%s", interface->owner);
        r = keys_parse(keys, ELEMENTS(keys), text, read_publish, interface);
        if (r < 0) {
                interface_free(interface);
                return fail_in(r, "interfaces/%s", interface->owner);
        }
        return 0;
}

static int print(const struct interface *interface, char **text, size_t *size)
{
        FILE *file = open_memstream(text, size);
        char publish[CTLNET_PUBLISH_TEXT];

        if (!file)
                return -ENOMEM;
        keys_print(keys, ELEMENTS(keys), interface, file);
        for (size_t i = 0; i < interface->n_publish; i++)
                fprintf(file, "publish = %s\n", ctlnet_format_publish(&interface->publish[i], publish));
        return fclose(file) == 0 ? 0 : -ENOMEM;
}

int interface_save(struct ctlnet *net, const struct interface *interface, bool durable)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = print(interface, &text, &size);

        if (r == 0)
                r = (durable ? replace_file_durably_at : replace_file_at)(net->interfaces, interface->owner, text, size,
                                                                          0600);
        return r < 0 ? fail(-r, "write interfaces/%s", interface->owner) : 0;
}

int interface_remove(struct ctlnet *net, const char *owner)
{
        if (unlinkat(net->interfaces, owner, 0) < 0 && errno != ENOENT)
                return fail(errno, "remove interfaces/%s", owner);
        return 0;
}

bool interface_is_attached(const struct ctlnet *net, const struct interface *interface)
{
        return interface->boot[0] && strcmp(interface->boot, net->boot) == 0;
}
