#include "cli/ctl/details.h"

#include "base/error.h"
#include "cli/ctl/usage_output.h"
#include "runtime/ctl/network.h"

static void put_status(struct json_writer *json, const struct ctl_status *status)
{
        json_string(json, "state", ctl_state_name(status->state));
        if (status->pid) {
                json_i64(json, "pid", status->pid);
                json_string(json, "started", status->started);
        }
        json_bool(json, "keeper", status->keeper);
        if (status->ended) {
                json_object(json, "last");
                json_i64(json, "status", status->exit_status);
                json_string(json, "time", status->ended_at);
                json_object_end(json);
        }
}

static void put_setting(struct json_writer *json, const struct settings *settings, const struct setting *setting)
{
        const char *member = (const char *)settings + setting->offset;

        switch (setting->kind) {
        case SETTING_TEXT:
                json_string(json, setting->key, *(const char *const *)(const void *)member);
                return;
        case SETTING_FLAG:
                json_bool(json, setting->key, *(const bool *)(const void *)member);
                return;
        case SETTING_LIST:
                json_strings(json, setting->key, (const struct oci_strings *)(const void *)member);
                return;
        default:
                if (!((const struct optional_i64 *)(const void *)member)->set)
                        return;
                if (setting->kind == SETTING_CPUS)
                        json_decimal(json, setting->key,
                                     (double)((const struct optional_i64 *)(const void *)member)->value / 1000);
                else
                        json_i64(json, setting->key, ((const struct optional_i64 *)(const void *)member)->value);
        }
}

static void put_interface(struct json_writer *json, const char *key, const char *net,
                          const struct ctlnet_result *result)
{
        char address[CTLNET_ADDRESS_TEXT], mac[CTLNET_MAC_TEXT];

        json_object(json, key);
        json_string(json, "net", net);
        json_string(json, "interface", result->interface);
        json_string(json, "mac", ctlnet_format_mac(result->mac, mac));
        if (result->ipv4.family)
                json_string(json, "ipv4", ctlnet_format_address(&result->ipv4, true, address));
        if (result->ipv6.family)
                json_string(json, "ipv6", ctlnet_format_address(&result->ipv6, true, address));
        if (*result->host_link)
                json_string(json, "hostLink", result->host_link);
        json_object_end(json);
}

size_t details_nets(const struct settings *settings, struct net_setting nets[CTLNET_INTERFACES_MAX])
{
        size_t n;

        if (net_settings_read(settings, nets, &n) == 0)
                return n;
        error_clear();
        return 0;
}

/* "network" is the first of "interfaces". */
static void put_network(struct json_writer *json, struct ctlnet *net, const struct ctl_container *container)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n = details_nets(&container->settings, nets);
        struct ctlnet_result result;

        if (n == 0 || !network_show(net, container->name, nets[0].index, &result))
                return;
        put_interface(json, "network", nets[0].net, &result);
        json_array(json, "interfaces");
        for (size_t i = 0; i < n; i++)
                if (i == 0 || network_show(net, container->name, nets[i].index, &result))
                        put_interface(json, NULL, nets[i].net, &result);
        json_array_end(json);
}

/* What limits of disk space and inodes leave. */
static void put_storage(struct json_writer *json, const struct storage_usage *usage)
{
        json_object(json, "storage");
        json_string(json, "kind", storage_kind_name(usage->kind));
        if (usage->kind == STORAGE_PROJECT || usage->kind == STORAGE_IMAGE) {
                json_u64(json, "used", usage->used);
                json_u64(json, "limit", usage->limit);
                json_u64(json, "inodes", usage->inodes);
                json_u64(json, "inodesLimit", usage->inodes_limit);
        }
        json_object_end(json);
}

void details_put_json(struct json_writer *json, const struct details *details)
{
        const struct ctl_container *container = details->container;

        json_object(json, NULL);
        json_string(json, "name", container->name);
        put_status(json, &details->status);
        put_network(json, details->net, container);
        if (details->storage)
                put_storage(json, details->storage);
        if (details->usage) {
                json_object(json, "usage");
                usage_put_json(json, details->usage);
                json_object_end(json);
        }
        json_object(json, "settings");
        for (size_t i = 0; i < n_settings && !container->partial; i++)
                put_setting(json, &container->settings, &setting_table[i]);
        json_object_end(json);
        json_object_end(json);
}
