#include "vmmode/vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/thread.h"

int vcpu_make(struct vcpu *cpu, struct cpuid *cpuid, const struct image *image)
{
        int size = ioctl(cpu->vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
        void *run;

        cpu->fd = ioctl(cpu->vm->fd, KVM_CREATE_VCPU, (unsigned long)cpu->index);
        if (cpu->fd < 0 || size <= 0)
                return fail(errno, "make processor %u", cpu->index);
        run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
        if (run == MAP_FAILED)
                return fail(errno, "map the state of processor %u", cpu->index);
        cpu->run = run;
        cpu->run_size = (size_t)size;
        return vcpu_set_up(cpu, cpuid, image);
}

static void access_port(struct vcpu *cpu)
{
        const struct kvm_run *run = cpu->run;
        uint8_t *data = (uint8_t *)cpu->run + run->io.data_offset;

        for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
                if (run->io.direction == KVM_EXIT_IO_IN)
                        bus_read(&cpu->vm->ports, run->io.port, data, run->io.size);
                else
                        bus_write(&cpu->vm->ports, run->io.port, data, run->io.size);
        }
}

static void access_memory(struct vcpu *cpu)
{
        struct kvm_run *run = cpu->run;

        if (run->mmio.is_write)
                bus_write(&cpu->vm->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
        else
                bus_read(&cpu->vm->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
}

static void fail_to_run(struct vcpu *cpu)
{
        const struct kvm_run *run = cpu->run;
        struct kvm_regs regs = {0};

        (void)ioctl(cpu->fd, KVM_GET_REGS, &regs);
        switch (run->exit_reason) {
        case KVM_EXIT_FAIL_ENTRY:
                vm_end(cpu->vm, VM_FAILED, "processor %u cannot be entered (reason 0x%llx)", cpu->index,
                       (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
                break;
        case KVM_EXIT_INTERNAL_ERROR:
                vm_end(cpu->vm, VM_FAILED, "KVM cannot go on with processor %u at 0x%llx (suberror %u)", cpu->index,
                       (unsigned long long)regs.rip, run->internal.suberror);
                break;
        default:
                vm_end(cpu->vm, VM_FAILED, "processor %u at 0x%llx: KVM exit %u is unknown", cpu->index,
                       (unsigned long long)regs.rip, run->exit_reason);
        }
}

static void handle_exit(struct vcpu *cpu)
{
        const struct kvm_run *run = cpu->run;

        switch (run->exit_reason) {
        case KVM_EXIT_IO:
                access_port(cpu);
                break;
        case KVM_EXIT_MMIO:
                access_memory(cpu);
                break;
        case KVM_EXIT_INTR:
        case KVM_EXIT_IRQ_WINDOW_OPEN:
        case KVM_EXIT_HLT:
        case KVM_EXIT_IOAPIC_EOI: /* of pins that we have not */
                break;
        case KVM_EXIT_SHUTDOWN:
                vm_end(cpu->vm, VM_TRIPLE_FAULT, "the guest's kernel ended in a triple fault");
                break;
        case KVM_EXIT_SYSTEM_EVENT:
                vm_end(cpu->vm, run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? VM_POWERED_OFF : VM_RESET,
                       "the guest stopped the machine");
                break;
        default:
                fail_to_run(cpu);
        }
}

/* Stands still while the machine is paused. */
static void wait_while_paused(struct vm *vm)
{
        pthread_mutex_lock(&vm->lock);
        vm->n_paused++;
        pthread_cond_broadcast(&vm->changed);
        while (atomic_load(&vm->pause) && atomic_load(&vm->end) == VM_RUNS)
                pthread_cond_wait(&vm->changed, &vm->lock);
        vm->n_paused--;
        pthread_mutex_unlock(&vm->lock);
}

/* By a kick, or because the process was stopped or frozen for who knows how long: told of it, the guest does not take
 * the time for a lock-up of its own. */
static void interrupted(struct vcpu *cpu)
{
        cpu->run->immediate_exit = 0;
        (void)ioctl(cpu->fd, KVM_KVMCLOCK_CTRL, 0);
}

static void run_cpu(struct vcpu *cpu)
{
        struct vm *vm = cpu->vm;

        while (atomic_load(&vm->end) == VM_RUNS) {
                if (atomic_load(&vm->pause)) {
                        /* An access that KVM has begun must be finished first: its state is in no register yet. */
                        cpu->run->immediate_exit = 1;
                        (void)ioctl(cpu->fd, KVM_RUN, 0);
                        cpu->run->immediate_exit = 0;
                        wait_while_paused(vm);
                        /* Else the guest takes the pause for a lock-up of its own. */
                        (void)ioctl(cpu->fd, KVM_KVMCLOCK_CTRL, 0);
                        continue;
                }
                if (ioctl(cpu->fd, KVM_RUN, 0) == 0)
                        handle_exit(cpu);
                else if (errno == EINTR || errno == EAGAIN)
                        interrupted(cpu);
                else
                        vm_end(vm, VM_FAILED, "run processor %u: %s", cpu->index, strerror(errno));
        }
}

static void run(void *owner)
{
        struct vcpu *cpu = owner;

        atomic_store(&cpu->thread_id, (int)gettid());
        run_cpu(cpu);
}

int vcpu_start(struct vcpu *cpu, int (*prepare)(void))
{
        char name[16];
        int r;

        snprintf(name, sizeof(name), "cpu %u", cpu->index);
        r = thread_start(&cpu->thread, name, prepare, run, cpu);
        cpu->started = r == 0;
        return r;
}

void vcpu_kick(struct vcpu *cpu)
{
        int thread = atomic_load(&cpu->thread_id);

        if (thread == 0)
                return;
        /* The flag is for a signal that comes before KVM_RUN, the signal for one that comes within. Names the process
         * too, other than pthread_kill: the filter lets no other process be meant (filter.h). */
        cpu->run->immediate_exit = 1;
        (void)syscall(SYS_tgkill, cpu->vm->process, thread, VM_KICK_SIGNAL);
}

void vcpu_free(struct vcpu *cpu)
{
        if (cpu->started) {
                vcpu_kick(cpu);
                pthread_join(cpu->thread, NULL);
        }
        if (cpu->run)
                munmap(cpu->run, cpu->run_size);
        cleanup_close(&cpu->fd);
        *cpu = (struct vcpu){.fd = -EBADF};
}
