/* What goes into the guest's initrd: archives and the order of modules. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/image/cpio.h"
#include "vmmode/image/modules.h"

#include <cmocka.h>

/* ---- archives ---- */

static uint32_t field(const uint8_t *header, int number)
{
        char digits[9] = {0};

        memcpy(digits, header + 6 + number * 8, 8);
        return (uint32_t)strtoul(digits, NULL, 16);
}

/* Reads one entry as the kernel does (init/initramfs.c); returns where the next one starts. */
static size_t read_entry(const struct cpio *cpio, size_t at, const char *name, uint32_t mode, const char *content)
{
        const uint8_t *header = cpio->data + at;
        uint32_t size, name_size;

        assert_true(at % 4 == 0 && cpio->size - at >= 110);
        assert_memory_equal(header, "070701", 6);
        size = field(header, 6);
        name_size = field(header, 11);
        assert_string_equal((const char *)header + 110, name);
        assert_int_equal(name_size, strlen(name) + 1);
        assert_int_equal(field(header, 1), mode);
        at = (at + 110 + name_size + 3) & ~(size_t)3;
        assert_int_equal(size, strlen(content));
        assert_memory_equal(cpio->data + at, content, size);
        return (at + size + 3) & ~(size_t)3;
}

static void an_archive_is_what_the_kernel_reads(void **state)
{
        _cleanup_cpio_ struct cpio cpio = {0};
        size_t at = 0;

        (void)state;
        assert_int_equal(cpio_add_directory(&cpio, "modules", 0755), 0);
        assert_int_equal(cpio_add_file(&cpio, "init", 0755, "program", 7), 0);
        assert_int_equal(cpio_add_file(&cpio, "modules/a", 0644, "", 0), 0);
        assert_int_equal(cpio_finish(&cpio), 0);
        at = read_entry(&cpio, at, "modules", 0040755, "");
        at = read_entry(&cpio, at, "init", 0100755, "program");
        at = read_entry(&cpio, at, "modules/a", 0100644, "");
        at = read_entry(&cpio, at, "TRAILER!!!", 0, "");
        assert_int_equal(cpio.size % 512, 0);
        for (; at < cpio.size; at++)
                assert_int_equal(cpio.data[at], 0);
}

static void every_entry_has_an_inode_of_its_own(void **state)
{
        _cleanup_cpio_ struct cpio cpio = {0};

        (void)state;
        /* Two files with one inode would be hard links to the kernel. */
        assert_int_equal(cpio_add_file(&cpio, "a", 0644, "1", 1), 0);
        assert_int_equal(cpio_add_file(&cpio, "b", 0644, "2", 1), 0);
        assert_int_not_equal(field(cpio.data, 0), field(cpio.data + 116, 0));
        assert_int_equal(field(cpio.data, 4), 1);
}

static void names_that_an_archive_cannot_hold_are_refused(void **state)
{
        _cleanup_cpio_ struct cpio cpio = {0};
        char longest[5000];

        (void)state;
        memset(longest, 'a', sizeof(longest));
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(cpio_add_file(&cpio, "", 0644, "", 0), -EINVAL);
        assert_int_equal(cpio_add_file(&cpio, "/etc/passwd", 0644, "", 0), -EINVAL);
        assert_int_equal(cpio_add_file(&cpio, longest, 0644, "", 0), -EINVAL);
        assert_int_equal(cpio.size, 0);
}

/* ---- modules ---- */

static const char dep[] = "kernel/fs/fuse/fuse.ko:\n"
                          "kernel/fs/fuse/virtiofs.ko.xz: kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko "
                          "kernel/fs/fuse/fuse.ko\n"
                          "kernel/virtio/virtio_pci.ko: kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko\n"
                          "kernel/virtio/virtio.ko: kernel/virtio/virtio_ring.ko\n"
                          "kernel/virtio/virtio_ring.ko:\n"
                          "kernel/net/virtio_net.ko: kernel/net/net_failover.ko kernel/net/failover.ko "
                          "kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko\n"
                          "kernel/hw/virtio-rng.ko.zst: kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko\n";

static int choose(const char *text, const char *builtin, const struct module_wish *wishes, size_t n,
                  struct module_list *list, char order[512])
{
        struct arena arena = {0};
        int r = modules_choose("6.1-test", text, builtin, wishes, n, &arena, list);

        order[0] = '\0';
        for (size_t i = 0; r == 0 && i < list->n; i++) {
                strcat(order, list->v[i].late ? " late:" : " ");
                strcat(order, list->v[i].name);
        }
        arena_free(&arena);
        return r;
}

static void what_a_module_needs_is_loaded_before_it_and_once(void **state)
{
        static const struct module_wish wishes[] = {
                {"virtio_pci", false, true}, {"virtiofs", false, true}, {"virtio_rng", false, false}};
        struct module_list list;
        char order[512];

        (void)state;
        assert_int_equal(choose(dep, "", wishes, ELEMENTS(wishes), &list, order), 0);
        assert_string_equal(order, " virtio_ring virtio virtio_pci fuse virtiofs virtio_rng");
}

static void what_is_loaded_late_takes_along_what_nobody_else_has_loaded(void **state)
{
        static const struct module_wish wishes[] = {{"virtio_pci", false, true}, {"virtio_net", true, false}};
        struct module_list list;
        char order[512];

        (void)state;
        assert_int_equal(choose(dep, "", wishes, ELEMENTS(wishes), &list, order), 0);
        assert_string_equal(order, " virtio_ring virtio virtio_pci late:failover late:net_failover late:virtio_net");
}

static void what_is_built_in_is_left_out(void **state)
{
        static const struct module_wish wishes[] = {{"virtio_pci", false, true}, {"virtiofs", false, true}};
        struct module_list list;
        char order[512];

        (void)state;
        assert_int_equal(choose("", "kernel/a/virtio-pci.ko\nkernel/b/virtiofs.ko\n", wishes, 2, &list, order), 0);
        assert_string_equal(order, "");
        assert_int_equal(choose("", "kernel/a/virtio_pci.ko\nkernel/b/virtiofs.ko", wishes, 2, &list, order), 0);
}

static void a_required_module_that_is_nowhere_is_named_with_the_release(void **state)
{
        static const struct module_wish wishes[] = {{"vsock", false, false}, {"vmw_vsock", false, true}};
        struct module_list list;
        char order[512];

        (void)state;
        assert_int_equal(choose(dep, "kernel/net/vmw_vsock_more.ko\n", wishes, 2, &list, order), -ENOENT);
        assert_non_null(strstr(error_message(), "kernel 6.1-test has no vmw_vsock"));
        error_clear();
}

static void a_list_that_makes_no_sense_is_refused(void **state)
{
        static const struct module_wish wishes[] = {{"a", false, true}};
        static const char *const bad[] = {
                "kernel/a.ko\n",          "kernel/a.ko: /etc/passwd\n",  "kernel/a.ko: /x/b.ko\n",
                "kernel/a.ko: ../b.ko\n", "kernel/a.ko: x/../../b.ko\n", "../a.ko:\n",
        };
        struct module_list list;
        char order[512];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                if (choose(bad[i], "", wishes, 1, &list, order) != -EINVAL)
                        fail_msg("taken: %s", bad[i]);
                assert_true(error_message()[0]);
                error_clear();
        }
}

static void more_modules_than_a_guest_could_need_are_refused(void **state)
{
        static const struct module_wish wishes[] = {{"a", false, true}};
        char text[8192] = "kernel/a.ko:";
        struct module_list list;
        char order[512];

        (void)state;
        for (int i = 0; i <= MODULES_MAX; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), " kernel/b%d.ko", i);
        assert_int_equal(choose(text, "", wishes, 1, &list, order), -E2BIG);
        error_clear();
}

static void a_module_says_which_release_it_is_for(void **state)
{
        static const char module[] = "\177ELF\0license=GPL\0vermagic=6.1.0-7-test SMP preempt mod_unload \0x";
        char release[65];

        (void)state;
        assert_int_equal(module_release(module, sizeof(module), release, sizeof(release)), 0);
        assert_string_equal(release, "6.1.0-7-test");
        assert_int_equal(module_release(module, 29, release, sizeof(release)), 0);
        assert_string_equal(release, "6.1");
        assert_int_equal(module_release(module, 20, release, sizeof(release)), -ENOENT);
        assert_int_equal(module_release(module, sizeof(module), release, 4), 0);
        assert_string_equal(release, "6.1");
}

static void the_guests_own_list_loads_late_what_is_late(void **state)
{
        bool late = false;

        (void)state;
        for (size_t i = 0; i < n_guest_modules; i++) {
                assert_false(late && !guest_modules[i].late);
                assert_null(strchr(guest_modules[i].name, '-'));
                late = guest_modules[i].late;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_archive_is_what_the_kernel_reads),
                cmocka_unit_test(every_entry_has_an_inode_of_its_own),
                cmocka_unit_test(names_that_an_archive_cannot_hold_are_refused),
                cmocka_unit_test(what_a_module_needs_is_loaded_before_it_and_once),
                cmocka_unit_test(what_is_loaded_late_takes_along_what_nobody_else_has_loaded),
                cmocka_unit_test(what_is_built_in_is_left_out),
                cmocka_unit_test(a_required_module_that_is_nowhere_is_named_with_the_release),
                cmocka_unit_test(a_list_that_makes_no_sense_is_refused),
                cmocka_unit_test(more_modules_than_a_guest_could_need_are_refused),
                cmocka_unit_test(a_module_says_which_release_it_is_for),
                cmocka_unit_test(the_guests_own_list_loads_late_what_is_late),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
