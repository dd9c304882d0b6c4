#include "vmmode/image/cpio.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER        110 /* 6 bytes magic number, 13 fields of 8 hexadecimal digits */
#define TRAILER       "TRAILER!!!"
#define BLOCK         512 /* what the end is padded to, as archivers do */
#define FILE_SIZE_MAX UINT32_MAX

void cpio_free(struct cpio *cpio)
{
        free(cpio->data);
        *cpio = (struct cpio){0};
}

/* Appends the bytes and zeros up to a multiple of `padding`. */
static int append(struct cpio *cpio, const void *data, size_t size, size_t padding)
{
        size_t end, room = cpio->room ? cpio->room : 65536;
        uint8_t *bigger;

        if (size > SIZE_MAX / 4 - cpio->size)
                return -EFBIG;
        end = cpio->size + size;
        end += (padding - end % padding) % padding;
        while (room < end)
                room *= 2;
        if (room != cpio->room) {
                bigger = realloc(cpio->data, room);
                if (!bigger)
                        return -ENOMEM;
                cpio->data = bigger;
                cpio->room = room;
        }
        if (size > 0)
                memcpy(cpio->data + cpio->size, data, size);
        memset(cpio->data + cpio->size + size, 0, end - cpio->size - size);
        cpio->size = end;
        return 0;
}

static int add(struct cpio *cpio, const char *name, uint32_t mode, uint32_t links, const void *data, size_t size)
{
        size_t length = strlen(name) + 1;
        char header[HEADER + PATH_MAX];
        int r;

        if (length == 1 || name[0] == '/' || length > PATH_MAX)
                return -EINVAL;
        if (size > FILE_SIZE_MAX)
                return -EFBIG;
        /* inode, mode, uid, gid, links, mtime, size, device (major, minor), what it is (major, minor), name, checksum
         */
        snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
                 cpio->entries + 1, mode, 0U, 0U, links, 0U, (uint32_t)size, 0U, 0U, 0U, 0U, (uint32_t)length, 0U,
                 name);
        r = append(cpio, header, HEADER + length, 4);
        if (r == 0)
                r = append(cpio, data, size, 4);
        if (r == 0)
                cpio->entries++;
        return r;
}

int cpio_add_directory(struct cpio *cpio, const char *name, uint32_t mode)
{
        return add(cpio, name, S_IFDIR | mode, 2, NULL, 0);
}

int cpio_add_file(struct cpio *cpio, const char *name, uint32_t mode, const void *data, size_t size)
{
        return add(cpio, name, S_IFREG | mode, 1, data, size);
}

int cpio_finish(struct cpio *cpio)
{
        int r = add(cpio, TRAILER, 0, 1, NULL, 0);

        return r < 0 ? r : append(cpio, NULL, 0, BLOCK);
}
