/* From a kernel's file to what a virtual machine starts: bzImage, compressions, ELF. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tests/unit/image_support.h"
#include "vmmode/image/decompress.h"
#include "vmmode/image/kernel.h"
#include "vmmode/image/vmlinux.h"

#include <cmocka.h>

static const struct {
        const char *name;
        pack_function pack;
} compressions[] = {{"gzip", pack_gzip}, {"xz", pack_xz}, {"zstd", pack_zstd}, {"lz4", pack_lz4}, {"lzma", pack_lzma}};

static void refused(int r, int expected, const char *words)
{
        assert_int_equal(r, -expected);
        if (!strstr(error_message(), words))
                fail_msg("\"%s\" says nothing of \"%s\"", error_message(), words);
        error_clear();
}

/* The hand-made kernel, packed, after a change at one place. */
static int unpack_changed(pack_function pack, size_t at, uint32_t value, struct bytes *out)
{
        _cleanup_free_ uint8_t *image = NULL;
        struct test_elf elf;
        size_t size;

        make_elf(ELF_LINUX_PVH, &elf);
        size = make_bzimage(pack, &elf, sizeof(elf), &image);
        put16(image + at, value & 0xffff);
        put16(image + at + 2, value >> 16);
        return kernel_unpack("/k", image, size, out);
}

static void each_compression_gives_the_kernel_that_was_packed(void **state)
{
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX_PVH, &elf);
        for (size_t i = 0; i < ELEMENTS(compressions); i++) {
                _cleanup_free_ uint8_t *image = NULL;
                _cleanup_bytes_ struct bytes out = {0};
                size_t size = make_bzimage(compressions[i].pack, &elf, sizeof(elf), &image);

                if (kernel_unpack("/k", image, size, &out) < 0)
                        fail_msg("%s: %s", compressions[i].name, error_message());
                assert_int_equal(out.size, ELF_LOADED);
                assert_memory_equal(out.data, &elf, ELF_LOADED);
        }
}

static void a_byte_flipped_anywhere_in_the_payload_is_never_taken_for_the_kernel(void **state)
{
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX_PVH, &elf);
        for (size_t i = 0; i < ELEMENTS(compressions); i++) {
                _cleanup_free_ uint8_t *image = NULL;
                size_t size = make_bzimage(compressions[i].pack, &elf, sizeof(elf), &image);

                for (size_t at = BZ_SETUP + BZ_PAYLOAD; at < size; at += 13) {
                        _cleanup_bytes_ struct bytes out = {0};
                        int r;

                        image[at] ^= 0x55;
                        r = kernel_unpack("/k", image, size, &out);
                        /* Formats without a checksum cannot notice everything; what comes out is a whole ELF file. */
                        if (r == 0)
                                assert_true(out.size == ELF_LOADED && vmlinux_is(out.data, out.size));
                        else
                                assert_true(r == -ENOEXEC || r == -EFBIG);
                        assert_true(r == 0 || error_message()[0]);
                        error_clear();
                        image[at] ^= 0x55;
                }
        }
}

static void a_kernel_that_is_cut_off_is_refused(void **state)
{
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX_PVH, &elf);
        for (size_t i = 0; i < ELEMENTS(compressions); i++) {
                _cleanup_free_ uint8_t *image = NULL;
                size_t size = make_bzimage(compressions[i].pack, &elf, sizeof(elf), &image);

                for (size_t cut = 0; cut < size; cut += 101) {
                        _cleanup_free_ uint8_t *part = malloc(cut + 1);
                        _cleanup_bytes_ struct bytes out = {0};

                        memcpy(part, image, cut);
                        assert_int_equal(kernel_unpack("/k", part, cut, &out), -ENOEXEC);
                        assert_null(out.data);
                        error_clear();
                }
        }
}

static void a_payload_whose_compression_is_unknown_is_named_where_it_can_be(void **state)
{
        const size_t payload = BZ_SETUP + BZ_PAYLOAD;
        struct bytes out;

        (void)state;
        refused(unpack_changed(pack_zstd, payload, 0x39685a42, &out), ENOEXEC, "compressed with bzip2");
        refused(unpack_changed(pack_zstd, payload, 0x4f5a4c89, &out), ENOEXEC, "compressed with lzo");
        refused(unpack_changed(pack_zstd, payload, 0x12345678, &out), ENOEXEC, "not compressed with anything known");
}

static void headers_that_cannot_be_right_are_refused(void **state)
{
        struct bytes out;

        (void)state;
        refused(unpack_changed(pack_gzip, 0x248, 0xfffffff0, &out), ENOEXEC, "does not lie in the file");
        refused(unpack_changed(pack_gzip, 0x24c, 0xfffffff0, &out), ENOEXEC, "does not lie in the file");
        refused(unpack_changed(pack_gzip, 0x24c, 0, &out), ENOEXEC, "does not lie in the file");
        refused(unpack_changed(pack_gzip, 0x24c, 3, &out), ENOEXEC, "payload is empty");
        refused(unpack_changed(pack_gzip, 0x20e, 0xffff, &out), ENOEXEC, "version lies outside");
}

static void a_kernel_without_a_64_bit_entry_is_refused(void **state)
{
        struct bytes out;

        (void)state;
        refused(unpack_changed(pack_gzip, 0x236, 0, &out), ENOEXEC, "without a 64-bit entry");
        refused(unpack_changed(pack_gzip, 0x206, 0x0205, &out), ENOEXEC, "boot protocol 2.05");
}

static void a_kernel_that_is_larger_or_smaller_than_it_says_is_refused(void **state)
{
        _cleanup_free_ uint8_t *image = NULL;
        struct test_elf elf;
        struct bytes out;
        size_t size;

        (void)state;
        make_elf(ELF_LINUX_PVH, &elf);
        size = make_bzimage(pack_zstd, &elf, sizeof(elf), &image);
        put32(image + size - 4, ELF_SIZE - 1);
        refused(kernel_unpack("/k", image, size, &out), ENOEXEC, "not 10239");
        put32(image + size - 4, ELF_SIZE + 1);
        refused(kernel_unpack("/k", image, size, &out), ENOEXEC, "not 10241");
        put32(image + size - 4, 100);
        refused(kernel_unpack("/k", image, size, &out), EFBIG, "more than they should");
        put32(image + size - 4, 0xffffffff);
        refused(kernel_unpack("/k", image, size, &out), ENOEXEC, "claims to be");
}

static void what_is_no_kernel_is_refused(void **state)
{
        static const uint8_t text[] = "#!/bin/sh\necho this is not a kernel\n";
        struct bytes out;

        (void)state;
        refused(kernel_unpack("/etc/motd", text, sizeof(text), &out), ENOEXEC,
                "/etc/motd: no kernel: neither a bzImage nor an ELF file");
        refused(kernel_unpack("/empty", text, 0, &out), ENOEXEC, "no kernel");
}

/* ---- ELF ---- */

static int check(const struct test_elf *elf)
{
        size_t used;

        return vmlinux_check("/k", (const uint8_t *)elf, sizeof(*elf), &used);
}

static void an_elf_kernel_is_kept_as_far_as_it_is_loaded(void **state)
{
        struct test_elf elf;

        (void)state;
        for (enum elf_kind kind = ELF_LINUX; kind <= ELF_LINUX_PVH; kind++) {
                _cleanup_bytes_ struct bytes out = {0};

                make_elf(kind, &elf);
                assert_int_equal(kernel_unpack("/k", (const uint8_t *)&elf, sizeof(elf), &out), 0);
                assert_int_equal(out.size, ELF_LOADED);
        }
}

/* The names of the sections stand behind what is loaded, their table behind the names. */
static void add_sections(struct test_elf *elf)
{
        const Elf64_Shdr strings = {.sh_type = SHT_STRTAB, .sh_offset = ELF_LOADED + 0x10, .sh_size = 0x30};

        elf->header.e_shoff = ELF_LOADED + 0x80;
        elf->header.e_shentsize = sizeof(strings);
        elf->header.e_shnum = 3;
        elf->header.e_shstrndx = 1;
        memcpy((uint8_t *)elf + elf->header.e_shoff + sizeof(strings), &strings, sizeof(strings));
}

static size_t used_of(const struct test_elf *elf)
{
        size_t used = 0;

        assert_int_equal(vmlinux_check("/k", (const uint8_t *)elf, sizeof(*elf), &used), 0);
        return used;
}

static void the_table_of_sections_is_kept_when_it_makes_sense(void **state)
{
        const uint64_t beyond = UINT64_MAX - 8;
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX, &elf);
        add_sections(&elf);
        assert_int_equal(used_of(&elf), ELF_LOADED + 0x80 + 3 * sizeof(Elf64_Shdr));
        elf.header.e_shstrndx = 3;
        assert_int_equal(used_of(&elf), ELF_LOADED);
        add_sections(&elf);
        elf.header.e_shoff = beyond;
        assert_int_equal(used_of(&elf), ELF_LOADED);
        add_sections(&elf);
        elf.header.e_shnum = UINT16_MAX;
        assert_int_equal(used_of(&elf), ELF_LOADED);
        add_sections(&elf);
        elf.header.e_shentsize = 40;
        assert_int_equal(used_of(&elf), ELF_LOADED);
        add_sections(&elf);
        memcpy((uint8_t *)&elf + elf.header.e_shoff + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_offset), &beyond,
               sizeof(beyond));
        assert_int_equal(used_of(&elf), ELF_LOADED);
}

static void an_elf_file_that_no_machine_of_ours_starts_is_refused(void **state)
{
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX, &elf);
        elf.header.e_machine = EM_AARCH64;
        refused(check(&elf), ENOEXEC, "not for x86-64");
        make_elf(ELF_LINUX, &elf);
        elf.header.e_type = ET_REL;
        refused(check(&elf), ENOEXEC, "not an executable one");
        make_elf(ELF_LINUX, &elf);
        elf.header.e_type = ET_DYN;
        refused(check(&elf), ENOEXEC, "neither a PVH entry nor");
        make_elf(ELF_LINUX, &elf);
        elf.header.e_entry = 0x400000;
        refused(check(&elf), ENOEXEC, "neither a PVH entry nor");
        make_elf(ELF_LINUX, &elf);
        memset((uint8_t *)&elf + 0x1200, 0, sizeof(TEST_BANNER));
        refused(check(&elf), ENOEXEC, "neither a PVH entry nor");
}

static void a_damaged_elf_file_is_refused(void **state)
{
        struct test_elf elf;

        (void)state;
        make_elf(ELF_LINUX, &elf);
        elf.segments[0].p_filesz = ELF_SIZE;
        refused(check(&elf), ENOEXEC, "outside of the file");
        make_elf(ELF_LINUX, &elf);
        elf.segments[1].p_offset = UINT64_MAX - 4;
        refused(check(&elf), ENOEXEC, "outside of the file");
        make_elf(ELF_LINUX, &elf);
        elf.header.e_phoff = ELF_SIZE - 8;
        refused(check(&elf), ENOEXEC, "no program headers");
        make_elf(ELF_LINUX, &elf);
        elf.header.e_phnum = 1000;
        refused(check(&elf), ENOEXEC, "program headers make no sense");
}

static void the_release_is_the_banners_and_not_a_format_strings(void **state)
{
        static const char text[] = "Linux version %s (%s)\0Linux version 6.1.0-7-test (x)";
        char release[KERNEL_RELEASE_MAX];

        (void)state;
        assert_int_equal(vmlinux_release((const uint8_t *)text, sizeof(text), release), 0);
        assert_string_equal(release, TEST_RELEASE);
        assert_int_equal(vmlinux_release((const uint8_t *)text, 20, release), -ENOENT);
}

static void a_release_is_a_name_that_stays_in_its_directory(void **state)
{
        static const char *const bad[] = {"", "../etc", ".", "a/b", "6.1\t", "6.1;rm", "6.1\xff"};
        char release[KERNEL_RELEASE_MAX], longest[80];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(kernel_release_parse(bad[i], strlen(bad[i]), release), -ENOEXEC);
        memset(longest, '6', sizeof(longest));
        assert_int_equal(kernel_release_parse(longest, 64, release), 0);
        assert_int_equal(kernel_release_parse(longest, 65, release), -ENOEXEC);
        assert_int_equal(kernel_release_parse("6.12.1+deb12-cloud-amd64 (x)", 28, release), 0);
        assert_string_equal(release, "6.12.1+deb12-cloud-amd64");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_compression_gives_the_kernel_that_was_packed),
                cmocka_unit_test(a_byte_flipped_anywhere_in_the_payload_is_never_taken_for_the_kernel),
                cmocka_unit_test(a_kernel_that_is_cut_off_is_refused),
                cmocka_unit_test(a_payload_whose_compression_is_unknown_is_named_where_it_can_be),
                cmocka_unit_test(headers_that_cannot_be_right_are_refused),
                cmocka_unit_test(a_kernel_without_a_64_bit_entry_is_refused),
                cmocka_unit_test(a_kernel_that_is_larger_or_smaller_than_it_says_is_refused),
                cmocka_unit_test(what_is_no_kernel_is_refused),
                cmocka_unit_test(an_elf_kernel_is_kept_as_far_as_it_is_loaded),
                cmocka_unit_test(the_table_of_sections_is_kept_when_it_makes_sense),
                cmocka_unit_test(an_elf_file_that_no_machine_of_ours_starts_is_refused),
                cmocka_unit_test(a_damaged_elf_file_is_refused),
                cmocka_unit_test(the_release_is_the_banners_and_not_a_format_strings),
                cmocka_unit_test(a_release_is_a_name_that_stays_in_its_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
