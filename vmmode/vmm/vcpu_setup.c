/* What a processor is before its first instruction. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/boot.h"
#include "vmmode/vmm/vcpu.h"

#define CPUID_1_ECX_X2APIC       (1U << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1U << 24)
#define CPUID_1_ECX_HYPERVISOR   (1U << 31)
#define CPUID_1_EDX_HTT          (1U << 28)
#define CPUID_7_ECX_WAITPKG      (1U << 5)

#define MSR_TSC            0x10
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_MISC_ENABLE    0x1a0
#define MSR_MTRR_DEFAULT   0x2ff
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SYSCALL_MASK   0xc0000084
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MISC_FAST_STRINGS  1
#define MTRR_ON_WRITE_BACK 0xc06 /* enabled, fixed ranges enabled, write-back */

#define LAPIC_LVT0        0x350
#define LAPIC_LVT1        0x360
#define LAPIC_MODE_EXTINT (7U << 8)
#define LAPIC_MODE_NMI    (4U << 8)

/* The leaves that differ from processor to processor: its APIC id, and a topology of one socket with n cores. */
static void number_cpu(struct kvm_cpuid_entry2 *entry, unsigned index, unsigned n)
{
        unsigned bits = n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;

        switch (entry->function) {
        case 1:
                entry->ebx = (entry->ebx & 0x0000ffff) | (n < 255 ? n : 255) << 16 | index << 24;
                entry->ecx |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE;
                entry->edx = n > 1 ? entry->edx | CPUID_1_EDX_HTT : entry->edx & ~CPUID_1_EDX_HTT;
                break;
        case 4: /* Intel: caches and who shares them; nobody shares with others of ours */
                entry->eax = (entry->eax & 0x03ffffff & ~(0xfffU << 14)) | (n - 1 < 63 ? n - 1 : 63) << 26;
                break;
        case 7:
                /* UMWAIT in a guest would idle a host's processor. */
                if (entry->index == 0)
                        entry->ecx &= ~CPUID_7_ECX_WAITPKG;
                break;
        case 0xb:
        case 0x1f:
                entry->edx = index;
                entry->eax = entry->index == 0 ? 0 : entry->index == 1 ? bits : 0;
                entry->ebx = entry->index == 0 ? 1 : entry->index == 1 ? n : 0;
                entry->ecx = entry->index < 2 ? (entry->index + 1) << 8 | entry->index : entry->index;
                break;
        case 0x80000008: /* AMD: number of cores, width of the id */
                entry->ecx = (entry->ecx & ~0xf0ffU) | bits << 12 | (n - 1 < 255 ? n - 1 : 255);
                break;
        case 0x8000001e: /* AMD: extended APIC id, one thread a core */
                entry->eax = index;
                entry->ebx = (entry->ebx & ~0xffffU) | index;
                entry->ecx = 0;
                break;
        default:
                break;
        }
}

int vcpu_ask_cpuid(int kvm, struct cpuid *cpuid)
{
        *cpuid = (struct cpuid){.head = {.nent = CPUID_ENTRIES}};
        return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ? fail(errno, "ask KVM for its CPUID") : 0;
}

/* What differs from processor to processor is written anew for each. */
static int set_cpuid(struct vcpu *cpu, struct cpuid *cpuid)
{
        for (unsigned i = 0; i < cpuid->head.nent; i++)
                number_cpu(&cpuid->entries[i], cpu->index, cpu->vm->n_cpus);
        return ioctl(cpu->fd, KVM_SET_CPUID2, cpuid) < 0 ? fail(errno, "set the CPUID of processor %u", cpu->index) : 0;
}

static int set_msrs(struct vcpu *cpu)
{
        static const struct {
                uint32_t index;
                uint64_t value;
        } values[] = {
                {MSR_SYSENTER_CS, 0},
                {MSR_SYSENTER_ESP, 0},
                {MSR_SYSENTER_EIP, 0},
                {MSR_STAR, 0},
                {MSR_CSTAR, 0},
                {MSR_LSTAR, 0},
                {MSR_SYSCALL_MASK, 0},
                {MSR_KERNEL_GS_BASE, 0},
                {MSR_TSC, 0},
                {MSR_MISC_ENABLE, MISC_FAST_STRINGS},
                {MSR_MTRR_DEFAULT, MTRR_ON_WRITE_BACK},
        };
        struct {
                struct kvm_msrs head;
                struct kvm_msr_entry entries[ELEMENTS(values)];
        } msrs = {.head = {.nmsrs = ELEMENTS(values)}};
        int n;

        for (size_t i = 0; i < ELEMENTS(values); i++)
                msrs.entries[i] = (struct kvm_msr_entry){.index = values[i].index, .data = values[i].value};
        n = ioctl(cpu->fd, KVM_SET_MSRS, &msrs);
        if (n == (int)ELEMENTS(values))
                return 0;
        return n < 0 ? fail(errno, "set the registers of processor %u", cpu->index)
                     : refuse(ENOTSUP, "KVM on this machine lacks model specific register 0x%x", values[n].index);
}

/* As a BIOS leaves it: external interrupts on LINT0, NMI on LINT1. */
static int set_local_interrupts(struct vcpu *cpu)
{
        const uint32_t extint = LAPIC_MODE_EXTINT, nmi = LAPIC_MODE_NMI;
        struct kvm_lapic_state state;

        if (ioctl(cpu->fd, KVM_GET_LAPIC, &state) < 0)
                return fail(errno, "read the interrupt controller of processor %u", cpu->index);
        memcpy(state.regs + LAPIC_LVT0, &extint, sizeof(extint));
        memcpy(state.regs + LAPIC_LVT1, &nmi, sizeof(nmi));
        return ioctl(cpu->fd, KVM_SET_LAPIC, &state) < 0
                       ? fail(errno, "set the interrupt controller of processor %u", cpu->index)
                       : 0;
}

static int set_registers(struct vcpu *cpu, const struct image *image)
{
        struct kvm_fpu fpu = {.fcw = 0x37f, .mxcsr = 0x1f80};
        struct kvm_sregs sregs;
        struct kvm_regs regs;

        if (ioctl(cpu->fd, KVM_SET_FPU, &fpu) < 0 || ioctl(cpu->fd, KVM_GET_SREGS, &sregs) < 0)
                return fail(errno, "set the registers of processor 0");
        boot_registers(image, &regs, &sregs);
        return ioctl(cpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0
                       ? fail(errno, "set the registers of processor 0")
                       : 0;
}

int vcpu_set_up(struct vcpu *cpu, struct cpuid *cpuid, const struct image *image)
{
        /* CPUID first: which registers there are depends on it. */
        int r = set_cpuid(cpu, cpuid);

        if (r == 0)
                r = set_msrs(cpu);
        if (r == 0)
                r = set_local_interrupts(cpu);
        return r == 0 && image ? set_registers(cpu, image) : r;
}
