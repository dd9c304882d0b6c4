/* Kernel images: whatever the file is, nothing outside of the guest's memory is touched. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "vmmode/vmm/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct guest_memory memory;
        static struct loader loader;
        struct image image;
        int fd = memfd_create("image", MFD_CLOEXEC);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || guest_memory_make(&memory, 32ULL << 20) < 0)
                __builtin_trap();
        loader = (struct loader){.memory = &memory};
        if (image_load(fd, "fuzz", &loader, &image) == 0) {
                if (image.entry < image.start || image.entry >= image.end)
                        __builtin_trap();
                if (loader_begin(&loader) < 0)
                        __builtin_trap();
                (void)loader_end(&loader);
        }
        guest_memory_free(&memory);
        close(fd);
        error_clear();
        return 0;
}
