/* The cache of images: entries appear whole, are found again, and go with what they were made from. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tests/unit/image_tree.h"

#include <cmocka.h>

struct fixture {
        struct image_tree tree;
        struct image_source source;
        char path[PATH_MAX], other[PATH_MAX];
};

static int set_up(void **state)
{
        static struct fixture fixture;

        umask(022);
        tree_make(&fixture.tree);
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

static int prepare(struct fixture *fixture)
{
        return tree_prepare(&fixture->tree, &fixture->source, fixture->path);
}

static int open_entry(const struct fixture *fixture)
{
        _cleanup_close_ int cache = -EBADF;
        struct image_entry entry;
        int r = image_cache_open(fixture->tree.cache, &cache);

        if (r == 0)
                r = image_entry_open(cache, &fixture->source, &entry);
        if (r == 0)
                image_entry_close(&entry);
        return r;
}

static ino_t inode_of(const char *path)
{
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_ino;
}

static void an_entry_holds_the_kernel_and_the_initrd(void **state)
{
        struct fixture *fixture = *state;
        _cleanup_close_ int cache = -EBADF;
        struct image_entry entry;
        uint8_t kernel[ELF_LOADED];
        char magic[6];
        struct test_elf elf;

        if (prepare(fixture) < 0)
                fail_msg("%s", error_message());
        assert_string_equal(fixture->source.release, TEST_RELEASE);
        assert_int_equal(image_cache_open(fixture->tree.cache, &cache), 0);
        assert_int_equal(image_entry_open(cache, &fixture->source, &entry), 0);
        make_elf(ELF_LINUX_PVH, &elf);
        assert_int_equal(read(entry.kernel, kernel, sizeof(kernel)), sizeof(kernel));
        assert_memory_equal(kernel, &elf, sizeof(kernel));
        assert_int_equal(read(entry.initrd, magic, sizeof(magic)), sizeof(magic));
        assert_memory_equal(magic, "070701", 6);
        image_entry_close(&entry);
}

static void an_entry_that_is_there_is_used_again(void **state)
{
        struct fixture *fixture = *state;
        ino_t inode;

        assert_int_equal(prepare(fixture), 0);
        inode = inode_of(fixture->path);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(inode_of(fixture->path), inode);
        assert_int_equal(tree_entries(&fixture->tree), 1);
}

/* Replaces a file by one of the same content. */
static void replace(const char *path)
{
        char content[65536], other[2 * TREE_PATH];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, content, sizeof(content));

        close(fd);
        snprintf(other, sizeof(other), "%s.other", path);
        tree_write(other, content, (size_t)n);
        assert_int_equal(rename(other, path), 0);
}

static void another_kernel_agent_or_list_of_modules_is_another_entry_and_the_old_one_goes(void **state)
{
        struct fixture *fixture = *state;
        const struct image_tree *tree = &fixture->tree;
        char list[2 * TREE_PATH];

        snprintf(list, sizeof(list), "%s/modules.dep", tree->modules);
        const char *const files[] = {tree->kernel, tree->agent, list};

        assert_int_equal(prepare(fixture), 0);
        for (size_t i = 0; i < ELEMENTS(files); i++) {
                strcpy(fixture->other, fixture->path);
                replace(files[i]);
                assert_int_equal(prepare(fixture), 0);
                assert_string_not_equal(fixture->other, fixture->path);
                assert_int_equal(tree_entries(tree), 1);
        }
}

static void the_entry_of_a_kernel_that_is_there_stays_beside_another(void **state)
{
        struct fixture *fixture = *state;
        struct image_tree second = fixture->tree;
        struct image_source source;

        assert_int_equal(prepare(fixture), 0);
        snprintf(second.kernel, sizeof(second.kernel), "%s/vmlinuz.second", second.top);
        assert_int_equal(link(fixture->tree.kernel, second.kernel), 0);
        assert_int_equal(tree_prepare(&second, &source, fixture->other), 0);
        /* The link changed the first one's time of change: it has an entry of its own again. */
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(tree_entries(&second), 2);
        assert_int_equal(unlink(second.kernel), 0);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(tree_entries(&second), 1);
}

static void a_damaged_entry_is_no_entry_and_is_made_again(void **state)
{
        static const char *const parts[] = {ENTRY_KERNEL, ENTRY_INITRD, ENTRY_ABOUT};
        struct fixture *fixture = *state;
        char part[2 * PATH_MAX];

        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                assert_int_equal(prepare(fixture), 0);
                snprintf(part, sizeof(part), "%s/%s", fixture->path, parts[i]);
                assert_int_equal(truncate(part, 100), 0);
                assert_int_equal(open_entry(fixture), -ENOENT);
                assert_int_equal(prepare(fixture), 0);
                assert_int_equal(open_entry(fixture), 0);
                assert_int_equal(unlink(part), 0);
                assert_int_equal(open_entry(fixture), -ENOENT);
        }
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(open_entry(fixture), 0);
        assert_int_equal(tree_entries(&fixture->tree), 1);
}

static void what_a_killed_run_left_goes_and_what_another_works_on_stays(void **state)
{
        struct fixture *fixture = *state;
        char dead[2 * TREE_PATH], alive[2 * TREE_PATH], others[2 * TREE_PATH];
        _cleanup_close_ int held = -EBADF;

        assert_int_equal(prepare(fixture), 0);
        snprintf(dead, sizeof(dead), "%s/.new-0000000000000001", fixture->tree.cache);
        snprintf(alive, sizeof(alive), "%s/.new-0000000000000002", fixture->tree.cache);
        snprintf(others, sizeof(others), "%s/notes", fixture->tree.cache);
        assert_int_equal(mkdir(dead, 0755) | mkdir(alive, 0755) | mkdir(others, 0755), 0);
        held = open(alive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(held, LOCK_EX), 0);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(access(dead, F_OK), -1);
        assert_int_equal(access(alive, F_OK), 0);
        assert_int_equal(access(others, F_OK), 0);
}

static void many_at_once_leave_one_whole_entry(void **state)
{
        struct fixture *fixture = *state;
        int status;

        for (int i = 0; i < 8; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid == 0)
                        _exit(prepare(fixture) < 0);
        }
        for (int i = 0; i < 8; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        assert_int_equal(tree_entries(&fixture->tree), 1);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(open_entry(fixture), 0);
}

static void a_cache_that_others_may_write_to_is_not_used(void **state)
{
        struct fixture *fixture = *state;
        char part[2 * PATH_MAX];

        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(chmod(fixture->tree.cache, 0775), 0);
        assert_int_equal(prepare(fixture), -EPERM);
        assert_non_null(strstr(error_message(), "others may write to it (mode 0775)"));
        assert_int_equal(chmod(fixture->tree.cache, 0755), 0);
        assert_int_equal(chmod(fixture->path, 0777), 0);
        assert_int_equal(open_entry(fixture), -EPERM);
        assert_int_equal(chmod(fixture->path, 0755), 0);
        snprintf(part, sizeof(part), "%s/" ENTRY_KERNEL, fixture->path);
        assert_int_equal(chmod(part, 0666), 0);
        assert_int_equal(open_entry(fixture), -EPERM);
}

static void a_cache_of_somebody_else_is_not_used(void **state)
{
        struct fixture *fixture = *state;

        if (geteuid() != 0)
                skip();
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(chown(fixture->tree.cache, 12345, 0), 0);
        assert_int_equal(prepare(fixture), -EPERM);
        assert_non_null(strstr(error_message(), "belongs to user 12345"));
}

static void a_link_in_the_cache_is_not_followed(void **state)
{
        struct fixture *fixture = *state;
        char part[2 * PATH_MAX];

        assert_int_equal(prepare(fixture), 0);
        snprintf(part, sizeof(part), "%s/" ENTRY_KERNEL, fixture->path);
        assert_int_equal(unlink(part), 0);
        assert_int_equal(symlink(fixture->tree.kernel, part), 0);
        assert_int_equal(open_entry(fixture), -ENOENT);
}

/* ---- what an image is made from ---- */

static void says(int r, int expected, const char *words)
{
        assert_int_equal(r, -expected);
        if (!strstr(error_message(), words))
                fail_msg("\"%s\" says nothing of \"%s\"", error_message(), words);
        error_clear();
}

static void a_missing_file_is_named(void **state)
{
        struct fixture *fixture = *state;
        struct image_tree *tree = &fixture->tree;
        char path[2 * TREE_PATH];

        snprintf(path, sizeof(path), "%s/modules.builtin", tree->modules);
        unlink(path);
        says(prepare(fixture), ENOENT, "modules.builtin");
        tree_modules(tree);
        snprintf(path, sizeof(path), "%s/virtiofs.ko", tree->modules);
        unlink(path);
        says(prepare(fixture), ENOENT, "/virtiofs.ko");
        snprintf(path, sizeof(path), "%s/modules.dep", tree->modules);
        unlink(path);
        says(prepare(fixture), ENOENT, "is Linux " TEST_RELEASE ", whose modules are missing");
        unlink(tree->agent);
        tree_modules(tree);
        says(prepare(fixture), ENOENT, "berth-agent");
        unlink(tree->kernel);
        says(prepare(fixture), ENOENT, "/vmlinuz");
        assert_int_equal(tree_entries(tree), 0);
}

static void a_module_of_another_kernel_is_refused(void **state)
{
        struct fixture *fixture = *state;

        tree_module(&fixture->tree, "virtiofs", "5.10.0");
        says(prepare(fixture), ENOEXEC, "virtiofs.ko: it is for Linux 5.10.0, the kernel is " TEST_RELEASE);
        assert_int_equal(tree_entries(&fixture->tree), 0);
}

static void a_module_that_is_none_is_refused(void **state)
{
        struct fixture *fixture = *state;
        char path[2 * TREE_PATH];

        snprintf(path, sizeof(path), "%s/virtiofs.ko", fixture->tree.modules);
        tree_write(path, "hello", 5);
        says(prepare(fixture), ENOEXEC, "virtiofs.ko: not a module");
}

static void a_kernel_that_needs_no_modules_gets_none(void **state)
{
        struct fixture *fixture = *state;

        strcpy(fixture->tree.modules, MODULES_BUILT_IN);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(prepare(fixture), 0);
        assert_int_equal(tree_entries(&fixture->tree), 1);
}

static void what_is_no_kernel_or_no_path_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct image_source source;

        tree_write(fixture->tree.kernel, "hello\n", 6);
        says(prepare(fixture), ENOEXEC, "vmlinuz: no kernel");
        says(image_source_find("/dev/zero", NULL, "/bin/true", &source), ENOEXEC, "/dev/zero: not a regular file");
        says(image_source_find("vmlinuz", NULL, "/bin/true", &source), EINVAL, "not absolute");
        says(image_source_find("/a\nb", NULL, "/bin/true", &source), ENAMETOOLONG, "kernel /a");
        tree_remove(&fixture->tree);
        tree_make(&fixture->tree);
        strcpy(fixture->tree.cache, "relative");
        says(prepare(fixture), EINVAL, "image cache relative: the path is not absolute");
}

/* ---- about ---- */

static void about_is_read_as_it_was_written(void **state)
{
        struct image_source source = {.kernel = {"/boot/a kernel", 1, UINT64_MAX, 3, -4, 5},
                                      .agent = {"/berth-agent", 6, 7, 8, 9, 10},
                                      .modules = {.path = "none"},
                                      .release = "6.1"};
        struct image_source read;
        char text[ENTRY_ABOUT_MAX], again[ENTRY_ABOUT_MAX];
        uint64_t kernel, initrd;
        size_t length = image_entry_identity(&source, text);

        (void)state;
        assert_int_equal(length, strlen(text));
        assert_false(image_about_parse(text, &read, &kernel, &initrd));
        length = image_about_finish(text, length, 11, 12);
        assert_true(image_about_parse(text, &read, &kernel, &initrd));
        assert_int_equal(kernel, 11);
        assert_int_equal(initrd, 12);
        (void)image_entry_identity(&read, again);
        assert_memory_equal(text, again, strlen(again));
        for (size_t i = 0; i < length; i++) {
                memcpy(again, text, i);
                again[i] = '\0';
                assert_false(image_about_parse(again, &read, &kernel, &initrd));
        }
}

static void the_longest_paths_fit(void **state)
{
        static struct image_source source;
        char text[ENTRY_ABOUT_MAX], name[ENTRY_NAME_MAX];
        struct image_file *const files[] = {&source.kernel, &source.agent, &source.modules};
        size_t length;

        (void)state;
        memset(&source, 0xff, sizeof(source));
        for (size_t i = 0; i < ELEMENTS(files); i++)
                memset(files[i]->path, 'x', PATH_MAX - 1), files[i]->path[PATH_MAX - 1] = '\0';
        memset(source.release, 'r', KERNEL_RELEASE_MAX - 1);
        source.release[KERNEL_RELEASE_MAX - 1] = '\0';
        length = image_entry_identity(&source, text);
        length = image_about_finish(text, length, UINT64_MAX, UINT64_MAX);
        assert_true(length < ENTRY_ABOUT_MAX);
        assert_int_equal(length, strlen(text));
        image_entry_name(&source, text, name);
        assert_int_equal(strlen(name), KERNEL_RELEASE_MAX - 1 + 17);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_TREE(an_entry_holds_the_kernel_and_the_initrd),
                WITH_TREE(an_entry_that_is_there_is_used_again),
                WITH_TREE(another_kernel_agent_or_list_of_modules_is_another_entry_and_the_old_one_goes),
                WITH_TREE(the_entry_of_a_kernel_that_is_there_stays_beside_another),
                WITH_TREE(a_damaged_entry_is_no_entry_and_is_made_again),
                WITH_TREE(what_a_killed_run_left_goes_and_what_another_works_on_stays),
                WITH_TREE(many_at_once_leave_one_whole_entry),
                WITH_TREE(a_cache_that_others_may_write_to_is_not_used),
                WITH_TREE(a_cache_of_somebody_else_is_not_used),
                WITH_TREE(a_link_in_the_cache_is_not_followed),
                WITH_TREE(a_missing_file_is_named),
                WITH_TREE(a_module_of_another_kernel_is_refused),
                WITH_TREE(a_module_that_is_none_is_refused),
                WITH_TREE(a_kernel_that_needs_no_modules_gets_none),
                WITH_TREE(what_is_no_kernel_or_no_path_is_refused),
                cmocka_unit_test(about_is_read_as_it_was_written),
                cmocka_unit_test(the_longest_paths_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
