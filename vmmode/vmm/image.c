#include "vmmode/vmm/image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/layout.h"

#define PHDRS_MAX 64
#define NOTES_MAX 65536

#define SECTIONS_MAX 128
#define NAMES_MAX    4096

#define XEN_ELFNOTE_PHYS32_ENTRY 18 /* xen/include/public/elfnote.h */

/* bzImage's setup header (boot.rst, "The Real-Mode Kernel Header"). */
#define SETUP_START        0x1f1
#define SETUP_SECTORS      0x1f1
#define SETUP_BOOT_FLAG    0x1fe
#define SETUP_JUMP         0x200
#define SETUP_MAGIC        0x202
#define SETUP_VERSION      0x206
#define SETUP_LOADFLAGS    0x211
#define SETUP_INITRD_MAX   0x22c
#define SETUP_RELOCATABLE  0x234
#define SETUP_XLOADFLAGS   0x236
#define SETUP_CMDLINE_SIZE 0x238
#define SETUP_PREF_ADDRESS 0x258
#define SETUP_INIT_SIZE    0x260
#define SETUP_HEADER_END   0x290
#define VERSION_2_12       0x020c
#define XLF_KERNEL_64      (1 << 0)
#define LOADFLAG_HIGH      (1 << 0)
#define ENTRY_64           0x200

#define CMDLINE_MAX_DEFAULT 2048
#define INITRD_MAX_DEFAULT  0x7fffffffULL

struct file {
        int fd;
        const char *name;
        uint64_t size;
        struct loader *loader;
};

static int read_at(const struct file *file, uint64_t offset, void *data, size_t size)
{
        size_t done = 0;

        if (offset > file->size || size > file->size - offset)
                return refuse(ENOEXEC, "kernel %s: it ends before byte %llu", file->name,
                              (unsigned long long)(offset + size));
        while (done < size) {
                ssize_t n = pread(file->fd, (uint8_t *)data + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(errno, "read kernel %s", file->name);
                if (n == 0)
                        return refuse(ENOEXEC, "kernel %s: it became shorter while it was read", file->name);
                done += (size_t)n;
        }
        return 0;
}

/* A part of the file, which lies whole in it, for the guest's memory. */
static int add_part(const struct file *file, uint64_t offset, uint8_t *to, uint64_t size, bool is_mapped)
{
        const struct loader_part part = {file->name, file->fd, is_mapped, offset, size, to};

        return loader_add(file->loader, &part);
}

static int too_small(const struct file *file, uint64_t end)
{
        return refuse(ENOSPC, "kernel %s: it takes the memory up to %llu MiB, the machine has %llu MiB", file->name,
                      (unsigned long long)(end >> 20) + 1, (unsigned long long)(file->loader->memory->size >> 20));
}

/* ---- ELF ---- */

/* Sections of Linux whose pages it keeps for what they are until it ends, and hardly writes to (.text it does, all of
 * it: calls and returns are patched while it boots). The rest of its image is given to its page allocator some time
 * during the boot and becomes anybody's buffer; a process that serves a device then reads and writes the memory file
 * (memory.h) and must find the same bytes there. */
static const char *const kept[] = {".rodata", ".BTF"};

struct extent {
        uint64_t offset, size; /* in the file, whole pages */
};

struct extents {
        size_t n;
        struct extent v[ELEMENTS(kept)]; /* in the order of the file */
};

static bool is_kept(const char *name)
{
        for (size_t i = 0; i < ELEMENTS(kept); i++)
                if (strcmp(name, kept[i]) == 0)
                        return true;
        return false;
}

static void add_kept(struct extents *list, const Elf64_Shdr *section)
{
        uint64_t start = (section->sh_offset + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1);
        uint64_t end = (section->sh_offset + section->sh_size) & ~(GUEST_PAGE - 1);
        const struct extent *last = list->n > 0 ? &list->v[list->n - 1] : NULL;

        if (section->sh_type != SHT_PROGBITS || !(section->sh_flags & SHF_ALLOC) || section->sh_offset > INT64_MAX ||
            section->sh_size > INT64_MAX || start >= end || list->n == ELEMENTS(list->v) ||
            (last && start < last->offset + last->size))
                return;
        list->v[list->n++] = (struct extent){start, end - start};
}

/* Finds them. An image without section headers is as good, only that all of it is read. */
static void find_kept(const struct file *file, const Elf64_Ehdr *header, struct extents *list)
{
        Elf64_Shdr sections[SECTIONS_MAX];
        char names[NAMES_MAX + 1] = "";
        const Elf64_Shdr *strings = &sections[header->e_shstrndx % SECTIONS_MAX];

        list->n = 0;
        if (header->e_shentsize != sizeof(sections[0]) || header->e_shnum > SECTIONS_MAX ||
            header->e_shstrndx >= header->e_shnum ||
            read_at(file, header->e_shoff, sections, header->e_shnum * sizeof(sections[0])) < 0 ||
            strings->sh_size > NAMES_MAX || read_at(file, strings->sh_offset, names, strings->sh_size) < 0) {
                error_clear();
                return;
        }
        for (size_t i = 0; i < header->e_shnum; i++)
                if (sections[i].sh_name < NAMES_MAX && is_kept(names + sections[i].sh_name))
                        add_kept(list, &sections[i]);
}

/* Kept pages become copy-on-write pages of the guest: its unchanged text is in memory once for all VMs. */
static int load_bytes(const struct file *file, const Elf64_Phdr *segment, const struct extents *list, uint8_t *to)
{
        uint64_t at = segment->p_offset, end = at + segment->p_filesz;
        int r = 0;

        for (size_t i = 0; i < list->n && r == 0; i++) {
                const struct extent *extent = &list->v[i];
                uint8_t *place;

                if (extent->offset < at || extent->offset > end || extent->size > end - extent->offset)
                        continue;
                place = to + (extent->offset - segment->p_offset);
                if ((uintptr_t)place % GUEST_PAGE)
                        continue;
                r = add_part(file, at, to + (at - segment->p_offset), extent->offset - at, false);
                if (r == 0)
                        r = add_part(file, extent->offset, place, extent->size, true);
                at = extent->offset + extent->size;
        }
        return r == 0 ? add_part(file, at, to + (at - segment->p_offset), end - at, false) : r;
}

static int load_segment(const struct file *file, const Elf64_Phdr *segment, const struct extents *list,
                        struct image *image)
{
        uint64_t end;
        uint8_t *to;
        int r;

        if (segment->p_memsz == 0)
                return 0;
        if (segment->p_filesz > segment->p_memsz || segment->p_paddr > UINT64_MAX - segment->p_memsz ||
            segment->p_offset > file->size || segment->p_filesz > file->size - segment->p_offset)
                return refuse(ENOEXEC, "kernel %s: a segment lies outside of the file", file->name);
        end = segment->p_paddr + segment->p_memsz;
        if (segment->p_paddr < LAYOUT_HIGH)
                return refuse(ENOEXEC, "kernel %s: a segment lies below 1 MiB, where the boot tables are", file->name);
        to = guest_span(file->loader->memory, segment->p_paddr, segment->p_memsz);
        if (!to)
                return too_small(file, end);
        r = load_bytes(file, segment, list, to);
        if (segment->p_paddr < image->start)
                image->start = segment->p_paddr;
        if (end > image->end)
                image->end = end;
        return r;
}

/* Looks for Xen's note with the 32-bit entry. */
static int find_pvh_entry(const struct file *file, const Elf64_Phdr *segment, uint64_t *entry)
{
        uint8_t notes[4096];
        size_t size = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);
        int r;

        if (segment->p_filesz > NOTES_MAX)
                return 0;
        r = read_at(file, segment->p_offset, notes, size);
        if (r < 0)
                return r;
        for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
                Elf64_Nhdr note;
                size_t name, description;

                memcpy(&note, notes + at, sizeof(note));
                name = at + sizeof(note);
                if (note.n_namesz > size - name)
                        return 0;
                description = name + ((note.n_namesz + 3U) & ~3U);
                if (description > size || note.n_descsz > size - description)
                        return 0;
                if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY && note.n_namesz == 4 &&
                    memcmp(notes + name, "Xen", 4) == 0 && note.n_descsz >= 4) {
                        uint32_t low;

                        memcpy(&low, notes + description, sizeof(low));
                        *entry = low;
                        return 0;
                }
                at = description + ((note.n_descsz + 3U) & ~3U);
        }
        return 0;
}

static int check_elf(const struct file *file, const Elf64_Ehdr *header)
{
        if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
            header->e_machine != EM_X86_64)
                return refuse(ENOEXEC, "kernel %s: an ELF file, but not for x86-64", file->name);
        if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
                return refuse(ENOEXEC, "kernel %s: an ELF file, but not an executable one", file->name);
        if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum > PHDRS_MAX)
                return refuse(ENOEXEC, "kernel %s: its program headers make no sense", file->name);
        return 0;
}

static int load_elf(const struct file *file, struct image *image)
{
        Elf64_Phdr segments[PHDRS_MAX];
        Elf64_Ehdr header;
        struct extents list;
        uint64_t pvh = 0;
        int r = read_at(file, 0, &header, sizeof(header));

        if (r == 0)
                r = check_elf(file, &header);
        if (r == 0)
                r = read_at(file, header.e_phoff, segments, header.e_phnum * sizeof(segments[0]));
        if (r < 0)
                return r;
        find_kept(file, &header, &list);
        image->start = UINT64_MAX;
        for (size_t i = 0; i < header.e_phnum && r == 0; i++) {
                if (segments[i].p_type == PT_LOAD)
                        r = load_segment(file, &segments[i], &list, image);
                else if (segments[i].p_type == PT_INTERP)
                        r = refuse(ENOEXEC, "kernel %s: a program, not a kernel", file->name);
                else if (segments[i].p_type == PT_NOTE)
                        r = find_pvh_entry(file, &segments[i], &pvh);
        }
        if (r < 0)
                return r;
        /* Where Linux's own 64-bit entry is known to be at e_entry (an image that berth unpacked, or an ET_EXEC
         * vmlinux) it is the shorter way; PVH is for the others. */
        image->protocol = pvh && header.e_type == ET_DYN ? IMAGE_PVH : IMAGE_LINUX64;
        image->entry = image->protocol == IMAGE_PVH ? pvh : header.e_entry;
        if (image->entry < image->start || image->entry >= image->end)
                return refuse(ENOEXEC, "kernel %s: its entry point lies outside of what is loaded", file->name);
        image->initrd_max = INITRD_MAX_DEFAULT;
        image->cmdline_max = CMDLINE_MAX_DEFAULT;
        return 0;
}

/* ---- bzImage ---- */

static uint16_t get16(const uint8_t *at)
{
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return value;
}

static uint32_t get32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return value;
}

static uint64_t get64(const uint8_t *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return value;
}

static int check_setup(const struct file *file, const uint8_t *setup)
{
        if (get16(setup + SETUP_VERSION) < VERSION_2_12 || !(get16(setup + SETUP_XLOADFLAGS) & XLF_KERNEL_64) ||
            !(setup[SETUP_LOADFLAGS] & LOADFLAG_HIGH))
                return refuse(ENOEXEC, "kernel %s: a bzImage without a 64-bit entry (boot protocol %u.%02u)",
                              file->name, setup[SETUP_VERSION + 1], setup[SETUP_VERSION]);
        return 0;
}

static int load_bzimage(const struct file *file, const uint8_t *setup, struct image *image)
{
        uint64_t sectors = setup[SETUP_SECTORS] ? setup[SETUP_SECTORS] : 4;
        uint64_t offset = (sectors + 1) * 512, size, init_size;
        uint8_t *to;
        int r = check_setup(file, setup);

        if (r < 0)
                return r;
        if (offset >= file->size || file->size - offset <= ENTRY_64)
                return refuse(ENOEXEC, "kernel %s: a bzImage without a kernel in it", file->name);
        size = file->size - offset;
        image->start = get64(setup + SETUP_PREF_ADDRESS);
        init_size = get32(setup + SETUP_INIT_SIZE);
        if (init_size < size)
                init_size = size;
        if (image->start < LAYOUT_HIGH || image->start > UINT32_MAX)
                return refuse(ENOEXEC, "kernel %s: a bzImage with an impossible preferred address", file->name);
        image->end = image->start + init_size;
        to = guest_span(file->loader->memory, image->start, init_size);
        if (!to)
                return too_small(file, image->end);
        image->protocol = IMAGE_LINUX64;
        image->entry = image->start + ENTRY_64;
        image->initrd_max = get32(setup + SETUP_INITRD_MAX);
        image->cmdline_max = get32(setup + SETUP_CMDLINE_SIZE);
        image->has_header = true;
        memcpy(image->header, setup + SETUP_START, sizeof(image->header));
        /* The header says itself where it ends: the byte after its jump instruction is the distance. */
        if (SETUP_JUMP + 2U + setup[SETUP_JUMP + 1] < SETUP_HEADER_END) {
                size_t used = SETUP_JUMP + 2U + setup[SETUP_JUMP + 1] - SETUP_START;

                memset(image->header + used, 0, sizeof(image->header) - used);
        }
        return add_part(file, offset, to, size, false);
}

int image_load(int fd, const char *name, struct loader *loader, struct image *image)
{
        struct file file = {.fd = fd, .name = name, .loader = loader};
        uint8_t head[SETUP_HEADER_END];
        struct stat st;
        int r;

        *image = (struct image){0};
        if (fstat(fd, &st) < 0)
                return fail(errno, "kernel %s", name);
        if (!S_ISREG(st.st_mode))
                return refuse(ENOEXEC, "kernel %s: not a regular file", name);
        file.size = (uint64_t)st.st_size;
        if (file.size < sizeof(head))
                return refuse(ENOEXEC, "kernel %s: not a kernel (%llu bytes)", name, (unsigned long long)file.size);
        r = read_at(&file, 0, head, sizeof(head));
        if (r < 0)
                return r;
        if (memcmp(head, ELFMAG, SELFMAG) == 0)
                return load_elf(&file, image);
        if (memcmp(head + SETUP_MAGIC, "HdrS", 4) == 0 && get16(head + SETUP_BOOT_FLAG) == 0xaa55)
                return load_bzimage(&file, head, image);
        return refuse(ENOEXEC, "kernel %s: neither a bzImage nor an ELF file", name);
}

int image_load_initrd(int fd, const char *name, struct loader *loader, const struct image *image, uint64_t *address,
                      uint64_t *size)
{
        const struct guest_memory *memory = loader->memory;
        struct file file = {.fd = fd, .name = name, .loader = loader};
        uint64_t end = memory->n ? memory->v[0].address + memory->v[0].size : 0;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(errno, "initrd %s", name);
        file.size = *size = (uint64_t)st.st_size;
        if (!S_ISREG(st.st_mode) || *size == 0)
                return refuse(EINVAL, "initrd %s: not a regular file with something in it", name);
        if (end > image->initrd_max + 1)
                end = image->initrd_max + 1;
        if (*size > end || (*address = (end - *size) & ~(GUEST_PAGE - 1)) < image->end || *address > end - *size)
                return refuse(ENOSPC, "initrd %s: its %llu MiB do not fit behind the kernel into %llu MiB of memory",
                              name, (unsigned long long)(*size >> 20) + 1, (unsigned long long)(memory->size >> 20));
        return add_part(&file, 0, guest_span(memory, *address, *size), *size, false);
}
