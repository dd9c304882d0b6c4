/* One processor: what it is before its first instruction (vcpu_setup.c), and the loop that runs it (vcpu.c). */
#pragma once

#include "vmmode/vmm/vm.h"

/* Makes it. With an image it is at the kernel's entry, without it waits to be started by the first one. */
int vcpu_make(struct vcpu *cpu, const struct image *image);

int vcpu_start(struct vcpu *cpu, int (*prepare)(void));

/* Gets it out of KVM_RUN, from any thread. */
void vcpu_kick(struct vcpu *cpu);

/* Waits for its thread; the machine must have ended. */
void vcpu_free(struct vcpu *cpu);

/* CPUID, model specific registers, floating point, local interrupts, general registers. */
int vcpu_set_up(struct vcpu *cpu, const struct image *image);
