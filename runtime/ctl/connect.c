/* One interface more or less. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/network.h"

/* A machine has its interfaces from its start. */
static bool takes_at_once(const struct ctl_container *container, const struct ctl_status *status, bool *later)
{
        bool machine = ctl_isolation(&container->settings) == ISOLATION_VM;

        *later = status->pid && machine;
        return status->pid && !machine;
}

/* ---- connect ---- */

static int add_net(struct ctl_container *container, const char *net, unsigned *index)
{
        struct settings *settings = &container->settings;
        const struct setting *setting = setting_find("net");
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        size_t n;
        int r;

        if (settings->nets.n == 1 && strcmp(settings->nets.v[0], "none") == 0)
                settings_unset(settings, setting);
        r = settings_set(settings, setting, net);
        if (r == 0)
                r = net_settings_read(settings, nets, &n);
        if (r < 0)
                return r;
        if (n == 0)
                return refuse(EINVAL, "net %s is no interface that can be added", net);
        *index = nets[n - 1].index;
        return 0;
}

int ctl_connect(struct ctl *ctl, struct ctl_container *container, const char *net, bool *later)
{
        struct ctl_status status;
        unsigned index;
        bool live;
        int r = ctl_status(ctl, container, &status);

        if (r == 0)
                r = add_net(container, net, &index);
        if (r == 0)
                r = network_check(ctl, container->name, &container->settings);
        if (r < 0)
                return fail_in(r, "container %s", container->name);
        live = takes_at_once(container, &status, later);
        if (live)
                r = network_attach_one(ctl, container, status.pid, index);
        else if (!*later)
                r = network_prepare(ctl, container, STORAGE_WRITE);
        if (r == 0)
                r = ctl_save(ctl, container);
        if (r < 0 && !*later) {
                _cleanup_free_ char *reason = strdup(error_message());

                (void)network_drop_one(ctl, container->name, live ? status.pid : 0, index);
                return refuse(-r, "%s", reason ? reason : "not enough memory");
        }
        return r;
}

/* ---- disconnect ---- */

/* By its name inside, or by what it is connected to. */
static int find_net(const struct net_setting *nets, size_t n, const char *which, size_t *found)
{
        char name[16];

        for (*found = 0; *found < n; ++*found) {
                snprintf(name, sizeof(name), "eth%u", nets[*found].index);
                if (strcmp(name, which) == 0 || strcmp(nets[*found].net, which) == 0)
                        return 0;
        }
        return refuse(ENOENT, "no interface is connected to %s", which);
}

int ctl_disconnect(struct ctl *ctl, struct ctl_container *container, const char *which, bool *later)
{
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        struct ctl_status status;
        unsigned index = 0;
        size_t n, found = 0;
        int r = ctl_status(ctl, container, &status);

        if (r == 0)
                r = net_settings_read(&container->settings, nets, &n);
        if (r == 0)
                r = find_net(nets, n, which, &found);
        /* The default route and the published ports are its. */
        if (r == 0 && found == 0 && status.pid)
                r = refuse(EBUSY, "the first interface goes only while it is stopped");
        if (r == 0) {
                index = nets[found].index;
                memmove(&nets[found], &nets[found + 1], (n - found - 1) * sizeof(*nets));
                r = net_settings_write(&container->settings, nets, n - 1);
        }
        if (r == 0)
                r = network_check(ctl, container->name, &container->settings);
        if (r == 0 && (takes_at_once(container, &status, later) || !*later))
                r = network_drop_one(ctl, container->name, status.pid, index);
        if (r < 0)
                return fail_in(r, "container %s", container->name);
        return ctl_save(ctl, container);
}
