/* What berth-proxy is told on its command line. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/proxy/options.h"

#include <cmocka.h>

/* Words may say "@": the number of a descriptor that is open. */
static int parse(struct proxy_options *options, int fd, const char *const *words)
{
        static char texts[24][64];
        char *argv[25] = {"berth-proxy"};
        int argc = 1;

        for (; *words; words++) {
                const char *at = strchr(*words, '@');

                if (at)
                        snprintf(texts[argc], sizeof(texts[0]), "%.*s%d", (int)(at - *words), *words, fd);
                else
                        snprintf(texts[argc], sizeof(texts[0]), "%s", *words);
                argv[argc] = texts[argc];
                argc++;
        }
        return proxy_options_parse(argc, argv, options);
}

#define WORDS(...)                                                                                                     \
        (const char *const[])                                                                                          \
        {                                                                                                              \
                __VA_ARGS__, NULL                                                                                      \
        }
#define BOX                                                                                                            \
        "box", "agent=@", "launch=@", "ended=@", "vmm=@", "fileserver=@", "kvm=@", "kernel=@", "vsock=@",              \
                "memory=1048576"

static int open_something(void)
{
        int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 20);

        assert_true(fd >= 20);
        return fd;
}

static void an_exec_needs_the_socket_and_a_launch_and_has_defaults(void **state)
{
        _cleanup_close_ int fd = open_something();
        struct proxy_options options;

        (void)state;
        assert_int_equal(parse(&options, fd, WORDS("exec", "agent=@", "launch=@")), 0);
        assert_false(options.is_box);
        assert_int_equal(options.agent, fd);
        assert_int_equal(options.launch, fd);
        assert_int_equal(options.deadline, 60);
        assert_false(options.terminal);
        assert_int_equal(options.vmm, -EBADF);
        assert_int_equal(options.start, -EBADF);
        assert_int_equal(options.nics, 0);
}

static void a_box_takes_everything(void **state)
{
        _cleanup_close_ int fd = open_something();
        struct proxy_options options;

        (void)state;
        assert_int_equal(parse(&options, fd,
                               WORDS(BOX, "initrd=@", "console=@", "start=@", "cpus=4", "nics=8", "cmdline=a=b c",
                                     "tree=0:@", "tree=17:@", "vhost=@", "vhost=@", "terminal=on", "deadline=5")),
                         0);
        assert_true(options.is_box);
        assert_true(options.terminal);
        assert_int_equal(options.memory, 1048576);
        assert_int_equal(options.cpus, 4);
        assert_int_equal(options.nics, 8);
        assert_int_equal(options.deadline, 5);
        assert_string_equal(options.cmdline, "a=b c");
        assert_int_equal(options.n_vhosts, 2);
        assert_int_equal(options.vhosts[1], fd);
        assert_int_equal(options.n_trees, 2);
        assert_string_equal(options.trees[1].entry, "17");
        assert_int_equal(options.trees[1].fd, fd);
        assert_int_equal(parse(&options, fd, WORDS(BOX)), 0);
        assert_int_equal(options.n_vhosts, 0);
        assert_int_equal(options.nics, 4);
        assert_int_equal(options.cpus, 1);
        assert_int_equal(parse(&options, fd, WORDS(BOX, "terminal=off")), 0);
        assert_false(options.terminal);
}

static void expect_refusal(int fd, const char *named, const char *const *words)
{
        struct proxy_options options;

        assert_int_equal(parse(&options, fd, words) < 0, 1);
        if (!strstr(error_message(), named))
                fail_msg("\"%s\" does not name \"%s\"", error_message(), named);
}

static void what_is_wrong_is_named(void **state)
{
        _cleanup_close_ int fd = open_something();

        (void)state;
        expect_refusal(fd, "\"box\" or \"exec\"", WORDS("run"));
        expect_refusal(fd, "launch= is missing", WORDS("exec", "agent=@"));
        expect_refusal(fd, "kernel= is missing",
                       WORDS("box", "agent=@", "launch=@", "ended=@", "vmm=@", "fileserver=@", "kvm=@", "vsock=@",
                             "memory=1"));
        expect_refusal(fd, "floppy=1", WORDS(BOX, "floppy=1"));
        expect_refusal(fd, "memory", WORDS(BOX, "memory"));
        expect_refusal(fd, "cpus=2: given twice", WORDS(BOX, "cpus=1", "cpus=2"));
        expect_refusal(fd, "vhost=on: no open descriptor", WORDS(BOX, "vhost=on"));
        expect_refusal(fd, "more than 8 network devices",
                       WORDS(BOX, "vhost=@", "vhost=@", "vhost=@", "vhost=@", "vhost=@", "vhost=@", "vhost=@",
                             "vhost=@", "vhost=@"));
        expect_refusal(fd, "cpus=0", WORDS(BOX, "cpus=0"));
        expect_refusal(fd, "nics=9", WORDS(BOX, "nics=9"));
        expect_refusal(fd, "deadline=-1", WORDS("exec", "agent=@", "launch=@", "deadline=-1"));
        expect_refusal(fd, "terminal=yes", WORDS(BOX, "terminal=yes"));
        /* Of a box only. */
        expect_refusal(fd, "vmm=", WORDS("exec", "agent=@", "launch=@", "vmm=@"));
}

static void a_descriptor_is_open_and_not_the_programs(void **state)
{
        _cleanup_close_ int fd = open_something();

        (void)state;
        expect_refusal(fd, "start=999", WORDS(BOX, "start=999"));
        expect_refusal(fd, "start=2", WORDS(BOX, "start=2"));
        expect_refusal(fd, "start=3", WORDS(BOX, "start=3"));
        expect_refusal(fd, "start=x", WORDS(BOX, "start=x"));
}

static void an_entry_of_the_share_is_a_number(void **state)
{
        _cleanup_close_ int fd = open_something();

        (void)state;
        expect_refusal(fd, "tree=", WORDS(BOX, "tree=@"));
        expect_refusal(fd, "tree=", WORDS(BOX, "tree=../x:@"));
        expect_refusal(fd, "tree=", WORDS(BOX, "tree=:@"));
        expect_refusal(fd, "tree=", WORDS(BOX, "tree=123456789012:@"));
        expect_refusal(fd, "tree=", WORDS(BOX, "tree=1:"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_exec_needs_the_socket_and_a_launch_and_has_defaults),
                cmocka_unit_test(a_box_takes_everything),
                cmocka_unit_test(what_is_wrong_is_named),
                cmocka_unit_test(a_descriptor_is_open_and_not_the_programs),
                cmocka_unit_test(an_entry_of_the_share_is_a_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
