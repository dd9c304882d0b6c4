/* berth-vmm: one virtual machine. Everything it works with is handed to it as open descriptors; it opens nothing itself.
 *
 *   berth-vmm kvm=FD kernel=FD [initrd=FD] memory=BYTES cpus=N [cmdline=TEXT] [console=FD]
 *
 * Ends with 0 when the guest powered off, 3 when it asked for a reset (which a panic does), 4 for a triple fault, 1 for
 * everything else. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "vmmode/vmm/acpi.h"
#include "vmmode/vmm/boot.h"
#include "vmmode/vmm/layout.h"
#include "vmmode/vmm/serial.h"
#include "vmmode/vmm/vm.h"

struct options {
        int kvm, kernel, initrd, console;
        uint64_t memory;
        uint64_t cpus;
        const char *cmdline;
};

static int parse_fd(const char *text, int *fd)
{
        uint64_t number;
        int r = parse_u64(text, INT32_MAX, &number);

        if (r == 0)
                *fd = (int)number;
        return r;
}

static int parse_option(struct options *options, const char *name, size_t length, const char *value)
{
        const struct {
                const char *name;
                int *fd;
                uint64_t *number;
                const char **text;
        } known[] = {
                {"kvm", &options->kvm, NULL, NULL},         {"kernel", &options->kernel, NULL, NULL},
                {"initrd", &options->initrd, NULL, NULL},   {"console", &options->console, NULL, NULL},
                {"memory", NULL, &options->memory, NULL},   {"cpus", NULL, &options->cpus, NULL},
                {"cmdline", NULL, NULL, &options->cmdline},
        };

        for (size_t i = 0; i < ELEMENTS(known); i++) {
                int r = 0;

                if (strlen(known[i].name) != length || memcmp(known[i].name, name, length) != 0)
                        continue;
                if (known[i].fd)
                        r = parse_fd(value, known[i].fd);
                else if (known[i].number)
                        r = parse_u64(value, INT64_MAX, known[i].number);
                else
                        *known[i].text = value;
                return r < 0 ? refuse(EINVAL, "%s: not a number: %s", known[i].name, value) : 0;
        }
        return refuse(EINVAL, "unknown option: %.*s", (int)length, name);
}

static int parse_options(int argc, char **argv, struct options *options)
{
        *options = (struct options){.kvm = -EBADF, .kernel = -EBADF, .initrd = -EBADF, .console = -EBADF, .cpus = 1,
                                    .cmdline = ""};
        for (int i = 1; i < argc; i++) {
                const char *equals = strchr(argv[i], '=');
                int r = equals ? parse_option(options, argv[i], (size_t)(equals - argv[i]), equals + 1)
                               : refuse(EINVAL, "not NAME=VALUE: %s", argv[i]);

                if (r < 0)
                        return r;
        }
        if (options->kvm < 0 || options->kernel < 0)
                return refuse(EINVAL, "kvm and kernel are needed");
        if (options->memory < GUEST_MEMORY_MIN)
                return refuse(EINVAL, "memory: at least %llu bytes are needed", GUEST_MEMORY_MIN);
        return 0;
}

struct machine {
        struct guest_memory memory;
        struct vm vm;
        struct serial serial;
        struct image image;
};

static int load(struct machine *machine, const struct options *options)
{
        struct boot boot = {.image = &machine->image, .cmdline = options->cmdline};
        int r = image_load(options->kernel, "image", &machine->memory, &machine->image);

        if (r == 0 && options->initrd >= 0)
                r = image_load_initrd(options->initrd, "image", &machine->memory, &machine->image, &boot.initrd,
                                      &boot.initrd_size);
        if (r == 0)
                r = acpi_build(&machine->memory, (unsigned)options->cpus, &boot.rsdp);
        return r == 0 ? boot_prepare(&machine->memory, &boot) : r;
}

static int build(struct machine *machine, const struct options *options)
{
        int r = guest_memory_make(&machine->memory, options->memory & ~(GUEST_PAGE - 1));

        if (r == 0)
                r = vm_make(&machine->vm, options->kvm, &machine->memory);
        if (r == 0)
                r = load(machine, options);
        if (r == 0 && options->console >= 0)
                r = serial_init(&machine->serial, &machine->vm.ports, options->console);
        return r == 0 ? vm_make_cpus(&machine->vm, (unsigned)options->cpus, &machine->image) : r;
}

static int serve(struct machine *machine)
{
        struct pollfd events[] = {{.fd = machine->vm.ended_fd, .events = POLLIN}};

        while (atomic_load(&machine->vm.end) == VM_RUNS)
                if (poll(events, ELEMENTS(events), -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for the machine");
        return 0;
}

static int exit_status(const struct vm *vm)
{
        switch ((enum vm_end)atomic_load(&vm->end)) {
        case VM_POWERED_OFF:
        case VM_STOPPED:
                return 0;
        case VM_RESET:
                return 3;
        case VM_TRIPLE_FAULT:
                return 4;
        default:
                return 1;
        }
}

int main(int argc, char **argv)
{
        static struct machine machine = {.memory = GUEST_MEMORY_NONE, .vm = {.fd = -EBADF, .ended_fd = -EBADF}};
        struct options options;
        int r = parse_options(argc, argv, &options), status = EXIT_FAILURE;

        if (r == 0)
                r = build(&machine, &options);
        if (r == 0)
                r = vm_start(&machine.vm, NULL);
        if (r == 0)
                r = serve(&machine);
        if (r < 0) {
                fprintf(stderr, "berth-vmm: %s\n", error_message());
        } else {
                status = exit_status(&machine.vm);
                if (status)
                        fprintf(stderr, "berth-vmm: %s\n", machine.vm.failure);
        }
        if (options.console >= 0)
                serial_flush(&machine.serial);
        vm_free(&machine.vm);
        guest_memory_free(&machine.memory);
        return status;
}
