/* What a VM is started from, found and opened before anything is made: a failure here has touched nothing. */
#pragma once

#include "runtime/core/isolation.h"
#include "vmmode/host/config.h"
#include "vmmode/host/divide.h"
#include "vmmode/host/image.h"

/* Network devices of a machine: so many interfaces can its container's network have. */
#define VM_NICS 4

struct vm_machine {
        const struct vm_config *config; /* of the request */
        struct vm_image image;
        struct vm_size size;
        struct vm_division division;
        const char *console; /* file for what the guest's kernel says, NULL: none */
        int kvm, vmm, proxy, file_server;
        int vhosts[VM_NICS]; /* of /dev/vhost-net, for each network device, or none of them */
        size_t n_vhosts;
};

/* Everything that the specification asks for, or an error that says what is missing and what can be done about it.
 * *machine is the caller's (vm_machine_free). */
int vm_machine_find(const struct isolation_request *request, struct vm_machine **machine);

/* Closes what the box has now: a descriptor of vhost-net that is kept longer keeps the kernel's thread, and with it all
 * memory of the machine, when the machine has ended. */
void vm_machine_let_go(struct vm_machine *machine);

void vm_machine_free(struct vm_machine *machine);

/* Parts of it, each with the same errors: /dev/kvm, and the file server's program. Return a descriptor. */
int vm_kvm_open(void);
int vm_file_server_open(const struct vm_config *config);

/* The program that every process of a VM container has on this host. Returns its descriptor. */
int vm_proxy_open(void);
