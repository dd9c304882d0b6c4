/* The virtual machine: KVM's objects, processors and how it ends. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmmode/vmm/bus.h"
#include "vmmode/vmm/image.h"
#include "vmmode/vmm/memory.h"
#include "vmmode/vmm/routes.h"

#define VM_CPUS_MAX 240

/* Sent to a processor's thread to get it out of KVM_RUN. */
#define VM_KICK_SIGNAL SIGUSR1

enum vm_end {
        VM_RUNS,
        VM_POWERED_OFF, /* the guest wrote the sleep register */
        VM_RESET,       /* the guest wrote the reset register: a panic, or `reboot` */
        VM_TRIPLE_FAULT,
        VM_FAILED, /* KVM could not go on */
        VM_STOPPED /* from outside */
};

struct vcpu {
        struct vm *vm;
        unsigned index;
        int fd;
        struct kvm_run *run; /* shared with KVM */
        size_t run_size;
        pthread_t thread;
        atomic_int thread_id; /* the kernel's; 0: it has not looked at the machine yet */
        bool started;
};

struct vm {
        int kvm, fd;
        int process; /* its id */
        struct guest_memory *memory;
        struct bus ports, mmio;
        struct routes routes;
        unsigned n_cpus;
        struct vcpu *cpus;
        int ended_fd; /* an eventfd, readable when `end` is no longer VM_RUNS */
        atomic_int end;
        atomic_bool pause;      /* processors leave KVM_RUN and wait */
        pthread_mutex_t lock;   /* of the two conditions */
        pthread_cond_t changed; /* pause was set or taken back, or the machine ended */
        unsigned n_paused;      /* processors that wait */
        char failure[256];      /* of VM_FAILED and VM_TRIPLE_FAULT: what happened, for people */
};

/* Makes the machine without processors. kvm: a descriptor of /dev/kvm, the caller's. What KVM lacks is an error that
 * names it. */
int vm_make(struct vm *vm, int kvm, struct guest_memory *memory);

/* Makes processors 0 to n - 1; the first is at the image's entry, the others wait for its start-up message. */
int vm_make_cpus(struct vm *vm, unsigned n, const struct image *image);

/* Starts the processors' threads. `prepare` (may be NULL) runs in each thread first (its seccomp filter). */
int vm_start(struct vm *vm, int (*prepare)(void));

/* Ends the machine, from any thread: the first word counts. */
void vm_end(struct vm *vm, enum vm_end end, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Stops all processors between two instructions, or lets them go on. -ETIMEDOUT. */
int vm_pause(struct vm *vm, bool paused, int timeout_ms);

/* Ends what still runs, joins the threads and releases everything. */
void vm_free(struct vm *vm);
