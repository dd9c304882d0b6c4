#include "vmmode/vmm/loader.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define STACK_SIZE (64 * 1024)

/* Straight from the page cache. */
static int copy(const struct loader *loader, const struct loader_part *part, uint64_t offset, uint64_t size)
{
        size_t before = offset % GUEST_PAGE;
        uint8_t *map =
                mmap(NULL, before + size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, part->fd, (off_t)(offset - before));
        int r;

        if (map == MAP_FAILED)
                return -errno;
        r = guest_fill(loader->memory, part->to + (offset - part->offset), map + before, size);
        munmap(map, before + size);
        return r;
}

/* What the file has of it; its holes are zero in the guest's memory already. */
static int copy_data(const struct loader *loader, const struct loader_part *part)
{
        uint64_t end = part->offset + part->size;
        int r = 0;

        for (uint64_t at = part->offset; at < end && r == 0;) {
                off_t data = lseek(part->fd, (off_t)at, SEEK_DATA);
                off_t hole = data < 0 ? -1 : lseek(part->fd, data, SEEK_HOLE);
                uint64_t next = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;

                if (data < 0 && errno == ENXIO) /* nothing but holes up to the file's end */
                        return lseek(part->fd, 0, SEEK_END) < (off_t)end ? -EFAULT : 0;
                if (data < 0)
                        data = (off_t)at; /* the file system does not tell */
                if ((uint64_t)data >= end)
                        return 0;
                r = copy(loader, part, (uint64_t)data, next - (uint64_t)data);
                at = next;
        }
        return r;
}

static int map(const struct loader_part *part)
{
        if (mmap(part->to, part->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, part->fd,
                 (off_t)part->offset) == MAP_FAILED)
                return -errno;
        (void)madvise(part->to, part->size, MADV_DONTDUMP);
        return 0;
}

/* Says nothing but numbers: the message is the other thread's. */
static void *run(void *argument)
{
        struct loader *loader = argument;

        for (size_t i = 0; i < loader->n && loader->result == 0; i++) {
                const struct loader_part *part = &loader->v[i];

                loader->result = part->is_mapped ? map(part) : copy_data(loader, part);
                loader->failed = part;
        }
        return NULL;
}

int loader_add(struct loader *loader, const struct loader_part *part)
{
        if (part->size == 0)
                return 0;
        if (loader->n == LOADER_PARTS_MAX)
                return refuse(ENOEXEC, "kernel %s: it has too many parts", part->name);
        loader->v[loader->n++] = *part;
        return 0;
}

int loader_begin(struct loader *loader)
{
        pthread_attr_t attributes;
        int r;

        loader->result = 0;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        r = pthread_create(&loader->thread, &attributes, run, loader);
        pthread_attr_destroy(&attributes);
        loader->runs = r == 0;
        return r == 0 ? 0 : fail(r, "start the thread that loads the kernel");
}

void loader_wait(struct loader *loader)
{
        if (loader->runs)
                pthread_join(loader->thread, NULL);
        loader->runs = false;
}

int loader_end(struct loader *loader)
{
        loader_wait(loader);
        if (loader->result == -EFAULT)
                return refuse(ENOEXEC, "kernel %s: it became shorter while it was read", loader->failed->name);
        return loader->result < 0 ? fail(-loader->result, "read kernel %s", loader->failed->name) : 0;
}
