#include "vmmode/vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

static int map_range(struct guest_memory *memory, uint64_t address, uint64_t offset, uint64_t size)
{
        struct guest_range *range = &memory->v[memory->n];

        range->host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory->fd, (off_t)offset);
        if (range->host == MAP_FAILED)
                return fail(errno, "map %llu MiB of guest memory", (unsigned long long)(size >> 20));
        range->address = address;
        range->size = size;
        range->offset = offset;
        memory->n++;
        /* Advice only: fewer faults and shorter page walks where the host has huge pages for shared memory. */
        (void)madvise(range->host, size, MADV_HUGEPAGE);
        /* A core dump of ours is of no use with the guest's secrets in it. */
        (void)madvise(range->host, size, MADV_DONTDUMP);
        return 0;
}

/* A file on a tmpfs of its own, whose pages are huge ones: a boot touches most of the memory, and with huge pages that
 * is one exit of the guest for 2 MiB instead of 512 (of Debian's boot in 256 MiB 35,000 exits were such). For memory
 * files the host would have to allow it for everybody (transparent_hugepage/shmem_enabled). It cannot be sealed: a file
 * server that makes it shorter ends its own machine. -errno: not here. */
static int make_huge_file(uint64_t size)
{
        _cleanup_close_ int context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
        _cleanup_close_ int mount = -EBADF;
        char text[24];
        int fd;

        snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
        if (context < 0 || sys_fsconfig(context, FSCONFIG_SET_STRING, "huge", "always", 0) < 0 ||
            sys_fsconfig(context, FSCONFIG_SET_STRING, "size", text, 0) < 0 ||
            sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        mount = sys_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        fd = mount < 0 ? -1 : openat(mount, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
                return fd;
        cleanup_close(&fd);
        return -errno;
}

static int make_memory_file(uint64_t size)
{
        int fd = memfd_create("berth-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        /* Whoever maps it too must not be killed by a file that shrank under it. */
        if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 &&
            fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
                return fd;
        cleanup_close(&fd);
        return fail(errno, "make %llu MiB of guest memory", (unsigned long long)(size >> 20));
}

int guest_memory_make(struct guest_memory *memory, uint64_t size)
{
        uint64_t low = size < GUEST_HOLE_START ? size : GUEST_HOLE_START;
        int r;

        *memory = (struct guest_memory)GUEST_MEMORY_NONE;
        if (size == 0 || size % GUEST_PAGE)
                return refuse(EINVAL, "guest memory of %llu bytes is not whole pages", (unsigned long long)size);
        memory->fd = make_huge_file(size);
        if (memory->fd < 0)
                memory->fd = make_memory_file(size);
        if (memory->fd < 0)
                return memory->fd;
        memory->size = size;
        r = map_range(memory, 0, 0, low);
        if (r == 0 && size > low)
                r = map_range(memory, GUEST_HOLE_END, low, size - low);
        if (r < 0)
                guest_memory_free(memory);
        return r;
}

void guest_memory_free(struct guest_memory *memory)
{
        for (size_t i = 0; i < memory->n; i++)
                munmap(memory->v[i].host, memory->v[i].size);
        cleanup_close(&memory->fd);
        *memory = (struct guest_memory)GUEST_MEMORY_NONE;
}

static const struct guest_range *range_of(const struct guest_memory *memory, uint64_t address)
{
        for (size_t i = 0; i < memory->n; i++)
                if (address >= memory->v[i].address && address - memory->v[i].address < memory->v[i].size)
                        return &memory->v[i];
        return NULL;
}

uint64_t guest_room(const struct guest_memory *memory, uint64_t address)
{
        const struct guest_range *range = range_of(memory, address);

        return range ? range->size - (address - range->address) : 0;
}

void *guest_span(const struct guest_memory *memory, uint64_t address, uint64_t length)
{
        const struct guest_range *range = range_of(memory, address);

        if (!range || length == 0 || length > range->size - (address - range->address))
                return NULL;
        return range->host + (address - range->address);
}

int guest_fill(const struct guest_memory *memory, uint8_t *to, const void *data, size_t size)
{
        const struct guest_range *range = &memory->v[0];
        uint64_t offset;

        while (to < range->host || to >= range->host + range->size)
                if (++range == memory->v + memory->n)
                        return -EINVAL;
        offset = range->offset + (uint64_t)(to - range->host);
        for (size_t done = 0; done < size;) {
                ssize_t n = pwrite(memory->fd, (const uint8_t *)data + done, size - done, (off_t)(offset + done));

                if (n == 0 || (n < 0 && errno != EINTR))
                        return n == 0 ? -EIO : -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

bool guest_write(const struct guest_memory *memory, uint64_t address, const void *data, size_t length)
{
        void *to = guest_span(memory, address, length);

        if (!to)
                return false;
        memcpy(to, data, length);
        return true;
}

bool guest_read(const struct guest_memory *memory, uint64_t address, void *data, size_t length)
{
        const void *from = guest_span(memory, address, length);

        if (!from)
                return false;
        memcpy(data, from, length);
        return true;
}
