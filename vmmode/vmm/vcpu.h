/* One processor: what it is before its first instruction (vcpu_setup.c), and the loop that runs it (vcpu.c). */
#pragma once

#include <linux/kvm.h>

#include "vmmode/vmm/vm.h"

#define CPUID_ENTRIES 256

struct cpuid {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
};

/* What KVM can give its processors. Asked once for all of them: it asks the host's processor each time, some 200 times,
 * and where the host is a virtual machine itself each of those is a trap (0.6 ms). */
int vcpu_ask_cpuid(int kvm, struct cpuid *cpuid);

/* Makes it. With an image it is at the kernel's entry, without it waits to be started by the first one. */
int vcpu_make(struct vcpu *cpu, struct cpuid *cpuid, const struct image *image);

int vcpu_start(struct vcpu *cpu, int (*prepare)(void));

/* Gets it out of KVM_RUN, from any thread. */
void vcpu_kick(struct vcpu *cpu);

/* Waits for its thread; the machine must have ended. */
void vcpu_free(struct vcpu *cpu);

/* CPUID, model specific registers, floating point, local interrupts, general registers. */
int vcpu_set_up(struct vcpu *cpu, struct cpuid *cpuid, const struct image *image);
