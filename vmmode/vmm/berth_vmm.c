/* berth-vmm: one virtual machine. Everything it works with is handed to it as open descriptors; it opens nothing
 * itself.
 *
 * Ends with 0 when the guest powered off, 3 when it asked for a reset (which a panic does), 4 for a triple fault, 1 for
 * everything else. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "vmmode/vmm/machine.h"

#define STATUS_RESET        3
#define STATUS_TRIPLE_FAULT 4

static int exit_status(const struct vm *vm)
{
        switch ((enum vm_end)atomic_load(&vm->end)) {
        case VM_POWERED_OFF:
        case VM_STOPPED:
                return EXIT_SUCCESS;
        case VM_RESET:
                return STATUS_RESET;
        case VM_TRIPLE_FAULT:
                return STATUS_TRIPLE_FAULT;
        default:
                return EXIT_FAILURE;
        }
}

int main(int argc, char **argv)
{
        static struct machine machine;
        struct vmm_options options;
        int r, status = EXIT_FAILURE;

        if (argc < 2) {
                fputs(VMM_USAGE, stderr);
                return EXIT_FAILURE;
        }
        /* The console may be a pipe whose reader goes away before the guest does. */
        (void)signal(SIGPIPE, SIG_IGN);
        r = vmm_options_parse(argc, argv, &options);
        if (r < 0) {
                fprintf(stderr, "berth-vmm: %s\n", error_message());
                return EXIT_FAILURE;
        }
        r = machine_make(&machine, &options);
        if (r == 0)
                r = machine_run(&machine, &options);
        if (r < 0) {
                fprintf(stderr, "berth-vmm: %s\n", error_message());
        } else {
                status = exit_status(&machine.vm);
                if (status)
                        fprintf(stderr, "berth-vmm: %s\n", machine.vm.failure);
        }
        machine_free(&machine);
        return status;
}
