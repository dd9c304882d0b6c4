/* The options that become settings: create and set share them. */
#pragma once

#include "cli/command.h"
#include "runtime/ctl/settings.h"

struct settings_options {
        const char *cpus, *cpu_weight, *cpu_set, *memory, *swap, *pids, *io_read, *io_write, *io_read_ops,
                *io_write_ops, *cgroup_parent, *disk, *inodes, *ip, *ip6, *mac, *rate, *rate_in, *rate_out, *user,
                *workdir, *hostname, *stop_signal, *stop_timeout, *restart, *log_size, *start_order;
        struct option_switch autostart, terminal;
        struct option_list net, env, volume, publish, dns;
};

#define SETTINGS_OPTIONS(type, member)                                                                                 \
        OPTION(type, member.cpus, "cpus", 0, "N", "how many CPUs it may use, such as 1.5"),                            \
                OPTION(type, member.cpu_weight, "cpu-weight", 0, "N", "CPU weight beside others, 1 to 10000 (100)"),   \
                OPTION(type, member.cpu_set, "cpu-set", 0, "LIST", "CPUs that it may use, such as 0-3,7"),             \
                OPTION(type, member.memory, "memory", 'm', "SIZE", "memory limit"),                                    \
                OPTION(type, member.swap, "swap", 0, "SIZE", "swap limit; needs a memory limit"),                      \
                OPTION(type, member.pids, "pids", 0, "N", "most processes and threads"),                               \
                OPTION(type, member.io_read, "io-read", 0, "SIZE", "bytes a second that it may read from its disk"),   \
                OPTION(type, member.io_write, "io-write", 0, "SIZE", "bytes a second that it may write to its disk"),  \
                OPTION(type, member.io_read_ops, "io-read-ops", 0, "N", "read operations a second"),                   \
                OPTION(type, member.io_write_ops, "io-write-ops", 0, "N", "write operations a second"),                \
                OPTION(type, member.cgroup_parent, "cgroup-parent", 0, "PATH",                                         \
                       "put its group into this one of the cgroup tree (/berth)"),                                     \
                OPTION(type, member.disk, "disk", 0, "SIZE", "disk space for its files"),                              \
                OPTION(type, member.inodes, "inodes", 0, "N", "most files and directories"),                           \
                OPTION(type, member.net, "net", 0, "NET[,KEY=VALUE...]",                                               \
                       "an interface: a network, macvlan:LINK, vlan:LINK.VLAN or phys:LINK (repeatable); or none, "    \
                       "host, container:NAME, pasta"),                                                                 \
                OPTION(type, member.ip, "ip", 0, "ADDRESS", "a fixed IPv4 address of the first interface"),            \
                OPTION(type, member.ip6, "ip6", 0, "ADDRESS", "a fixed IPv6 address of the first interface"),          \
                OPTION(type, member.mac, "mac", 0, "ADDRESS", "a fixed MAC address of the first interface"),           \
                OPTION(type, member.publish, "publish", 'p', "[ADDRESS:]PORT[:PORT][/udp]",                            \
                       "forward a port of the host, or a range such as 8000-8009, to one of the container "            \
                       "(repeatable)"),                                                                                \
                OPTION(type, member.dns, "dns", 0, "ADDRESS", "DNS server (repeatable; default: the network's)"),      \
                OPTION(type, member.rate, "net-rate", 0, "RATE", "network rate both ways, such as 100mbit"),           \
                OPTION(type, member.rate_in, "net-rate-in", 0, "RATE", "network rate to it"),                          \
                OPTION(type, member.rate_out, "net-rate-out", 0, "RATE", "network rate from it"),                      \
                OPTION(type, member.volume, "volume", 'v', "SRC:DST[:ro]",                                             \
                       "show a directory or file of the host inside (repeatable)"),                                    \
                OPTION(type, member.env, "env", 'e', "NAME=VALUE", "set an environment variable (repeatable)"),        \
                OPTION(type, member.user, "user", 'u', "USER",                                                         \
                       "run the program as this user, or USER:GROUP: names or numbers"),                               \
                OPTION(type, member.workdir, "workdir", 'w', "DIR", "working directory of the program"),               \
                OPTION(type, member.hostname, "hostname", 0, "NAME", "host name inside (default: the container's)"),   \
                OPTION(type, member.terminal, "terminal", 't', NULL,                                                   \
                       "give the program a terminal (default: only the init of the image)"),                           \
                OPTION(type, member.stop_signal, "stop-signal", 0, "SIGNAL", "what asks the program to end (TERM)"),   \
                OPTION(type, member.stop_timeout, "stop-timeout", 0, "SECONDS",                                        \
                       "how long it may take to end before it is killed (10)"),                                        \
                OPTION(type, member.restart, "restart", 0, "POLICY",                                                   \
                       "start it again when it ends: no, on-failure[:N], always, unless-stopped"),                     \
                OPTION(type, member.log_size, "log-size", 0, "SIZE", "size of the log before it is rotated (10m)"),    \
                OPTION(type, member.autostart, "autostart", 0, NULL, "start it when the host starts"),                 \
                OPTION(type, member.start_order, "start-order", 0, "N", "the lower, the earlier (0)")

/* Puts what the options say into the settings; *changed gets a bit for each row of setting_table. -EINVAL with a
 * message that names the option. */
int settings_options_apply(const struct settings_options *options, struct settings *settings, uint64_t *changed);

/* "--unset KEY" of the command set. */
int settings_options_unset(const struct option_list *keys, struct settings *settings, uint64_t *changed);
