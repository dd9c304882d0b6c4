/* Changing what is there: settings, name. */
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
#include "base/syscalls.h"
#include "runtime/ctl/create.h"
#include "runtime/ctl/event_log.h"
#include "runtime/ctl/ids.h"
#include "runtime/ctl/keeper_call.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/network.h"
#include "runtime/ctl/pasta.h"
#include "runtime/ctl/resources.h"
#include "runtime/ctl/storage.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static bool lies_between(size_t offset, size_t first, size_t last)
{
        return offset >= first && offset <= last;
}

/* A limit of the cgroup, that the kernel takes at any time. */
static bool is_resource(const struct setting *setting)
{
        return setting->live &&
               lies_between(setting->offset, offsetof(struct settings, cpus), offsetof(struct settings, cpu_set));
}

static bool is_network(const struct setting *setting)
{
        return setting->live &&
               lies_between(setting->offset, offsetof(struct settings, nets), offsetof(struct settings, publish));
}

static void sort_out(uint64_t changed, bool *resources, bool *network, bool *later)
{
        *resources = *network = *later = false;
        for (size_t i = 0; i < n_settings; i++) {
                if (!(changed >> i & 1))
                        continue;
                *later = *later || !setting_table[i].live;
                *resources = *resources || is_resource(&setting_table[i]);
                *network = *network || is_network(&setting_table[i]);
        }
}

static int update_resources(struct ctl *ctl, const struct ctl_container *container, uint64_t changed)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_free_ char *text = NULL;
        struct oci_resources resources = {0};
        int r = resources_json(&container->settings, container->fd, changed, &text);

        if (r == 0)
                r = oci_resources_parse(text, strlen(text), &arena, &resources);
        return r < 0 ? r : container_update(ctl->runtime, container->name, &resources, NULL, NULL);
}

int ctl_set(struct ctl *ctl, struct ctl_container *container, uint64_t changed, bool *later)
{
        struct ctl_status status;
        bool resources, network;
        int r = ctl_status(ctl, container, &status);

        if (r == 0)
                r = network_check(ctl, container->name, &container->settings);
        if (r < 0)
                return r;
        sort_out(changed, &resources, &network, later);
        /* pasta has its ports from its start. */
        *later = *later || (network && pasta_is_wanted(&container->settings));
        if (!status.pid)
                *later = false;
        if (setting_is_among(changed, "disk") || setting_is_among(changed, "inodes")) {
                r = storage_change(ctl, container, setting_is_among(changed, "inodes"), status.pid != 0);
                if (r < 0)
                        return fail_in(r, "set");
        }
        if (status.pid && resources) {
                r = update_resources(ctl, container, changed);
                if (r < 0)
                        return fail_in(r, "container %s", container->name);
        }
        if (status.pid && network) {
                r = network_update(ctl, container);
                if (r < 0)
                        return fail_in(r, "container %s", container->name);
        }
        r = ctl_save(ctl, container);
        if (r == 0)
                event_record(ctl, container->name, EVENT_CHANGED, (struct event_details){0});
        return r;
}

int ctl_rename(struct ctl *ctl, const char *from, const char *to)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        struct ctl_status status;
        int r = ctl_find(ctl, from, CTL_LOCKED, &container);

        if (r == 0)
                r = ctl_status(ctl, &container, &status);
        if (r < 0)
                return r;
        if (!ctl_name_valid(to))
                return refuse(EINVAL,
                              "'%.80s' is no name of a container: expected letters, digits, '_', '.' and '-', "
                              "a letter or digit first, at most %d",
                              to, CTL_NAME_MAX);
        if (status.state != CTL_STOPPED)
                return refuse(EBUSY, "container %s is %s: only a stopped one can be renamed", from,
                              ctl_state_name(status.state));
        /* What an end that nobody tidied up after has left goes by the old name. */
        r = container_delete(ctl->runtime, from, true);
        if (r == 0)
                r = keeper_forget(ctl, from);
        if (r == 0)
                r = ids_share(ctl, &container, to);
        if (r == 0) {
                r = replace_file_at(container.fd, CTL_WAS_FILE, from, strlen(from), 0600);
                if (r < 0)
                        return fail(-r, "rename container %s to %s", from, to);
        }
        if (r == 0 && syscall(SYS_renameat2, ctl->containers_fd, from, ctl->containers_fd, to, RENAME_NOREPLACE) < 0) {
                r = errno == EEXIST ? refuse(EEXIST, "there is a container %s already", to)
                                    : fail(errno, "rename container %s to %s", from, to);
                (void)unlinkat(container.fd, CTL_WAS_FILE, 0);
        }
        if (r < 0)
                return r;
        event_record(ctl, from, EVENT_RENAMED, (struct event_details){.to = to});
        snprintf(container.name, sizeof(container.name), "%s", to);
        /* The name of its host may be in it, and that of its group. */
        ctl_configure_early(ctl, &container);
        r = ctl_finish_rename(ctl, &container);
        return r < 0 ? r : ids_keep(ctl, &container);
}

int ctl_finish_rename(struct ctl *ctl, const struct ctl_container *container)
{
        char was[CTL_NAME_MAX + 2];
        int r = 0;

        if (read_small_file_at(container->fd, CTL_WAS_FILE, was, sizeof(was)) < 0)
                return 0;
        /* With a container of that name, it was not renamed, or another one has its place. */
        if (faccessat(ctl->containers_fd, was, F_OK, 0) < 0)
                r = network_rename(ctl, was, container->name);
        if (r == 0 && unlinkat(container->fd, CTL_WAS_FILE, 0) < 0)
                r = fail(errno, "finish renaming container %s", container->name);
        return r;
}

/* ---- what crashes left ---- */

static int finish_rename(struct ctl_container *container, void *data)
{
        _cleanup_ctl_container_ struct ctl_container locked = CTL_CONTAINER_NONE;
        struct ctl *ctl = data;
        int r;

        if (container->partial || faccessat(container->fd, CTL_WAS_FILE, F_OK, 0) < 0)
                return 0;
        r = ctl_find(ctl, container->name, CTL_LOCKED, &locked);
        return r < 0 ? r : ctl_finish_rename(ctl, &locked);
}

static bool exists(const char *name, void *data)
{
        const struct ctl *ctl = data;

        return ctl->containers_fd >= 0 && faccessat(ctl->containers_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int ctl_repair_networks(struct ctl *ctl)
{
        struct ctlnet *net;
        int r = ctl_each(ctl, finish_rename, ctl);

        if (r == 0)
                r = ctlnet_open(ctl->directory, &net);
        if (r < 0)
                return r;
        r = ctlnet_repair(net, exists, ctl);
        ctlnet_close(net);
        return r;
}

static int free_addresses(struct settings *settings)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n;
        int r = net_settings_read(settings, nets, &n);

        for (size_t i = 0; i < n && r == 0; i++) {
                nets[i].ipv4 = nets[i].ipv6 = (struct ctlnet_address){0};
                memset(nets[i].mac, 0, sizeof(nets[i].mac));
        }
        return r < 0 || n == 0 ? r : net_settings_write(settings, nets, n);
}

/* What is one container's own is not copied: ids, addresses, the time. */
static int copy_settings(const struct ctl_container *from, struct settings *to)
{
        static const char *const own[] = {"created", "ids"};
        _cleanup_free_ char *text = NULL;
        int r = settings_format(&from->settings, &text);

        if (r == 0)
                r = settings_parse(from->name, text, to);
        for (size_t i = 0; i < ELEMENTS(own); i++)
                settings_unset(to, setting_find(own[i]));
        return r < 0 ? r : free_addresses(to);
}

static int fill_from_container(struct ctl *ctl, int root, struct arena *arena, struct image_config *config,
                               const void *data)
{
        const struct ctl_container *container = data;
        _cleanup_close_ int from = storage_open(ctl, container, STORAGE_READ);

        (void)arena;
        (void)config;
        return from < 0 ? from : image_copy_root(ctl, from, root, container->name);
}

/* The lock of the original keeps it as it is while it is copied. */
int ctl_clone(struct ctl *ctl, const char *from, const char *to)
{
        _cleanup_ctl_container_ struct ctl_container container = CTL_CONTAINER_NONE;
        _cleanup_settings_ struct settings settings = {0};
        struct ctl_status status;
        int r = ctl_find(ctl, from, CTL_LOCKED, &container);

        if (r == 0)
                r = ctl_status(ctl, &container, &status);
        if (r < 0)
                return r;
        if (status.state != CTL_STOPPED)
                return refuse(EBUSY, "container %s is %s: only a stopped one can be cloned", from,
                              ctl_state_name(status.state));
        r = copy_settings(&container, &settings);
        return r < 0 ? r
                     : create_container(ctl, to,
                                        &(struct create_source){.fill = fill_from_container, .data = &container},
                                        &settings);
}
