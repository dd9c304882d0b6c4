#include "vmmode/image/vmlinux.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

#define SEGMENTS_MAX     64
#define PHYS32_ENTRY     18 /* XEN_ELFNOTE_PHYS32_ENTRY, xen/include/public/elfnote.h */
#define LINUX_VERSION    "Linux version "
#define ALIGN_NOTE(size) (((size) + 3U) & ~(size_t)3U)

struct elf {
        const char *name;
        const uint8_t *data;
        size_t size, used;
        bool entry_is_loaded, has_pvh;
};

bool vmlinux_is(const uint8_t *data, size_t size)
{
        return size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static bool notes_have_pvh(const uint8_t *notes, size_t size)
{
        Elf64_Nhdr note;

        for (size_t at = 0; size - at >= sizeof(note);) {
                size_t name = at + sizeof(note), description;

                memcpy(&note, notes + at, sizeof(note));
                if (note.n_namesz > size - name)
                        return false;
                description = name + ALIGN_NOTE(note.n_namesz);
                if (description > size || note.n_descsz > size - description)
                        return false;
                if (note.n_type == PHYS32_ENTRY && note.n_namesz == 4 && memcmp(notes + name, "Xen", 4) == 0)
                        return note.n_descsz >= 4;
                at = description + ALIGN_NOTE(note.n_descsz);
                if (at > size)
                        return false;
        }
        return false;
}

static int check_header(const char *name, const Elf64_Ehdr *header)
{
        if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
            header->e_machine != EM_X86_64)
                return refuse(ENOEXEC, "kernel %s: an ELF file, but not for x86-64", name);
        if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
                return refuse(ENOEXEC, "kernel %s: an ELF file, but not an executable one", name);
        if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum > SEGMENTS_MAX)
                return refuse(ENOEXEC, "kernel %s: damaged: its program headers make no sense", name);
        return 0;
}

static int check_segment(struct elf *elf, const Elf64_Ehdr *header, const Elf64_Phdr *segment)
{
        if (segment->p_type != PT_LOAD && segment->p_type != PT_NOTE)
                return 0;
        if (segment->p_offset > elf->size || segment->p_filesz > elf->size - segment->p_offset)
                return refuse(ENOEXEC, "kernel %s: damaged or cut off: a segment lies outside of the file", elf->name);
        if (segment->p_offset + segment->p_filesz > elf->used)
                elf->used = segment->p_offset + segment->p_filesz;
        if (segment->p_type == PT_NOTE && notes_have_pvh(elf->data + segment->p_offset, segment->p_filesz))
                elf->has_pvh = true;
        if (segment->p_type == PT_LOAD && header->e_entry >= segment->p_paddr &&
            header->e_entry - segment->p_paddr < segment->p_filesz)
                elf->entry_is_loaded = true;
        return 0;
}

static size_t end_of(const struct elf *elf, uint64_t offset, uint64_t size)
{
        return offset <= elf->size && size <= elf->size - offset ? (size_t)(offset + size) : 0;
}

/* The table of sections and their names, by which a loader knows the pages that it need not copy. A kernel without is
 * as good. */
static void keep_sections(struct elf *elf, const Elf64_Ehdr *header)
{
        size_t table = end_of(elf, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr)), names;
        Elf64_Shdr strings;

        if (header->e_shentsize != sizeof(strings) || header->e_shstrndx >= header->e_shnum || table == 0)
                return;
        memcpy(&strings, elf->data + header->e_shoff + header->e_shstrndx * sizeof(strings), sizeof(strings));
        names = end_of(elf, strings.sh_offset, strings.sh_size);
        if (names == 0)
                return;
        if (table > elf->used)
                elf->used = table;
        if (names > elf->used)
                elf->used = names;
}

int vmlinux_check(const char *name, const uint8_t *data, size_t size, size_t *used)
{
        struct elf elf = {.name = name, .data = data, .size = size};
        char release[KERNEL_RELEASE_MAX];
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        int r;

        if (!vmlinux_is(data, size) || size < sizeof(header))
                return refuse(ENOEXEC, "kernel %s: not an ELF file", name);
        memcpy(&header, data, sizeof(header));
        r = check_header(name, &header);
        if (r < 0)
                return r;
        if (header.e_phoff > size || header.e_phnum * sizeof(segment) > size - header.e_phoff)
                return refuse(ENOEXEC, "kernel %s: damaged or cut off: no program headers in the file", name);
        elf.used = header.e_phoff + header.e_phnum * sizeof(segment);
        for (size_t i = 0; i < header.e_phnum && r == 0; i++) {
                memcpy(&segment, data + header.e_phoff + i * sizeof(segment), sizeof(segment));
                r = check_segment(&elf, &header, &segment);
        }
        if (r < 0)
                return r;
        keep_sections(&elf, &header);
        /* At a fixed place, a Linux has its 64-bit entry at e_entry; anything else must say where its PVH entry is. */
        if (!elf.has_pvh &&
            (header.e_type != ET_EXEC || !elf.entry_is_loaded || vmlinux_release(data, size, release) < 0))
                return refuse(ENOEXEC,
                              "kernel %s: an ELF file with neither a PVH entry nor Linux's own 64-bit entry (a kernel "
                              "needs CONFIG_PVH or must be Linux)",
                              name);
        *used = elf.used;
        return 0;
}

int vmlinux_release(const uint8_t *data, size_t size, char release[KERNEL_RELEASE_MAX])
{
        const size_t length = sizeof(LINUX_VERSION) - 1;
        const uint8_t *end = data + size, *at = data;

        while ((at = memmem(at, (size_t)(end - at), LINUX_VERSION, length))) {
                at += length;
                /* The same text is a format string elsewhere: "Linux version %s". */
                if (at < end && *at >= '0' && *at <= '9' &&
                    kernel_release_parse((const char *)at, (size_t)(end - at), release) == 0)
                        return 0;
        }
        return -ENOENT;
}
