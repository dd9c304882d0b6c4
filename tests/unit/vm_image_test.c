/* How berth comes by a machine's kernel and initrd: from the cache without starting anything, else by its helper. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tests/unit/image_tree.h"
#include "vmmode/host/image.h"

#include <cmocka.h>

struct fixture {
        struct image_tree tree;
        struct vm_config config;
        char maker[2 * TREE_PATH], called[2 * TREE_PATH];
};

static int set_up(void **state)
{
        static struct fixture fixture;

        umask(022);
        tree_make(&fixture.tree);
        vm_config_default(&fixture.config);
        fixture.config.kernel = fixture.tree.kernel;
        fixture.config.modules = fixture.tree.modules;
        fixture.config.cache = fixture.tree.cache;
        fixture.config.programs = fixture.tree.top;
        snprintf(fixture.maker, sizeof(fixture.maker), "%s/berth-kernel", fixture.tree.top);
        snprintf(fixture.called, sizeof(fixture.called), "%s/called", fixture.tree.top);
        *state = &fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        tree_remove(&fixture->tree);
        error_clear();
        return 0;
}

/* In place of berth-kernel: what it was asked goes to `called`, then the script. */
static void make_maker(const struct fixture *fixture, const char *script)
{
        char text[4 * TREE_PATH];
        int n = snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >>%s\n%s\n", fixture->called, script);

        tree_write(fixture->maker, text, (size_t)n);
        assert_int_equal(chmod(fixture->maker, 0755), 0);
}

static void what_the_cache_holds_is_opened_and_nothing_is_started(void **state)
{
        struct fixture *fixture = *state;
        struct image_source source;
        struct vm_image image;
        char path[PATH_MAX], magic[4];

        make_maker(fixture, "exit 1");
        assert_int_equal(tree_prepare(&fixture->tree, &source, path), 0);
        if (vm_image_find(&fixture->config, NULL, &image) < 0)
                fail_msg("%s", error_message());
        assert_string_equal(image.release, TEST_RELEASE);
        assert_int_equal(read(image.kernel, magic, 4), 4);
        assert_memory_equal(magic, "\177ELF", 4);
        assert_int_equal(read(image.initrd, magic, 4), 4);
        assert_memory_equal(magic, "0707", 4);
        assert_int_equal(access(fixture->called, F_OK), -1);
        vm_image_close(&image);
        assert_int_equal(image.kernel, -EBADF);
}

static void what_it_does_not_hold_is_made(void **state)
{
        struct fixture *fixture = *state;
        char script[4 * TREE_PATH], made[TREE_PATH + 8], expected[6 * TREE_PATH], asked[6 * TREE_PATH] = "";
        struct image_source source;
        struct vm_image image;
        char path[PATH_MAX];
        FILE *called;

        assert_int_equal(tree_prepare(&fixture->tree, &source, path), 0);
        snprintf(made, sizeof(made), "%s.made", fixture->tree.cache);
        assert_int_equal(rename(fixture->tree.cache, made), 0);
        snprintf(script, sizeof(script), "mv %s %s", made, fixture->tree.cache);
        make_maker(fixture, script);
        if (vm_image_find(&fixture->config, NULL, &image) < 0)
                fail_msg("%s", error_message());
        vm_image_close(&image);
        called = fopen(fixture->called, "re");
        assert_non_null(called);
        assert_non_null(fgets(asked, sizeof(asked), called));
        fclose(called);
        snprintf(expected, sizeof(expected), "prepare --cache %s --kernel %s --agent %s --modules %s\n",
                 fixture->tree.cache, fixture->tree.kernel, fixture->tree.agent, fixture->tree.modules);
        assert_string_equal(asked, expected);
}

static void refused(struct fixture *fixture, const char *kernel, int expected, const char *words)
{
        struct vm_image image;

        assert_int_equal(vm_image_find(&fixture->config, kernel, &image), -expected);
        if (!strstr(error_message(), words))
                fail_msg("\"%s\" says nothing of \"%s\"", error_message(), words);
        assert_int_equal(image.kernel, -EBADF);
        assert_int_equal(image.initrd, -EBADF);
        error_clear();
}

static void what_the_helper_says_is_the_error(void **state)
{
        struct fixture *fixture = *state;

        make_maker(fixture, "echo 'berth-kernel: module /m/virtiofs.ko: not a module' >&2; exit 1");
        refused(fixture, NULL, EIO, "module /m/virtiofs.ko: not a module");
        make_maker(fixture, "kill -9 $$");
        refused(fixture, NULL, EIO, "berth-kernel ended with status 137");
        make_maker(fixture, "exit 0");
        refused(fixture, NULL, ENOENT, "image cache ");
}

static void what_is_wrong_is_found_before_anything_is_started(void **state)
{
        struct fixture *fixture = *state;

        make_maker(fixture, "exit 1");
        refused(fixture, "/nonexistent/vmlinuz", ENOENT, "kernel /nonexistent/vmlinuz: No such file");
        refused(fixture, fixture->tree.agent, ENOEXEC, "which release of Linux");
        fixture->config.modules = "/nonexistent";
        refused(fixture, NULL, ENOENT, "/nonexistent/modules.dep");
        unlink(fixture->tree.agent);
        refused(fixture, NULL, ENOENT, "VM isolation: berth's helper program berth-agent is neither in ");
        assert_int_equal(access(fixture->called, F_OK), -1);
}

static void the_configured_modules_are_not_those_of_another_kernel(void **state)
{
        struct fixture *fixture = *state;
        char other[TREE_PATH + 16];

        make_maker(fixture, "exit 1");
        snprintf(other, sizeof(other), "%s.other", fixture->tree.kernel);
        assert_int_equal(link(fixture->tree.kernel, other), 0);
        refused(fixture, other, ENOENT, "/lib/modules/" TEST_RELEASE "/modules.dep");
        /* But where the configuration names no kernel, they are meant for whichever is used. */
        fixture->config.kernel = NULL;
        refused(fixture, other, EIO, "");
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_TREE(what_the_cache_holds_is_opened_and_nothing_is_started),
                WITH_TREE(what_it_does_not_hold_is_made),
                WITH_TREE(what_the_helper_says_is_the_error),
                WITH_TREE(what_is_wrong_is_found_before_anything_is_started),
                WITH_TREE(the_configured_modules_are_not_those_of_another_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
