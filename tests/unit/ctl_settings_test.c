#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/resources.h"
#include "runtime/ctl/settings.h"
#include "runtime/ctl/user.h"
#include "runtime/keeper/keeper.h"

#include <cmocka.h>

static void what_is_written_is_read_again(void **state)
{
        static const char text[] = "image = busybox\nunprivileged = yes\narg = /bin/sh\narg = -c\narg = echo = 1\n"
                                   "terminal = no\nautostart = yes\ncpus = 1.5\nmemory = 64m\npublish = 80:80\n";
        _cleanup_settings_ struct settings settings = {0}, again = {0};
        _cleanup_free_ char *first = NULL, *second = NULL;

        (void)state;
        assert_int_equal(settings_parse("text", text, &settings), 0);
        assert_int_equal(settings.args.n, 3);
        assert_string_equal(settings.args.v[2], "echo = 1");
        assert_true(settings.cpus.set && settings.cpus.value == 1500);
        assert_true(settings.memory.value == 64 * 1024 * 1024);
        assert_int_equal(settings_format(&settings, &first), 0);
        assert_non_null(strstr(first, "cpus = 1.500\n"));
        assert_non_null(strstr(first, "memory = 64m\n"));
        assert_int_equal(settings_parse("text", first, &again), 0);
        assert_int_equal(settings_format(&again, &second), 0);
        assert_string_equal(first, second);
}

static void comments_blanks_and_unknown_keys_stand(void **state)
{
        _cleanup_settings_ struct settings settings = {0};
        _cleanup_free_ char *text = NULL;

        (void)state;
        assert_int_equal(settings_parse("text", "# a comment\n\n  hostname=web\nfuture = some thing\n", &settings), 0);
        assert_int_equal(settings.unknown.n, 1);
        assert_int_equal(settings_format(&settings, &text), 0);
        assert_non_null(strstr(text, "future = some thing\n"));
}

static void a_value_may_hold_anything_and_is_one_line(void **state)
{
        static const char *const values[] = {"A=1\nids = 5", "A=\\n", "A=\\", "A=  blanks  ", "A=\\\\n\n", "A=\tx\r"};
        _cleanup_settings_ struct settings settings = {0}, again = {0};
        _cleanup_free_ char *text = NULL;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(values); i++)
                assert_int_equal(settings_set(&settings, setting_find("env"), values[i]), 0);
        assert_int_equal(settings_format(&settings, &text), 0);
        assert_int_equal(settings_parse("text", text, &again), 0);
        assert_int_equal(again.env.n, ELEMENTS(values));
        assert_false(again.ids.set);
        for (size_t i = 0; i < ELEMENTS(values); i++)
                assert_string_equal(again.env.v[i], values[i]);
}

static void a_wrong_line_is_named(void **state)
{
        static const struct {
                const char *text, *message;
        } wrong[] = {
                {"nonsense\n", "text: line 1: 'nonsense' is not KEY = VALUE"},
                {"\nmemory = lots\n", "text: line 2: memory: invalid value 'lots': expected a size such as 512m"},
                {"terminal = maybe\n", "text: line 1: terminal: invalid value 'maybe': expected yes or no"},
                {"pids = 0\n", "text: line 1: pids: 0 is out of range: expected 1 to 4194304"},
                {"cpus = 1.2345\n",
                 "text: line 1: cpus: invalid value '1.2345': expected a number of CPUs such as 1.5"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                _cleanup_settings_ struct settings settings = {0};

                assert_int_equal(settings_parse("text", wrong[i].text, &settings), -EINVAL);
                assert_string_equal(error_message(), wrong[i].message);
        }
}

static size_t read_nets(const char *text, struct net_setting nets[CTLNET_INTERFACES_MAX])
{
        _cleanup_settings_ struct settings settings = {0};
        size_t n;

        assert_int_equal(settings_parse("text", text, &settings), 0);
        return net_settings_read(&settings, nets, &n) == 0 ? n : SIZE_MAX;
}

static void interfaces_keep_their_names(void **state)
{
        static const char text[] = "net = lab\nnet = back,name=eth0\nnet = vlan:up.7,ip=10.0.0.5/24\nip = 10.1.0.5\n";
        struct net_setting nets[CTLNET_INTERFACES_MAX];
        _cleanup_settings_ struct settings settings = {0};

        (void)state;
        assert_int_equal(read_nets(text, nets), 3);
        assert_int_equal(nets[0].index, 1);
        assert_int_equal(nets[1].index, 0);
        assert_int_equal(nets[2].index, 2);
        assert_int_equal(net_settings_write(&settings, nets, 3), 0);
        assert_int_equal(settings.nets.n, 3);
        assert_string_equal(settings.nets.v[0], "lab,name=eth1,ip=10.1.0.5");
        assert_string_equal(settings.nets.v[2], "vlan:up.7,name=eth2,ip=10.0.0.5/24");
        assert_int_equal(net_settings_write(&settings, nets, 0), 0);
        assert_string_equal(settings.nets.v[0], "none");
}

static void interfaces_that_cannot_stand_together_are_refused(void **state)
{
        static const char *const wrong[] = {"net = lab\nnet = lab\n", "net = lab\nnet = host\n",
                                            "net = a,name=eth1\nnet = b,name=eth1\n",
                                            "net = a\nnet = b\nnet = c\nnet = d\nnet = e\nnet = f\nnet = g\nnet = h\n"
                                            "net = i\n"};
        struct net_setting nets[CTLNET_INTERFACES_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                assert_int_equal(read_nets(wrong[i], nets), SIZE_MAX);
        assert_int_equal(read_nets("net = host\n", nets), 0);
        assert_int_equal(read_nets("", nets), 0);
}

static void checks_know_good_from_bad(void **state)
{
        static const struct {
                const char *key, *good, *bad;
        } values[] = {
                {"user", "www-data", "a b"},
                {"user", "1000:1000", "1000:"},
                {"user", "www-data:adm", "www-data:a:b"},
                {"user", "0", "4294967295"},
                {"workdir", "/a", "a"},
                {"hostname", "web-1.x", "-web"},
                {"stop-signal", "RTMIN+3", "FROB"},
                {"restart", "on-failure:3", "on-failure:0"},
                {"restart", "always", "always:1"},
                {"cpu-set", "0-3,7", "3-1"},
                {"net", "container:web", "container:"},
                {"subuids", "600000:65535", "600000"},
                {"subuids", "1:1", "4294967295:2"},
                {"subgids", "600000:1", "600000:0"},
                {"net", "lab,name=eth7,ip=10.0.0.5,mac=02:00:00:00:00:01", "lab,name=eth8"},
                {"net", "vlan:eth0.5,ip=10.0.0.5/24,gateway=10.0.0.1,mtu=9000", "lab,mtu=575"},
                {"net", "lab,ip6=fd00::5,allow-spoofing", "lab,ip6=10.0.0.5"},
                {"net", "host", "host,ip=10.0.0.5"},
                {"net", "macvlan:up0", "lab,,"},
                {"net", "none", "lab,frob=1"},
                {"volume", "/a:/b:ro", "/a:/b:rx"},
                {"volume", "/a:/b", "/a:/"},
                {"env", "A=", "=A"},
                {"ip", "10.0.0.5", "10.0.0.500"},
                {"isolation", "vm", "jail"},
                {"stop-timeout", "0", "-1"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(values); i++) {
                _cleanup_settings_ struct settings settings = {0};

                if (settings_set(&settings, setting_find(values[i].key), values[i].good) < 0)
                        fail_msg("%s: %s is refused", values[i].key, values[i].good);
                if (settings_set(&settings, setting_find(values[i].key), values[i].bad) == 0)
                        fail_msg("%s: %s is taken", values[i].key, values[i].bad);
        }
}

static void every_setting_has_a_bit(void **state)
{
        (void)state;
        assert_true(n_settings <= 64);
        for (size_t i = 0; i < n_settings; i++)
                assert_ptr_equal(setting_find(setting_table[i].key), &setting_table[i]);
}

static void names_of_containers(void **state)
{
        (void)state;
        assert_true(ctl_name_valid("web-1.a_b"));
        assert_false(ctl_name_valid(""));
        assert_false(ctl_name_valid(".."));
        assert_false(ctl_name_valid("-a"));
        assert_false(ctl_name_valid("a/b"));
        assert_false(ctl_name_valid("0123456789012345678901234567890123456789012345678901234567890123"));
}

static uint64_t bits_of(const char *const *keys, size_t n)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < n; i++)
                bits |= UINT64_C(1) << (setting_find(keys[i]) - setting_table);
        return bits;
}

static void limits_become_resources_and_their_absence_lifts_them(void **state)
{
        _cleanup_settings_ struct settings settings = {0};
        static const char *const keys[] = {"memory", "cpus", "pids", "cpu-weight", "cpu-set"}, *const pids[] = {"pids"};
        _cleanup_free_ char *with = NULL, *without = NULL, *one = NULL, *none = NULL;

        (void)state;
        assert_int_equal(resources_json(&settings, -1, bits_of(keys, 5), &without), 0);
        assert_string_equal(without,
                            "{\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{\"period\":100000,\"quota\":-1},"
                            "\"pids\":{\"limit\":-1},\"unified\":{\"cpu.weight\":\"100\",\"cpuset.cpus\":\"\"}}\n");
        /* What was not touched needs no controller. */
        assert_int_equal(resources_json(&settings, -1, bits_of(pids, 1), &one), 0);
        assert_string_equal(one, "{\"pids\":{\"limit\":-1}}\n");
        assert_int_equal(resources_json(&settings, -1, 0, &none), 0);
        assert_string_equal(none, "{}\n");
        assert_int_equal(settings_set(&settings, setting_find("memory"), "64m"), 0);
        assert_int_equal(settings_set(&settings, setting_find("swap"), "1m"), 0);
        assert_int_equal(settings_set(&settings, setting_find("cpus"), "0.25"), 0);
        assert_int_equal(settings_set(&settings, setting_find("pids"), "7"), 0);
        assert_int_equal(resources_json(&settings, -1, 0, &with), 0);
        assert_string_equal(with, "{\"memory\":{\"limit\":67108864,\"swap\":68157440},\"cpu\":{\"period\":100000,"
                                  "\"quota\":25000},\"pids\":{\"limit\":7}}\n");
}

static void users_are_found_by_name_and_number(void **state)
{
        static const char passwd[] =
                "root:x:0:0:root:/root:/bin/sh\nbroken line\nweb:x:33:44:Web:/var/www:/bin/false\n";
        struct user user;

        (void)state;
        assert_int_equal(user_find_in(passwd, "web", &user), 0);
        assert_true(user.uid == 33 && user.gid == 44);
        assert_string_equal(user.home, "/var/www");
        assert_int_equal(user_find_in(passwd, "33:7", &user), 0);
        assert_true(user.uid == 33 && user.gid == 7);
        assert_int_equal(user_find_in(passwd, "5", &user), 0);
        assert_true(user.uid == 5 && user.gid == 0);
        assert_string_equal(user.home, "/");
        assert_int_equal(group_find_in("root:x:0:\nadm:x:4:web,root\n", "adm", &user.gid), 0);
        assert_int_equal(user.gid, 4);
        assert_int_equal(group_find_in("root:x:0:\nadm:x:4:web,root\n", "web", &user.gid), -EINVAL);
        assert_int_equal(user_find_in(passwd, "web", &user), 0);
        user_groups_in("a:x:1:\nb:x:2:web\nc:x:3:webb,we\nd:x:4:mail,web\ne:x:70000:web\nbroken\nf:x:5:mail,web,x\n",
                       65536, &user);
        assert_int_equal(user.n_groups, 4);
        assert_true(user.groups[0] == 44 && user.groups[1] == 2 && user.groups[2] == 4 && user.groups[3] == 5);
        assert_int_equal(user_find_in(passwd, "we", &user), -EINVAL);
        assert_int_equal(user_find_in(passwd, "webb", &user), -EINVAL);
}

static void the_keeper_decides_by_policy_and_end(void **state)
{
        int64_t delay;
        uint32_t count;

        (void)state;
        assert_false(keeper_decide(KEEPER_NO, 0, 0, 1, 0, &delay, &count));
        assert_false(keeper_decide(KEEPER_ON_FAILURE, 0, 0, 0, 0, &delay, &count));
        assert_true(keeper_decide(KEEPER_ON_FAILURE, 0, 0, 1, 0, &delay, &count));
        assert_true(delay == 100 && count == 1);
        assert_true(keeper_decide(KEEPER_ALWAYS, 0, 3, 0, 0, &delay, &count));
        assert_true(delay == 800 && count == 4);
        assert_true(keeper_decide(KEEPER_ALWAYS, 0, 4000000000U, 0, 0, &delay, &count));
        assert_true(delay == 60000);
        assert_false(keeper_decide(KEEPER_ON_FAILURE, 2, 2, 1, 0, &delay, &count));
        assert_true(keeper_decide(KEEPER_ON_FAILURE, 2, 2, 1, 10000, &delay, &count));
        assert_true(count == 1);
        /* reboot(2) and poweroff inside. */
        assert_true(keeper_decide(KEEPER_NO, 0, 0, 128 + 1, 0, &delay, &count));
        assert_true(delay == 0);
        assert_false(keeper_decide(KEEPER_ALWAYS, 0, 0, 128 + 2, 0, &delay, &count));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read_again),
                cmocka_unit_test(comments_blanks_and_unknown_keys_stand),
                cmocka_unit_test(a_value_may_hold_anything_and_is_one_line),
                cmocka_unit_test(a_wrong_line_is_named),
                cmocka_unit_test(interfaces_keep_their_names),
                cmocka_unit_test(interfaces_that_cannot_stand_together_are_refused),
                cmocka_unit_test(checks_know_good_from_bad),
                cmocka_unit_test(every_setting_has_a_bit),
                cmocka_unit_test(names_of_containers),
                cmocka_unit_test(limits_become_resources_and_their_absence_lifts_them),
                cmocka_unit_test(users_are_found_by_name_and_number),
                cmocka_unit_test(the_keeper_decides_by_policy_and_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
