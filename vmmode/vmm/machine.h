/* One machine put together: memory, kernel, processors, devices, and the threads that serve them. */
#pragma once

#include "vmmode/vmm/balloon.h"
#include "vmmode/vmm/blk.h"
#include "vmmode/vmm/control.h"
#include "vmmode/vmm/fs.h"
#include "vmmode/vmm/image.h"
#include "vmmode/vmm/net.h"
#include "vmmode/vmm/options.h"
#include "vmmode/vmm/pci.h"
#include "vmmode/vmm/rng.h"
#include "vmmode/vmm/serial.h"
#include "vmmode/vmm/vm.h"
#include "vmmode/vmm/vsock.h"

#define MACHINE_DEVICES_MAX (3 + OPTIONS_DISKS_MAX + OPTIONS_NETS_MAX + OPTIONS_FILESYSTEMS_MAX)

struct machine {
        struct guest_memory memory;
        struct vm vm;
        struct image image;
        struct loader loader;
        int left_namespaces; /* jail.h */
        struct pci pci;
        struct pci_function functions[MACHINE_DEVICES_MAX];
        size_t n_functions;
        struct serial serial;
        bool has_serial;
        struct loop shared; /* of the main thread: everything that is seldom busy, and the machine's end */
        struct watch ended;
        struct rng rng;
        struct balloon balloon;
        struct vsock vsock;
        struct fs filesystems[OPTIONS_FILESYSTEMS_MAX];
        struct blk disks[OPTIONS_DISKS_MAX];
        struct net nets[OPTIONS_NETS_MAX];
        size_t n_nets;
        struct control control;
        /* Busy devices have a thread of their own. */
        struct loop disk_loops[OPTIONS_DISKS_MAX], net_loops[OPTIONS_NETS_MAX];
};

/* Builds it; nothing runs yet but the loader (loader.h). What was built before a failure is released by machine_free.
 */
int machine_make(struct machine *machine, const struct vmm_options *options);

/* Gives up what the process does not need any more (jail.h) and runs the machine to its end: 0, or -errno when it could
 * not be started. machine->vm tells how it ended. */
int machine_run(struct machine *machine, const struct vmm_options *options);

void machine_free(struct machine *machine);
