/* Paths inside a root: nothing that an image holds leads out of it. Next to the root lies what must never be touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"

#include <cmocka.h>

static char directory[] = "/tmp/berth-path-XXXXXX";
static int top, root;

static void make_file(const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(top, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static int set_up(void **state)
{
        (void)state;
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (mkdirat(top, "root", 0755) < 0 || mkdirat(top, "root/etc", 0755) < 0 || mkdirat(top, "outside", 0755) < 0)
                return -1;
        make_file("outside/secret", "secret");
        make_file("root/etc/file", "inside");
        root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        error_clear();
        return root < 0;
}

static int tear_down(void **state)
{
        (void)state;
        close(root);
        close(top);
        return remove_tree_at(AT_FDCWD, directory);
}

static void link_to(const char *target, const char *path)
{
        assert_int_equal(symlinkat(target, top, path), 0);
}

/* The absolute path of something outside. */
static const char *outside(const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/outside/%s", directory, name);
        return path;
}

static bool exists(const char *path)
{
        return faccessat(top, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void expect_text(int fd, const char *text)
{
        char got[64] = "";

        assert_true(fd >= 0);
        assert_true(read(fd, got, sizeof(got) - 1) >= 0);
        assert_string_equal(got, text);
        close(fd);
}

static void expect_nothing_outside_changed(void)
{
        char got[64] = "";

        assert_int_equal(read_small_file_at(top, "outside/secret", got, sizeof(got)), 6);
        assert_string_equal(got, "secret");
        assert_int_equal(unlinkat(top, "outside/secret", 0), 0);
        assert_int_equal(unlinkat(top, "outside", AT_REMOVEDIR), 0); /* so nothing else is in it */
}

/* ---- opening ---- */

static void every_way_to_write_a_path_stays_in_the_root(void **state)
{
        static const char *const paths[] = {"/etc/file",        "etc/file",
                                            "//etc//file",      "/./etc/./file",
                                            "/../etc/file",     "../../../../etc/file",
                                            "/etc/../etc/file", "/etc/../../../etc/file"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(paths); i++)
                expect_text(in_root_open(root, paths[i], O_RDONLY), "inside");
}

static void links_are_followed_inside_the_root(void **state)
{
        (void)state;
        link_to("/etc/file", "root/absolute");
        link_to("etc/file", "root/relative");
        link_to("../../../etc/file", "root/etc/climbing");
        link_to("/etc", "root/to-directory");
        expect_text(in_root_open(root, "/absolute", O_RDONLY), "inside");
        expect_text(in_root_open(root, "/relative", O_RDONLY), "inside");
        expect_text(in_root_open(root, "/etc/climbing", O_RDONLY), "inside");
        expect_text(in_root_open(root, "/to-directory/file", O_RDONLY), "inside");
}

static void links_and_dots_do_not_lead_out(void **state)
{
        (void)state;
        link_to(outside("secret"), "root/absolute");
        link_to("../outside/secret", "root/relative");
        link_to("..", "root/up");
        link_to(outside(""), "root/directory");
        assert_int_equal(in_root_open(root, "/absolute", O_RDONLY), -ENOENT);
        assert_int_equal(in_root_open(root, "/relative", O_RDONLY), -ENOENT);
        assert_int_equal(in_root_open(root, "/up/outside/secret", O_RDONLY), -ENOENT);
        assert_int_equal(in_root_open(root, "/directory/secret", O_RDONLY), -ENOENT);
        assert_int_equal(in_root_open(root, "../outside/secret", O_RDONLY), -ENOENT);
        assert_string_equal(error_message(), "open ../outside/secret: No such file or directory");
}

static void loops_of_links_end(void **state)
{
        (void)state;
        link_to("b", "root/a");
        link_to("a", "root/b");
        link_to("self", "root/self");
        assert_int_equal(in_root_open(root, "/a", O_RDONLY), -ELOOP);
        assert_int_equal(in_root_target(root, "/self", false), -ELOOP);
        assert_int_equal(in_root_target(root, "/self", true), -ELOOP);
        assert_int_equal(in_root_mkdir(root, "/a/x", 0755), -ELOOP);
}

static void magic_links_are_never_followed(void **state)
{
        _cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char path[64];

        (void)state;
        assert_true(proc >= 0);
        snprintf(path, sizeof(path), "/self/fd/%d/outside/secret", top);
        assert_int_equal(in_root_open(proc, path, O_RDONLY), -ELOOP);
        assert_int_equal(in_root_open(proc, "/self/root", O_PATH | O_DIRECTORY), -ELOOP);
        assert_int_equal(in_root_open(proc, "/self/cwd", O_PATH), -ELOOP);
        assert_int_equal(in_root_open(proc, "/self/exe", O_RDONLY), -ELOOP);
}

static void descriptors_are_close_on_exec(void **state)
{
        int fd = in_root_open(root, "/etc", O_PATH);

        (void)state;
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fd_is_directory(fd), 1);
        close(fd);
        fd = in_root_open(root, "/etc/file", O_PATH);
        assert_int_equal(fd_is_directory(fd), 0);
        close(fd);
        assert_int_equal(fd_is_directory(-1), -EBADF);
}

/* ---- making ---- */

static void missing_directories_are_made_with_the_mode(void **state)
{
        struct stat st;
        int fd;

        (void)state;
        umask(0);
        fd = in_root_mkdir(root, "/a/b//c/", 0751);
        assert_int_equal(fd_is_directory(fd), 1);
        close(fd);
        assert_int_equal(fstatat(top, "root/a/b/c", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0751);
        fd = in_root_mkdir(root, "/a/b", 0700);
        assert_true(fd >= 0);
        close(fd);
        fd = in_root_mkdir(root, "/", 0700);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(in_root_mkdir(root, "/etc/file", 0755), -ENOTDIR);
        assert_int_equal(in_root_mkdir(root, "/etc/file/below", 0755), -ENOTDIR);
}

static void directories_behind_links_are_made_where_the_container_will_see_them(void **state)
{
        int fd;

        (void)state;
        assert_int_equal(mkdirat(top, "root/var", 0755), 0);
        link_to("/run", "root/var/run");
        link_to("../../../outside/made", "root/var/climbing");
        link_to(outside("made"), "root/var/absolute");
        fd = in_root_mkdir(root, "/var/run/berth", 0755);
        assert_true(fd >= 0);
        close(fd);
        assert_true(exists("root/run/berth"));
        fd = in_root_mkdir(root, "/var/climbing/x", 0755);
        assert_true(fd >= 0);
        close(fd);
        assert_true(exists("root/outside/made/x"));
        fd = in_root_mkdir(root, "/var/absolute", 0755);
        assert_true(fd >= 0);
        close(fd);
        expect_nothing_outside_changed();
}

static void dots_behind_what_was_missing_stay_inside(void **state)
{
        int fd = in_root_mkdir(root, "/missing/../../../outside/x", 0755);

        (void)state;
        assert_true(fd >= 0);
        close(fd);
        assert_true(exists("root/outside/x"));
        expect_nothing_outside_changed();
}

static void parents_are_made_and_the_last_name_is_given(void **state)
{
        char name[16];
        int fd;

        (void)state;
        fd = in_root_parent(root, "/dev/net/tun/", name, sizeof(name));
        assert_true(fd >= 0);
        close(fd);
        assert_string_equal(name, "tun");
        assert_true(exists("root/dev/net"));
        assert_false(exists("root/dev/net/tun"));
        fd = in_root_parent(root, "top", name, sizeof(name));
        assert_true(fd >= 0);
        close(fd);
        assert_string_equal(name, "top");
}

static void paths_that_name_no_file_are_refused(void **state)
{
        static const char *const bad[] = {"", "/", "//", ".", "..", "/etc/.", "/etc/..", "/etc/../", "../.."};
        char name[16];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                if (in_root_parent(root, bad[i], name, sizeof(name)) != -EINVAL)
                        fail_msg("'%s'", bad[i]);
        assert_int_equal(in_root_parent(root, "/a-name-of-seventeen-bytes", name, sizeof(name)), -ENAMETOOLONG);
}

/* ---- mount targets ---- */

static void a_target_is_what_exists_or_a_new_directory_or_file(void **state)
{
        int fd;

        (void)state;
        fd = in_root_target(root, "/etc/file", false);
        assert_int_equal(fd_is_directory(fd), 0);
        close(fd);
        fd = in_root_target(root, "/new/directory", true);
        assert_int_equal(fd_is_directory(fd), 1);
        close(fd);
        fd = in_root_target(root, "/new/other/file", false);
        assert_int_equal(fd_is_directory(fd), 0);
        close(fd);
        assert_true(exists("root/new/other/file"));
}

static void a_target_behind_a_dangling_link_is_made_inside(void **state)
{
        int fd;

        (void)state;
        link_to("../run/systemd/resolve/stub-resolv.conf", "root/etc/resolv.conf");
        link_to(outside("resolv.conf"), "root/etc/absolute");
        link_to("../../../outside/climbing", "root/etc/climbing");
        link_to("chain2", "root/etc/chain1");
        link_to("/deep/chain3", "root/etc/chain2");
        fd = in_root_target(root, "/etc/resolv.conf", false);
        assert_int_equal(fd_is_directory(fd), 0);
        close(fd);
        assert_true(exists("root/run/systemd/resolve/stub-resolv.conf"));
        fd = in_root_target(root, "/etc/absolute", false);
        assert_true(fd >= 0);
        close(fd);
        fd = in_root_target(root, "/etc/climbing", false);
        assert_true(fd >= 0);
        close(fd);
        assert_true(exists("root/outside/climbing"));
        fd = in_root_target(root, "etc//chain1/", false);
        if (fd >= 0)
                close(fd);
        fd = in_root_target(root, "etc//chain1", false);
        assert_true(fd >= 0);
        close(fd);
        assert_true(exists("root/deep/chain3"));
        expect_nothing_outside_changed();
}

/* ---- removing ---- */

static void a_tree_is_removed_and_its_links_are_not_followed(void **state)
{
        (void)state;
        assert_int_equal(mkdirat(top, "tree", 0755), 0);
        assert_int_equal(mkdirat(top, "tree/deep", 0), 0);
        assert_int_equal(fchmodat(top, "tree/deep", 0755, 0), 0);
        make_file("tree/deep/file", "x");
        assert_int_equal(mkfifoat(top, "tree/deep/fifo", 0600), 0);
        link_to("../outside", "tree/link");
        link_to(outside(""), "tree/absolute");
        link_to("missing", "tree/dangling");
        assert_int_equal(remove_tree_at(top, "tree"), 0);
        assert_false(exists("tree"));
        expect_nothing_outside_changed();
}

static void a_link_in_place_of_a_tree_is_removed_itself(void **state)
{
        (void)state;
        link_to("outside", "tree");
        assert_int_equal(remove_tree_at(top, "tree"), 0);
        assert_false(exists("tree"));
        expect_nothing_outside_changed();
}

static void a_missing_tree_is_removed_already(void **state)
{
        (void)state;
        assert_int_equal(remove_tree_at(top, "tree"), 0);
        assert_string_equal(error_message(), "");
}

static void a_path_of_any_length_is_opened(void **state)
{
        static char path[3 * 4096];
        int fd;

        (void)state;
        snprintf(path, sizeof(path), "%s/root/etc", directory);
        while (strlen(path) < 2 * 4096 + 100)
                strcat(path, "/.");
        strcat(path, "/file");
        fd = path_open_long(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        close(fd);
        strcat(path, "s");
        assert_int_equal(path_open_long(path, O_RDONLY | O_CLOEXEC), -ENOENT);
        memset(path, 'n', sizeof(path) - 1);
        assert_int_equal(path_open_long(path, O_RDONLY | O_CLOEXEC), -ENAMETOOLONG);
}

static void a_path_is_cleaned_by_its_text(void **state)
{
        static const char *const pairs[][2] = {
                {"/", "/"},
                {"//", "/"},
                {"/proc/", "/proc"},
                {"//proc//self/", "/proc/self"},
                {"/a/./b", "/a/b"},
                {"/a/../b", "/b"},
                {"/../../etc", "/etc"},
                {"/a/b/../..", "/"},
                {"/a/..b/.", "/a/..b"},
                {"/..", "/"},
                {"/x/../proc/.", "/proc"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                char path[64];

                strcpy(path, pairs[i][0]);
                path_clean(path);
                assert_string_equal(path, pairs[i][1]);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(every_way_to_write_a_path_stays_in_the_root),
                TEST(links_are_followed_inside_the_root),
                TEST(links_and_dots_do_not_lead_out),
                TEST(loops_of_links_end),
                TEST(magic_links_are_never_followed),
                TEST(descriptors_are_close_on_exec),
                TEST(missing_directories_are_made_with_the_mode),
                TEST(directories_behind_links_are_made_where_the_container_will_see_them),
                TEST(dots_behind_what_was_missing_stay_inside),
                TEST(parents_are_made_and_the_last_name_is_given),
                TEST(paths_that_name_no_file_are_refused),
                TEST(a_target_is_what_exists_or_a_new_directory_or_file),
                TEST(a_target_behind_a_dangling_link_is_made_inside),
                TEST(a_tree_is_removed_and_its_links_are_not_followed),
                TEST(a_link_in_place_of_a_tree_is_removed_itself),
                TEST(a_missing_tree_is_removed_already),
                TEST(a_path_of_any_length_is_opened),
                TEST(a_path_is_cleaned_by_its_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
