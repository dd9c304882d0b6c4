#include "vmmode/vmm/vm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/layout.h"
#include "vmmode/vmm/vcpu.h"

/* Three pages and one that KVM takes for itself on Intel's processors, out of the guest's way. */
#define TSS_ADDRESS          0xfffbd000UL
#define IDENTITY_MAP_ADDRESS 0xfffbc000UL

/* An interrupt controller with this many pins in user space. We have no pins, but KVM wants a number. */
#define SPLIT_PINS 24

static const struct {
        int number;
        const char *name;
} needed[] = {
        {KVM_CAP_USER_MEMORY, "user memory"},
        {KVM_CAP_IRQFD, "irqfd"},
        {KVM_CAP_IOEVENTFD, "ioeventfd"},
        {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
        {KVM_CAP_EXT_CPUID, "CPUID"},
        {KVM_CAP_SIGNAL_MSI, "message signalled interrupts"},
        {KVM_CAP_SPLIT_IRQCHIP, "the split interrupt controller"},
};

static int check_kvm(int kvm)
{
        int version = ioctl(kvm, KVM_GET_API_VERSION, 0);

        if (version != KVM_API_VERSION)
                return version < 0 ? fail(errno, "/dev/kvm: not a KVM device")
                                   : refuse(ENOTSUP, "KVM: interface version %d, not %d", version, KVM_API_VERSION);
        for (size_t i = 0; i < ELEMENTS(needed); i++)
                if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].number) <= 0)
                        return refuse(ENOTSUP, "KVM on this machine lacks %s", needed[i].name);
        return 0;
}

/* A signal that arrives meanwhile makes KVM_CREATE_VM fail with EINTR on some kernels. */
static int create_vm(int kvm)
{
        int fd;

        do
                fd = ioctl(kvm, KVM_CREATE_VM, 0);
        while (fd < 0 && errno == EINTR);
        return fd < 0 ? fail(errno, "make a virtual machine") : fd;
}

static int add_memory(struct vm *vm)
{
        for (size_t i = 0; i < vm->memory->n; i++) {
                const struct guest_range *range = &vm->memory->v[i];
                struct kvm_userspace_memory_region region = {
                        .slot = (uint32_t)i,
                        .guest_phys_addr = range->address,
                        .memory_size = range->size,
                        .userspace_addr = (uint64_t)(uintptr_t)range->host,
                };

                if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
                        return fail(errno, "give the virtual machine its memory");
        }
        return 0;
}

static int set_up(struct vm *vm)
{
        uint64_t identity = IDENTITY_MAP_ADDRESS;
        struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {SPLIT_PINS}};

        if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 || ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0)
                return fail(errno, "set up the virtual machine");
        /* Local APICs in the kernel, and nothing else: every interrupt of ours is a message, so there is no 8259, no
         * I/O APIC and no 8254 that a guest could attack. */
        if (ioctl(vm->fd, KVM_ENABLE_CAP, &split) < 0)
                return fail(errno, "split the interrupt controller");
        return add_memory(vm);
}

/* ---- power ---- */

static void write_power(void *device, uint64_t offset, unsigned width, uint64_t value)
{
        struct vm *vm = device;
        uint16_t port = (uint16_t)(LAYOUT_SLEEP_CONTROL_PORT + offset);

        if (width != 1)
                return;
        if (port == LAYOUT_SLEEP_CONTROL_PORT && value == ((LAYOUT_SLEEP_TYPE_S5 << 2) | (1 << 5)))
                vm_end(vm, VM_POWERED_OFF, "the guest powered off");
        else if (port == LAYOUT_RESET_PORT && value == LAYOUT_RESET_VALUE)
                vm_end(vm, VM_RESET, "the guest asked for a reset");
}

static uint64_t read_power(void *device, uint64_t offset, unsigned width)
{
        (void)device;
        (void)offset;
        (void)width;
        return 0;
}

int vm_make(struct vm *vm, int kvm, struct guest_memory *memory)
{
        const struct bus_range power = {LAYOUT_SLEEP_CONTROL_PORT, 3, read_power, write_power, vm};
        int r = check_kvm(kvm);

        *vm = (struct vm){.kvm = kvm, .fd = -EBADF, .process = (int)getpid(), .memory = memory, .ended_fd = -EBADF};
        pthread_mutex_init(&vm->lock, NULL);
        pthread_cond_init(&vm->changed, NULL);
        if (r < 0)
                return r;
        vm->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (vm->ended_fd < 0)
                return fail(errno, "make an event");
        vm->fd = create_vm(kvm);
        r = vm->fd < 0 ? vm->fd : set_up(vm);
        routes_init(&vm->routes, vm->fd);
        return r < 0 ? r : bus_add(&vm->ports, &power);
}

int vm_make_cpus(struct vm *vm, unsigned n, const struct image *image)
{
        int most = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
        unsigned limit = most > 0 && most < VM_CPUS_MAX ? (unsigned)most : VM_CPUS_MAX;
        struct cpuid cpuid;
        int r;

        if (n == 0 || n > limit)
                return refuse(EINVAL, "%u processors: this machine can have 1 to %u", n, limit);
        vm->cpus = calloc(n, sizeof(*vm->cpus));
        if (!vm->cpus)
                return fail(ENOMEM, "make the processors");
        for (unsigned i = 0; i < n; i++)
                vm->cpus[i] = (struct vcpu){.vm = vm, .index = i, .fd = -EBADF};
        vm->n_cpus = n;
        r = vcpu_ask_cpuid(vm->kvm, &cpuid);
        for (unsigned i = 0; i < n && r == 0; i++)
                r = vcpu_make(&vm->cpus[i], &cpuid, i == 0 ? image : NULL);
        return r;
}

/* ---- running ---- */

static void ignore_kick(int signal)
{
        (void)signal;
}

int vm_start(struct vm *vm, int (*prepare)(void))
{
        struct sigaction action = {.sa_handler = ignore_kick};
        int r = 0;

        if (sigaction(VM_KICK_SIGNAL, &action, NULL) < 0)
                return fail(errno, "set a signal handler");
        for (unsigned i = 0; i < vm->n_cpus && r == 0; i++)
                r = vcpu_start(&vm->cpus[i], prepare);
        return r;
}

static void kick_all(struct vm *vm)
{
        for (unsigned i = 0; i < vm->n_cpus; i++)
                vcpu_kick(&vm->cpus[i]);
}

void vm_end(struct vm *vm, enum vm_end end, const char *format, ...)
{
        char text[sizeof(vm->failure)];
        int runs = VM_RUNS;
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        pthread_mutex_lock(&vm->lock);
        if (atomic_compare_exchange_strong(&vm->end, &runs, (int)end)) {
                memcpy(vm->failure, text, sizeof(text));
                (void)eventfd_write(vm->ended_fd, 1);
        }
        pthread_cond_broadcast(&vm->changed);
        pthread_mutex_unlock(&vm->lock);
        kick_all(vm);
}

int vm_pause(struct vm *vm, bool paused, int timeout_ms)
{
        struct timespec until;
        int r = 0;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&vm->lock);
        atomic_store(&vm->pause, paused);
        pthread_cond_broadcast(&vm->changed);
        if (paused) {
                kick_all(vm);
                while (vm->n_paused < vm->n_cpus && atomic_load(&vm->end) == VM_RUNS && r == 0)
                        r = pthread_cond_timedwait(&vm->changed, &vm->lock, &until);
        }
        pthread_mutex_unlock(&vm->lock);
        return r ? refuse(ETIMEDOUT, "the processors did not stop in %d ms", timeout_ms) : 0;
}

void vm_free(struct vm *vm)
{
        if (vm->cpus)
                vm_end(vm, VM_STOPPED, "stopped");
        for (unsigned i = 0; i < vm->n_cpus; i++)
                vcpu_free(&vm->cpus[i]);
        free(vm->cpus);
        cleanup_close(&vm->fd);
        cleanup_close(&vm->ended_fd);
        pthread_cond_destroy(&vm->changed);
        pthread_mutex_destroy(&vm->lock);
        vm->cpus = NULL;
        vm->n_cpus = 0;
        vm->fd = vm->ended_fd = -EBADF;
}
