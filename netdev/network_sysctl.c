#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "netdev/network.h"

/* Forwarding first: a change of it sets others. */
const char *const network_sysctl_names4[NETWORK_SYSCTLS4] = {
        "forwarding",          "rp_filter",    "accept_redirects", "secure_redirects", "send_redirects",
        "accept_source_route", "arp_announce", "arp_ignore",       "arp_notify",       "arp_accept",
        "proxy_arp",           "accept_local", "route_localnet",
};

const char *const network_sysctl_names6[NETWORK_SYSCTLS6] = {
        "forwarding",   "disable_ipv6", "accept_ra",        "autoconf",      "accept_dad",
        "use_tempaddr", "proxy_ndp",    "accept_redirects", "addr_gen_mode",
};

/* Modes beyond none (1) make addresses from a secret, which stays on the host. */
#define ADDR_GEN_MODE_NONE 1

static void sysctl_path(char path[PATH_MAX], int family, const char *interface, const char *name)
{
        snprintf(path, PATH_MAX, "/proc/sys/net/ipv%d/conf/%s/%s", family, interface, name);
}

static int32_t read_value(int family, const char *interface, const char *name)
{
        char path[PATH_MAX], text[32];
        int64_t value;

        sysctl_path(path, family, interface, name);
        if (read_small_file_at(AT_FDCWD, path, text, sizeof(text)) < 0 ||
            parse_i64(text, INT32_MIN + 1, INT32_MAX, &value) < 0)
                return NETWORK_SYSCTL_UNKNOWN;
        if (strcmp(name, "addr_gen_mode") == 0 && value > ADDR_GEN_MODE_NONE)
                return NETWORK_SYSCTL_UNKNOWN;
        return (int32_t)value;
}

void network_sysctls_read(const char *name, struct network_sysctls *sysctls)
{
        for (size_t i = 0; i < NETWORK_SYSCTLS4; i++)
                sysctls->v4[i] = read_value(4, name, network_sysctl_names4[i]);
        for (size_t i = 0; i < NETWORK_SYSCTLS6; i++)
                sysctls->v6[i] = read_value(6, name, network_sysctl_names6[i]);
}

static int write_value(int family, const char *interface, const char *name, int32_t wanted)
{
        char path[PATH_MAX], text[32];
        int32_t now = read_value(family, interface, name);
        int r;

        if (wanted == NETWORK_SYSCTL_UNKNOWN || now == NETWORK_SYSCTL_UNKNOWN || now == wanted)
                return 0;
        sysctl_path(path, family, interface, name);
        snprintf(text, sizeof(text), "%d", wanted);
        r = write_file_at(AT_FDCWD, path, text);
        return r < 0 ? fail(-r, "write %s to %s", text, path) : 0;
}

int network_sysctls_write(const char *name, const struct network_sysctls *sysctls)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < NETWORK_SYSCTLS4; i++)
                r = write_value(4, name, network_sysctl_names4[i], sysctls->v4[i]);
        for (size_t i = 0; r == 0 && i < NETWORK_SYSCTLS6; i++)
                r = write_value(6, name, network_sysctl_names6[i], sysctls->v6[i]);
        return r;
}
