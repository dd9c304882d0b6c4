#pragma once
#include "base/arena.h"
#include <stdint.h>
struct vm_config {
        const char *kernel, *file_server, *vmm;
        uint64_t memory, memory_overhead;
        unsigned vcpus;
};
static inline int vm_config_load(struct vm_config *c)
{
        *c = (struct vm_config){.memory = 2ULL << 30, .memory_overhead = 64 << 20};
        return 0;
}
static inline void vm_config_free(struct vm_config *c)
{
        (void)c;
}
