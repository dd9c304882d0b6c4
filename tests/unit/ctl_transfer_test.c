#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/transfer.h"

#include <cmocka.h>

static int reach_of(const char *text, uint64_t said)
{
        _cleanup_import_ struct import import = IMPORT_NONE;

        import.name = "archive";
        assert_int_equal(settings_parse("settings", text, &import.settings), 0);
        return import_check_reach(&import, said);
}

static uint64_t bit_of(const char *key)
{
        return UINT64_C(1) << (setting_find(key) - setting_table);
}

static void what_stays_inside_is_taken(void **state)
{
        (void)state;
        assert_int_equal(reach_of("unprivileged = yes\narg = /bin/sh\n", 0), 0);
        assert_int_equal(reach_of("unprivileged = yes\nnet = none\n", 0), 0);
        assert_int_equal(reach_of("unprivileged = yes\nnet = lab,ip=10.0.0.5\npublish = 80:80\n", 0), 0);
        assert_int_equal(reach_of("unprivileged = yes\nnet = hosts\n", 0), 0);
        assert_int_equal(reach_of("unprivileged = yes\nautostart = no\nlog-size = 10m\nrestart = always\n", 0), 0);
}

static void what_reaches_into_the_host_is_refused_by_name(void **state)
{
        (void)state;
        assert_int_equal(reach_of("unprivileged = yes\nvolume = /etc:/mnt\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "/etc:/mnt"));
        assert_int_equal(reach_of("unprivileged = yes\nnet = host\n", 0), -EPERM);
        assert_int_equal(reach_of("unprivileged = yes\nnet = macvlan:eth0\n", 0), -EPERM);
        assert_int_equal(reach_of("unprivileged = yes\nnet = container:web\n", 0), -EPERM);
        assert_int_equal(reach_of("unprivileged = yes\nnet = lab\nnet = phys:eth1\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "phys:eth1"));
        assert_int_equal(reach_of("unprivileged = yes\nnet = lab,allow-spoofing\n", 0), -EPERM);
        assert_int_equal(reach_of("unprivileged = yes\nautostart = yes\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "start it with this host"));
        assert_int_equal(reach_of("unprivileged = yes\nlog-size = 11m\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "larger than 10m"));
        assert_int_equal(reach_of("unprivileged = yes\ncgroup-parent = /system.slice\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "/system.slice"));
        assert_int_equal(reach_of("unprivileged = yes\nof-the-future = /etc\n", 0), -EPERM);
        assert_non_null(strstr(error_message(), "of-the-future"));
        error_clear();
}

static void what_a_person_has_said_is_taken(void **state)
{
        (void)state;
        assert_int_equal(reach_of("unprivileged = yes\nvolume = /etc:/mnt\n", bit_of("volume")), 0);
        assert_int_equal(reach_of("unprivileged = yes\nnet = host\n", bit_of("net")), 0);
        assert_int_equal(reach_of("unprivileged = yes\nnet = host\n", bit_of("volume")), -EPERM);
        assert_int_equal(reach_of("unprivileged = yes\nautostart = yes\n", bit_of("autostart")), 0);
        assert_int_equal(reach_of("unprivileged = yes\nlog-size = 1g\n", bit_of("log-size")), 0);
        assert_int_equal(reach_of("unprivileged = yes\ncgroup-parent = /a\n", bit_of("cgroup-parent")), 0);
        error_clear();
}

static void disk_and_inodes_are_sizes_and_numbers(void **state)
{
        _cleanup_settings_ struct settings settings = {0};

        (void)state;
        assert_int_equal(settings_parse("settings", "disk = 10g\ninodes = 100000\n", &settings), 0);
        assert_true(settings.disk.set && settings.disk.value == INT64_C(10) << 30);
        assert_true(settings.inodes.set && settings.inodes.value == 100000);
        assert_int_equal(settings_set(&settings, setting_find("disk"), "1m"), -EINVAL);
        assert_int_equal(settings_set(&settings, setting_find("inodes"), "63"), -EINVAL);
        assert_int_equal(settings_set(&settings, setting_find("disk"), "none"), 0);
        assert_false(settings.disk.set);
        error_clear();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_stays_inside_is_taken),
                cmocka_unit_test(what_reaches_into_the_host_is_refused_by_name),
                cmocka_unit_test(what_a_person_has_said_is_taken),
                cmocka_unit_test(disk_and_inodes_are_sizes_and_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
