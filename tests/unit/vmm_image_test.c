/* Kernel images: what a good one becomes in memory, and that a bad one is refused and nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/image.h"

#include <cmocka.h>

#define MEMORY (64ULL << 20)
#define TEXT   0x1000000ULL /* where it is loaded */

static struct guest_memory memory;
static struct image image;
static struct loader loader;
static int file;

/* An ELF file: header, two segments, sections for the first. */
static struct elf {
        Elf64_Ehdr header;
        Elf64_Phdr segments[3];
        Elf64_Shdr sections[4];
        char names[32];
} elf;

#define TEXT_OFFSET 0x1000
#define TEXT_SIZE   0x3000
#define DATA_OFFSET 0x4000
#define DATA_SIZE   0x800

static void make_elf(void)
{
        elf = (struct elf){
                .header = {.e_type = ET_EXEC,
                           .e_machine = EM_X86_64,
                           .e_entry = TEXT,
                           .e_phoff = offsetof(struct elf, segments),
                           .e_phentsize = sizeof(Elf64_Phdr),
                           .e_phnum = 2,
                           .e_shoff = offsetof(struct elf, sections),
                           .e_shentsize = sizeof(Elf64_Shdr),
                           .e_shnum = 3,
                           .e_shstrndx = 2},
                .segments = {{.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_X,
                              .p_offset = TEXT_OFFSET,
                              .p_paddr = TEXT,
                              .p_filesz = TEXT_SIZE,
                              .p_memsz = TEXT_SIZE},
                             {.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_W,
                              .p_offset = DATA_OFFSET,
                              .p_paddr = TEXT + 0x10000,
                              .p_filesz = DATA_SIZE,
                              .p_memsz = 0x8000}},
                /* One and a half pages at the start: one whole page. */
                .sections = {{0},
                             {.sh_name = 1,
                              .sh_type = SHT_PROGBITS,
                              .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                              .sh_offset = TEXT_OFFSET,
                              .sh_size = 0x1800},
                             {.sh_type = SHT_STRTAB,
                              .sh_offset = offsetof(struct elf, names),
                              .sh_size = sizeof(elf.names)}},
                .names = "\0.rodata",
        };
        memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
        elf.header.e_ident[EI_CLASS] = ELFCLASS64;
        elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
}

static void write_file(size_t size)
{
        uint8_t page[4096];

        assert_int_equal(ftruncate(file, 0), 0);
        for (unsigned i = 1; i < 5; i++) {
                memset(page, 'a' + (int)i, sizeof(page));
                assert_int_equal(pwrite(file, page, sizeof(page), i * 4096), sizeof(page));
        }
        assert_int_equal(pwrite(file, &elf, sizeof(elf), 0), sizeof(elf));
        assert_int_equal(ftruncate(file, (off_t)size), 0);
}

static int loaded(int r)
{
        if (r == 0)
                r = loader_begin(&loader);
        return r == 0 ? loader_end(&loader) : r;
}

static int load_file(void)
{
        loader = (struct loader){.memory = &memory};
        return loaded(image_load(file, "image", &loader, &image));
}

static int load_initrd(uint64_t *address, uint64_t *size)
{
        loader = (struct loader){.memory = &memory};
        return loaded(image_load_initrd(file, "initrd", &loader, &image, address, size));
}

static int load(size_t size)
{
        write_file(size);
        error_clear();
        return load_file();
}

static int begin(void **state)
{
        (void)state;
        file = memfd_create("kernel", MFD_CLOEXEC);
        make_elf();
        return guest_memory_make(&memory, MEMORY);
}

static int end(void **state)
{
        (void)state;
        close(file);
        guest_memory_free(&memory);
        return 0;
}

static uint8_t byte_at(uint64_t address)
{
        return *(uint8_t *)guest_span(&memory, address, 1);
}

/* What a process that maps the memory file sees. */
static uint8_t shared_byte_at(uint64_t address)
{
        uint8_t byte;

        assert_int_equal(pread(memory.fd, &byte, 1, (off_t)address), 1);
        return byte;
}

static void an_elf_file_lies_where_it_says(void **state)
{
        (void)state;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(image.protocol, IMAGE_LINUX64);
        assert_int_equal(image.entry, TEXT);
        assert_int_equal(image.start, TEXT);
        assert_int_equal(image.end, TEXT + 0x18000);
        for (unsigned page = 0; page < 3; page++)
                assert_int_equal(byte_at(TEXT + page * 4096), 'b' + (int)page);
        assert_int_equal(byte_at(TEXT + 0x10000 + DATA_SIZE - 1), 'e');
        assert_int_equal(byte_at(TEXT + 0x10000 + DATA_SIZE), 0);
}

static void only_kept_pages_are_not_in_the_shared_memory(void **state)
{
        (void)state;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(shared_byte_at(TEXT), 0);
        /* The half page at the end of .rodata, and what is behind it, changes hands. */
        assert_int_equal(shared_byte_at(TEXT + 0x1000), 'c');
        assert_int_equal(shared_byte_at(TEXT + 0x2000), 'd');
        assert_int_equal(shared_byte_at(TEXT + 0x10000), 'e');
}

static void without_sections_everything_is_read(void **state)
{
        (void)state;
        elf.header.e_shnum = 0;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(shared_byte_at(TEXT), 'b');
        make_elf();
        elf.header.e_shoff = UINT64_MAX - 8;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(shared_byte_at(TEXT), 'b');
        make_elf();
        elf.sections[1].sh_offset = UINT64_MAX - 0x1000;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(shared_byte_at(TEXT), 'b');
        make_elf();
        elf.sections[1].sh_name = UINT32_MAX;
        assert_int_equal(load(0x5000), 0);
        assert_int_equal(shared_byte_at(TEXT), 'b');
}

static void assert_refused(size_t size, const char *why)
{
        int r = load(size);

        assert_true(r == -ENOEXEC || r == -ENOSPC);
        if (!strstr(error_message(), why))
                fail_msg("'%s' does not say '%s'", error_message(), why);
        make_elf();
}

static void a_bad_elf_file_is_refused_by_its_fault(void **state)
{
        (void)state;
        assert_refused(0x4400, "outside of the file");
        assert_refused(700, "outside of the file");
        assert_refused(100, "not a kernel");
        elf.header.e_machine = EM_AARCH64;
        assert_refused(0x5000, "not for x86-64");
        elf.header.e_type = ET_REL;
        assert_refused(0x5000, "not an executable one");
        elf.header.e_phnum = 0;
        assert_refused(0x5000, "program headers");
        elf.header.e_phnum = UINT16_MAX;
        assert_refused(0x5000, "program headers");
        elf.header.e_phoff = UINT64_MAX;
        assert_refused(0x5000, "ends before");
        elf.segments[0].p_paddr = 0x8000;
        assert_refused(0x5000, "below 1 MiB");
        elf.segments[0].p_paddr = MEMORY - 0x1000;
        assert_refused(0x5000, "takes the memory up to");
        elf.segments[0].p_paddr = UINT64_MAX - 0x1000;
        assert_refused(0x5000, "outside of the file");
        elf.segments[0].p_memsz = 1;
        assert_refused(0x5000, "outside of the file");
        elf.segments[0].p_offset = UINT64_MAX;
        assert_refused(0x5000, "outside of the file");
        elf.header.e_entry = 0x200000;
        assert_refused(0x5000, "entry point");
        elf.segments[1].p_type = PT_INTERP;
        assert_refused(0x5000, "a program, not a kernel");
}

static void a_note_with_a_pvh_entry_is_followed(void **state)
{
        static const struct {
                Elf64_Nhdr head;
                char name[4];
                uint32_t entry;
        } note = {{4, 4, 18}, "Xen", TEXT + 0x2000};

        (void)state;
        elf.header.e_type = ET_DYN;
        elf.header.e_phnum = 3;
        elf.segments[2] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 0x4800, .p_filesz = sizeof(note)};
        write_file(0x5000);
        assert_int_equal(pwrite(file, &note, sizeof(note), 0x4800), sizeof(note));
        assert_int_equal(load_file(), 0);
        assert_int_equal(image.protocol, IMAGE_PVH);
        assert_int_equal(image.entry, TEXT + 0x2000);
}

/* ---- the loader ---- */

static void nothing_is_read_before_the_loader_begins(void **state)
{
        (void)state;
        write_file(0x5000);
        loader = (struct loader){.memory = &memory};
        assert_int_equal(image_load(file, "image", &loader, &image), 0);
        assert_int_equal(byte_at(TEXT + 0x10000), 0);
        assert_int_equal(pwrite(file, "late", 4, DATA_OFFSET), 4);
        assert_int_equal(loader_begin(&loader), 0);
        assert_int_equal(loader_end(&loader), 0);
        assert_int_equal(byte_at(TEXT + 0x10000), 'l');
}

static void a_file_that_becomes_shorter_meanwhile_is_an_error_that_names_it(void **state)
{
        (void)state;
        write_file(0x5000);
        loader = (struct loader){.memory = &memory};
        assert_int_equal(image_load(file, "image", &loader, &image), 0);
        assert_int_equal(ftruncate(file, 0x1000), 0);
        assert_int_equal(loader_begin(&loader), 0);
        assert_int_equal(loader_end(&loader), -ENOEXEC);
        assert_string_equal(error_message(), "kernel image: it became shorter while it was read");
}

static void a_kernel_of_too_many_parts_is_refused(void **state)
{
        (void)state;
        write_file(0x5000);
        loader = (struct loader){.memory = &memory, .n = LOADER_PARTS_MAX - 1};
        assert_int_equal(image_load(file, "image", &loader, &image), -ENOEXEC);
        assert_string_equal(error_message(), "kernel image: it has too many parts");
        assert_int_equal(loader.n, LOADER_PARTS_MAX);
}

static void a_loader_is_waited_for_as_often_as_one_likes(void **state)
{
        (void)state;
        loader = (struct loader){.memory = &memory};
        loader_wait(&loader);
        assert_int_equal(loader_end(&loader), 0);
        assert_int_equal(loader_begin(&loader), 0);
        loader_wait(&loader);
        loader_wait(&loader);
        assert_int_equal(loader_end(&loader), 0);
}

/* ---- bzImage ---- */

static uint8_t bzimage[0x3000];

static void put(size_t at, uint64_t value, size_t bytes)
{
        memcpy(bzimage + at, &value, bytes);
}

static void make_bzimage(void)
{
        memset(bzimage, 0, sizeof(bzimage));
        put(0x1f1, 1, 1);
        put(0x1fe, 0xaa55, 2);
        put(0x200, 0x66eb, 2);
        memcpy(bzimage + 0x202, "HdrS", 4);
        put(0x206, 0x20f, 2);
        put(0x211, 1, 1);
        put(0x22c, 0x7fffffff, 4);
        put(0x236, 1, 2);
        put(0x238, 2047, 4);
        put(0x258, TEXT, 8);
        put(0x260, 0x100000, 4);
        memset(bzimage + 0x400, 'k', sizeof(bzimage) - 0x400);
}

static int load_bzimage(size_t size)
{
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, bzimage, size, 0), size);
        make_bzimage();
        return load_file();
}

static void a_bzimage_s_kernel_lies_at_its_preferred_address(void **state)
{
        (void)state;
        make_bzimage();
        assert_int_equal(load_bzimage(sizeof(bzimage)), 0);
        assert_int_equal(image.entry, TEXT + 0x200);
        assert_int_equal(image.end, TEXT + 0x100000);
        assert_int_equal(image.cmdline_max, 2047);
        assert_true(image.has_header);
        assert_int_equal(byte_at(TEXT), 'k');
        assert_int_equal(byte_at(TEXT + sizeof(bzimage) - 0x400), 0);
}

static void a_bad_bzimage_is_refused(void **state)
{
        (void)state;
        make_bzimage();
        put(0x206, 0x20b, 2);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        put(0x236, 0, 2);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        put(0x1f1, 0xff, 1);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        put(0x258, 0x8000, 8);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        put(0x258, UINT64_MAX - 1, 8);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        put(0x260, UINT32_MAX, 4);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOSPC);
        memcpy(bzimage + 0x202, "Hdrs", 4);
        assert_int_equal(load_bzimage(sizeof(bzimage)), -ENOEXEC);
        assert_int_equal(load_bzimage(0x300), -ENOEXEC);
}

/* ---- initrd ---- */

static void an_initrd_lies_as_high_as_it_may(void **state)
{
        uint64_t address, size;

        (void)state;
        image = (struct image){.end = 40ULL << 20, .initrd_max = 0x7fffffff};
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, "initrd", 6, 0), 6);
        assert_int_equal(load_initrd(&address, &size), 0);
        assert_int_equal(address, MEMORY - 4096);
        assert_int_equal(size, 6);
        assert_memory_equal(guest_span(&memory, address, 6), "initrd", 6);
        image.initrd_max = (48ULL << 20) - 1;
        assert_int_equal(load_initrd(&address, &size), 0);
        assert_int_equal(address, (48ULL << 20) - 4096);
}

static void an_initrd_without_room_is_refused(void **state)
{
        uint64_t address, size;

        (void)state;
        image = (struct image){.end = 63ULL << 20, .initrd_max = 0x7fffffff};
        assert_int_equal(ftruncate(file, 2 << 20), 0);
        assert_int_equal(load_initrd(&address, &size), -ENOSPC);
        assert_int_equal(ftruncate(file, 1LL << 40), 0);
        assert_int_equal(load_initrd(&address, &size), -ENOSPC);
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(load_initrd(&address, &size), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_elf_file_lies_where_it_says),
                TEST(only_kept_pages_are_not_in_the_shared_memory),
                TEST(without_sections_everything_is_read),
                TEST(a_bad_elf_file_is_refused_by_its_fault),
                TEST(a_note_with_a_pvh_entry_is_followed),
                TEST(a_bzimage_s_kernel_lies_at_its_preferred_address),
                TEST(a_bad_bzimage_is_refused),
                TEST(nothing_is_read_before_the_loader_begins),
                TEST(a_file_that_becomes_shorter_meanwhile_is_an_error_that_names_it),
                TEST(a_kernel_of_too_many_parts_is_refused),
                TEST(a_loader_is_waited_for_as_often_as_one_likes),
                TEST(an_initrd_lies_as_high_as_it_may),
                TEST(an_initrd_without_room_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
