#include "vmmode/host/size.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"

/* The annotation's value, NULL when there is none that counts. */
static const char *allowed(const struct vm_config *config, const struct oci_spec *spec, const char *name)
{
        const char *value = oci_annotation(spec, name);

        if (value && !vm_config_allows(config, name)) {
                log_warning("annotations[\"%s\"]: has no effect: berth.conf does not allow it", name);
                return NULL;
        }
        return value;
}

int vm_size_ask(const struct vm_config *config, const struct oci_spec *spec, struct vm_size_defaults *defaults)
{
        const char *memory = allowed(config, spec, VM_ANNOTATION_MEMORY);
        const char *vcpus = allowed(config, spec, VM_ANNOTATION_VCPUS);
        int64_t bytes;
        uint64_t number;

        *defaults = (struct vm_size_defaults){
                .memory = config->memory,
                .overhead = config->memory_overhead,
                .cpus = config->vcpus,
                .maximum = config->memory_maximum,
                .raisable = config->memory_update_maximum,
        };
        if (memory) {
                if (parse_bytes(memory, &bytes) < 0 || bytes < (int64_t)VM_MEMORY_MIN)
                        return refuse(EINVAL,
                                      "annotations[\"" VM_ANNOTATION_MEMORY "\"]: \"%s\" is no size of a guest "
                                      "(128M or more)",
                                      memory);
                defaults->memory = ((uint64_t)bytes + 4095) & ~(uint64_t)4095;
        }
        if (vcpus) {
                if (parse_u64(vcpus, VM_CPUS_MOST, &number) < 0 || number == 0)
                        return refuse(EINVAL,
                                      "annotations[\"" VM_ANNOTATION_VCPUS "\"]: \"%s\" is no number of "
                                      "processors (1 to %u)",
                                      vcpus, VM_CPUS_MOST);
                defaults->cpus = (unsigned)number;
        }
        return 0;
}
