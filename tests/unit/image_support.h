/* Kernels made by hand: an ELF file that says it is a Linux, and bzImages around it. */
#pragma once

#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define TEST_RELEASE "6.1.0-7-test"
#define TEST_BANNER  "Linux version " TEST_RELEASE " (builder@host) #1"

#define ELF_TEXT   0x1000
#define ELF_NOTE   0x1400
#define ELF_LOADED 0x2000
#define ELF_SIZE   0x2800 /* with something behind that nobody needs */
#define ELF_ENTRY  0x1000000

enum elf_kind { ELF_LINUX, ELF_PVH, ELF_LINUX_PVH };

struct test_elf {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        uint8_t rest[ELF_SIZE - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr)];
};

static inline void make_elf(enum elf_kind kind, struct test_elf *elf)
{
        static const Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 4, .n_type = 18};
        const uint32_t entry = ELF_ENTRY;
        uint8_t *bytes = (uint8_t *)elf;

        memset(elf, 0, sizeof(*elf));
        for (size_t i = ELF_TEXT; i < ELF_SIZE; i++)
                bytes[i] = (uint8_t)(i * 7 + i / 256);
        elf->header = (Elf64_Ehdr){
                .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                .e_type = kind == ELF_PVH ? ET_DYN : ET_EXEC,
                .e_machine = EM_X86_64,
                .e_entry = ELF_ENTRY,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 2,
        };
        elf->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                        .p_offset = ELF_TEXT,
                                        .p_paddr = ELF_ENTRY,
                                        .p_filesz = ELF_LOADED - ELF_TEXT,
                                        .p_memsz = 0x4000};
        elf->segments[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = ELF_NOTE, .p_filesz = 20};
        memset(bytes + ELF_NOTE, 0, 20);
        if (kind != ELF_LINUX) {
                memcpy(bytes + ELF_NOTE, &note, sizeof(note));
                memcpy(bytes + ELF_NOTE + sizeof(note), "Xen", 4);
                memcpy(bytes + ELF_NOTE + sizeof(note) + 4, &entry, sizeof(entry));
        }
        if (kind != ELF_PVH)
                memcpy(bytes + 0x1200, TEST_BANNER, sizeof(TEST_BANNER));
}

/* ---- compressed ---- */

#define PACKED_MAX 65536

typedef size_t (*pack_function)(const void *data, size_t size, uint8_t *out);

static inline size_t pack_gzip(const void *data, size_t size, uint8_t *out)
{
        z_stream z = {
                .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size, .next_out = out, .avail_out = PACKED_MAX};

        deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        deflate(&z, Z_FINISH);
        size = z.total_out;
        deflateEnd(&z);
        return size;
}

static inline size_t pack_xz(const void *data, size_t size, uint8_t *out)
{
        size_t n = 0;

        lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, data, size, out, &n, PACKED_MAX);
        return n;
}

static inline size_t pack_lzma(const void *data, size_t size, uint8_t *out)
{
        lzma_stream lzma = LZMA_STREAM_INIT;
        lzma_options_lzma options;

        lzma_lzma_preset(&options, 1);
        if (lzma_alone_encoder(&lzma, &options) != LZMA_OK)
                abort();
        lzma.next_in = data;
        lzma.avail_in = size;
        lzma.next_out = out;
        lzma.avail_out = PACKED_MAX;
        if (lzma_code(&lzma, LZMA_FINISH) != LZMA_STREAM_END)
                abort();
        size = lzma.total_out;
        lzma_end(&lzma);
        return size;
}

static inline size_t pack_zstd(const void *data, size_t size, uint8_t *out)
{
        return ZSTD_compress(out, PACKED_MAX, data, size, 3);
}

/* In two chunks, as a kernel of more than 8 MiB has several. */
static inline size_t pack_lz4(const void *data, size_t size, uint8_t *out)
{
        static const uint8_t magic[] = {0x02, 0x21, 0x4c, 0x18};
        size_t at = sizeof(magic), half = size / 2;

        memcpy(out, magic, sizeof(magic));
        for (int i = 0; i < 2; i++) {
                size_t length = i == 0 ? half : size - half;
                uint32_t n = (uint32_t)LZ4_compress_default((const char *)data + (size_t)i * half, (char *)out + at + 4,
                                                            (int)length, PACKED_MAX / 2);

                memcpy(out + at, &n, 4);
                at += 4 + n;
        }
        return at;
}

/* ---- bzImage ---- */

#define BZ_SETUP   (5 * 512) /* setup_sects 4 */
#define BZ_PAYLOAD 0x300     /* behind the setup */
#define BZ_MAX     (BZ_SETUP + BZ_PAYLOAD + PACKED_MAX)

static inline void put16(uint8_t *at, unsigned value)
{
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)(value >> 8);
}

static inline void put32(uint8_t *at, uint32_t value)
{
        put16(at, value & 0xffff);
        put16(at + 2, value >> 16);
}

/* The payload as the kernel's build makes it: what comes out of `pack`, and the size before. Returns the file's size;
 * *image is the caller's, of exactly that size, so that AddressSanitizer sees who reads beyond it. */
static inline size_t make_bzimage(pack_function pack, const void *data, size_t size, uint8_t **image)
{
        uint8_t *out = calloc(1, BZ_MAX);
        size_t packed = pack(data, size, out + BZ_SETUP + BZ_PAYLOAD);
        size_t total;

        /* gzip has the size at its end by itself. */
        if (pack != pack_gzip) {
                put32(out + BZ_SETUP + BZ_PAYLOAD + packed, (uint32_t)size);
                packed += 4;
        }
        out[0x1f1] = 4;
        put16(out + 0x1fe, 0xaa55);
        memcpy(out + 0x202, "HdrS", 4);
        put16(out + 0x206, 0x020f);
        put16(out + 0x20e, 0x180);
        strcpy((char *)out + 0x200 + 0x180, TEST_RELEASE " (builder@host) #1 SMP");
        put16(out + 0x236, 1);
        put32(out + 0x248, BZ_PAYLOAD);
        put32(out + 0x24c, (uint32_t)packed);
        total = BZ_SETUP + BZ_PAYLOAD + packed;
        *image = malloc(total);
        memcpy(*image, out, total);
        free(out);
        return total;
}
