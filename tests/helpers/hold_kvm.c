/* Holds two virtual machines that never run, so that the host's kernel keeps its code as it is while others come and
 * go.
 *
 *      hold_kvm        until it is killed
 *
 * KVM patches its own code (static keys) when the first machine comes and when the last one goes, and for each
 * processor from its creation until its guest has enabled its APIC. An emulated host (QEMU's TCG with a thread for each
 * processor) can be translating that code on one processor while it is written on another, and then executes the
 * breakpoint of half-done patching for ever. While one of each kind is there the keys stay as they are: a processor
 * with its APIC off, one that never switches it on, and one without an APIC in the kernel. (Linux 6.1,
 * arch/x86/kvm/lapic.c.) */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define APIC_BASE_ENABLE (1u << 11)

static int call(int fd, const char *name, unsigned long request, unsigned long argument)
{
        int result = ioctl(fd, request, argument);

        if (result < 0)
                err(1, "%s", name);
        return result;
}

int main(void)
{
        struct kvm_sregs registers;
        int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), machine, processor;

        if (kvm < 0)
                err(1, "/dev/kvm");
        machine = call(kvm, "KVM_CREATE_VM", KVM_CREATE_VM, 0);
        call(machine, "KVM_CREATE_VCPU", KVM_CREATE_VCPU, 0);
        machine = call(kvm, "KVM_CREATE_VM", KVM_CREATE_VM, 0);
        call(machine, "KVM_CREATE_IRQCHIP", KVM_CREATE_IRQCHIP, 0);
        call(machine, "KVM_CREATE_VCPU", KVM_CREATE_VCPU, 0);
        processor = call(machine, "KVM_CREATE_VCPU", KVM_CREATE_VCPU, 1);
        call(processor, "KVM_GET_SREGS", KVM_GET_SREGS, (unsigned long)&registers);
        registers.apic_base &= ~(unsigned long)APIC_BASE_ENABLE;
        call(processor, "KVM_SET_SREGS", KVM_SET_SREGS, (unsigned long)&registers);
        for (;;)
                pause();
}
