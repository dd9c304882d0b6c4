/* What berth-vmm is told on its command line: NAME=VALUE, descriptors as numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_DISKS_MAX       8
#define OPTIONS_NETS_MAX        8
#define OPTIONS_FILESYSTEMS_MAX 4

struct vmm_options {
        int kvm, kernel;
        int initrd, console, vsock, control; /* -EBADF: none */
        uint64_t memory;                     /* bytes */
        unsigned cpus;
        const char *cmdline;
        bool rng, balloon;
        bool filters_suffice; /* for a jail (jail.h) */
        bool vhost;           /* network devices may use the kernel's (vhost.h); those that have one in any case */
        size_t n_disks, n_nets, n_filesystems;
        size_t n_spare_nets; /* network devices that get their tap later (control.h); with the others at most
                                OPTIONS_NETS_MAX */
        struct {
                int fd;
                bool read_only;
                char serial[21];
        } disks[OPTIONS_DISKS_MAX];
        struct {
                int fd;
                int vhost; /* -EBADF: none */
                uint8_t mac[6];
                uint16_t mtu; /* 0: not said */
        } nets[OPTIONS_NETS_MAX];
        struct {
                int fd;
                char tag[37];
        } filesystems[OPTIONS_FILESYSTEMS_MAX];
};

/* -EINVAL with a message that names the word. Strings of the result point into argv. */
int vmm_options_parse(int argc, char *const *argv, struct vmm_options *options);

#define VMM_USAGE                                                                                                      \
        "usage: berth-vmm kvm=FD kernel=FD memory=BYTES [cpus=N] [initrd=FD] [cmdline=TEXT] [console=FD] [vsock=FD]\n" \
        "                 [rng=on] [balloon=on] [disk=FD[,ro][,serial=TEXT]]... [fs=FD,TAG]...\n"                      \
        "                 [net=FD,MAC[,mtu=N][,vhost=FD]]... [nics=N] [vhost=on] [control=FD] [jail=strict|filters]\n"
