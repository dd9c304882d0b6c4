/* Dividing a specification between this host and the guest. What this host keeps: user ids (user namespace and id
 * maps), the network namespace, mount sources, limits of CPU time, pinning and I/O, and the limit of memory for the
 * machine as a whole. What the guest does: all the rest. What cannot be had behind this wall is refused, by its field.
 */
#pragma once

#include "base/arena.h"
#include "runtime/core/isolation.h"

struct vm_division {
        struct arena arena;
        struct oci_spec inside;
        struct oci_resources host;
};

/* What the machine itself has. Bytes. */
struct vm_size {
        uint64_t memory;   /* of the guest */
        uint64_t overhead; /* on this host beside it: VMM, file server, proxies */
        unsigned cpus;
};

/* Defaults for what the specification leaves open. */
struct vm_size_defaults {
        uint64_t memory; /* of a guest without a limit */
        uint64_t overhead;
        unsigned cpus;     /* 0: as many as this process may use, at most VM_CPUS_WITHOUT_LIMIT */
        uint64_t maximum;  /* of a guest's memory; 0: no bound */
        uint64_t raisable; /* to which limit `update` can raise a lower one; 0: not at all */
};

/* A guest below this does not boot: the kernel alone needs 70 MiB while it unpacks itself. */
#define VM_MEMORY_MIN         ((uint64_t)128 << 20)
#define VM_MEMORY_FOR_KERNEL  ((uint64_t)64 << 20) /* on top of the container's limit */
#define VM_CPUS_WITHOUT_LIMIT 4U
#define VM_CPUS_MOST          240U

/* -EINVAL or -ENOTSUP with the field's path. bundle: absolute, for relative mount sources, which are looked at. */
int vm_check(const struct isolation_request *request);

/* How large the machine is: vm.hwConfig, else from the limits, else the defaults. -EINVAL for what is too small or
 * beyond the maximum. */
int vm_size_find(const struct oci_spec *spec, const struct vm_size_defaults *defaults, struct vm_size *size);

/* Fills the division; shm: mounts of a tmpfs of this host at /dev/shm become one of the guest's own, of the same size.
 * The division borrows from the specification. */
int vm_divide(const struct isolation_request *request, const struct vm_size *size, struct vm_division *division);

/* Security modules guard this host: the guest has no policy loaded. */
void vm_divide_process(struct oci_process *process);

/* The same for the changes of an update; size: of the running machine. -EINVAL when the guest is too small for the new
 * limit. */
int vm_divide_update(const struct oci_resources *changes, const struct vm_size *size, struct oci_resources *host,
                     struct oci_resources *inside);
