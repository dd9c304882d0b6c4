#include "vmmode/image/bzimage.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define SETUP_SECTORS        0x1f1
#define SETUP_BOOT_FLAG      0x1fe
#define SETUP_MAGIC          0x202
#define SETUP_VERSION        0x206
#define SETUP_KERNEL_VERSION 0x20e
#define SETUP_XLOADFLAGS     0x236
#define SETUP_PAYLOAD_OFFSET 0x248
#define SETUP_PAYLOAD_LENGTH 0x24c

#define VERSION_2_12         0x020c
#define XLF_KERNEL_64        (1 << 0)
#define SECTOR               512
#define SETUP_SECTORS_OF_OLD 4     /* what 0 stands for */
#define VERSION_TEXT_BASE    0x200 /* the text's offset counts from here */

static uint16_t get16(const uint8_t *at)
{
        return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
        return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

bool bzimage_is(const uint8_t *head, size_t size)
{
        return size >= BZIMAGE_HEAD && memcmp(head + SETUP_MAGIC, "HdrS", 4) == 0 &&
               get16(head + SETUP_BOOT_FLAG) == 0xaa55;
}

int bzimage_parse(const char *name, const uint8_t *head, uint64_t size, struct bzimage *image)
{
        uint64_t sectors = head[SETUP_SECTORS] ? head[SETUP_SECTORS] : SETUP_SECTORS_OF_OLD;
        uint64_t setup = (sectors + 1) * SECTOR;
        uint16_t version = get16(head + SETUP_KERNEL_VERSION);

        /* Whose 64-bit entry is known is 2.12, the version that has xloadflags; the payload's place came with 2.08. */
        if (get16(head + SETUP_VERSION) < VERSION_2_12 || !(get16(head + SETUP_XLOADFLAGS) & XLF_KERNEL_64))
                return refuse(ENOEXEC, "kernel %s: a bzImage without a 64-bit entry (boot protocol %u.%02u)", name,
                              head[SETUP_VERSION + 1], head[SETUP_VERSION]);
        *image = (struct bzimage){
                .payload = setup + get32(head + SETUP_PAYLOAD_OFFSET),
                .payload_size = get32(head + SETUP_PAYLOAD_LENGTH),
                .version = version ? VERSION_TEXT_BASE + (uint64_t)version : 0,
        };
        if (image->payload_size == 0 || image->payload > size || image->payload_size > size - image->payload)
                return refuse(ENOEXEC,
                              "kernel %s: damaged: its payload, %llu bytes at %llu, does not lie in the file of %llu "
                              "bytes",
                              name, (unsigned long long)image->payload_size, (unsigned long long)image->payload,
                              (unsigned long long)size);
        if (image->version >= setup)
                return refuse(ENOEXEC, "kernel %s: damaged: its version lies outside of its header", name);
        return 0;
}

int kernel_release_parse(const char *text, size_t size, char release[KERNEL_RELEASE_MAX])
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-";
        size_t n = 0;

        while (n < size && n < KERNEL_RELEASE_MAX && text[n] && strchr(allowed, text[n]))
                n++;
        if (n == 0 || n == KERNEL_RELEASE_MAX || text[0] == '.' ||
            (n < size && text[n] != '\0' && text[n] != ' ' && text[n] != '\n'))
                return -ENOEXEC;
        memcpy(release, text, n);
        release[n] = '\0';
        return 0;
}
