/* What berth-proxy is told on its command line: NAME=VALUE. Descriptors are numbers; everything that it works with
 * comes as one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_CHANNEL   3 /* the descriptor of the channel to berth */
#define PROXY_TREES_MAX 200
#define PROXY_NICS_MAX  8

struct proxy_options {
        bool is_box; /* a machine and its container; else one exec in it */
        /* Descriptors, -EBADF where there is none. */
        int agent;  /* the machine's socket (O_PATH), through which the agent is reached */
        int launch; /* one whole MESSAGE_LAUNCH */
        bool terminal;
        uint64_t deadline; /* seconds, for the agent to answer */
        /* Of a box. ended: a file for the reason when the machine ends before its program. */
        int vmm, file_server, kvm, kernel, initrd, vsock, console, start, ended;
        int vhosts[PROXY_NICS_MAX]; /* of /dev/vhost-net, one for each of the first network devices */
        size_t n_vhosts;
        int cgroup;        /* the container's group */
        bool counts_kills; /* for want of memory in the guest, there */
        uint64_t memory, cpus, nics;
        const char *cmdline;
        const char *jail; /* of the machine, in berth-vmm's word; NULL: its own choice */
        size_t n_trees;
        struct {
                char entry[12]; /* its name in the share: digits */
                int fd;         /* a detached mount, or */
                bool is_place;  /* (option "place") what one is to be made of */
        } trees[PROXY_TREES_MAX];
};

/* argv[1] is "box" or "exec". -EINVAL with a message that names the word. Strings of the result point into argv. */
int proxy_options_parse(int argc, char *const *argv, struct proxy_options *options);

#define PROXY_USAGE                                                                                                    \
        "usage: berth-proxy exec agent=FD launch=FD [terminal=on|off] [deadline=SECONDS]\n"                            \
        "       berth-proxy box agent=FD launch=FD ended=FD vmm=FD fileserver=FD kvm=FD kernel=FD vsock=FD\n"          \
        "                   memory=BYTES [initrd=FD] [console=FD] [start=FD] [cpus=N] [nics=N] [cmdline=TEXT]\n"       \
        "                   [vhost=FD]... [jail=TEXT] [cgroup=FD] [oom=on|off]\n"                                      \
        "                   [tree=ENTRY:FD]... [terminal=on|off] [deadline=SECONDS]\n"
