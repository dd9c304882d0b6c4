/* What exec runs, which wall a container gets, and where a program is at home. */
#include "oci_support.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime/core/home.h"
#include "runtime/life/exec_process.h"
#include "runtime/life/wall.h"

#define CONTAINER                                                                                                      \
        "'process':{'cwd':'/w','args':['init'],'env':['PATH=/bin','A=1','B=2'],'terminal':true,"                       \
        "'consoleSize':{'height':2,'width':3},'user':{'uid':5,'gid':6,'additionalGids':[7]},"                          \
        "'capabilities':{'bounding':['CAP_KILL'],'effective':['CAP_KILL'],'permitted':['CAP_KILL']},"                  \
        "'noNewPrivileges':true,'apparmorProfile':'p','selinuxLabel':'l','rlimits':[{'type':'RLIMIT_CORE','soft':1,'"  \
        "hard':2}]}"

struct overlaid {
        struct oci_spec *spec;
        struct arena arena;
        struct oci_process process;
        int r;
};

static struct overlaid overlay(struct exec_request *request)
{
        static const char *const command[] = {"ls", "-l", NULL};
        struct overlaid overlaid = {.spec = accept(CONTAINER)};

        request->args = command;
        request->n_args = 2;
        overlaid.r = exec_process(request, &overlaid.spec->process, &overlaid.arena, &overlaid.process);
        return overlaid;
}

static void overlaid_release(struct overlaid *overlaid)
{
        oci_spec_free(overlaid->spec);
        arena_free(&overlaid->arena);
}
#define _cleanup_overlaid_ _cleanup_(overlaid_release)

static void expect_env(const struct oci_process *process, const char *const *env)
{
        size_t n = 0;

        for (; env[n]; n++) {
                assert_true(n < process->env.n);
                assert_string_equal(process->env.v[n], env[n]);
        }
        assert_int_equal(process->env.n, n);
}
#define EXPECT_ENV(process, ...) expect_env(process, (const char *const[]){__VA_ARGS__, NULL})

static void what_is_not_named_is_the_containers(void **state)
{
        struct exec_request request = {0};
        _cleanup_overlaid_ struct overlaid o = overlay(&request);

        (void)state;
        assert_int_equal(o.r, 0);
        assert_int_equal(o.process.args.n, 2);
        assert_string_equal(o.process.args.v[0], "ls");
        assert_string_equal(o.process.cwd, "/w");
        EXPECT_ENV(&o.process, "PATH=/bin", "A=1", "B=2");
        assert_int_equal(o.process.user.uid, 5);
        assert_int_equal(o.process.user.gid, 6);
        assert_int_equal(o.process.user.n_additional_gids, 1);
        assert_true(o.process.no_new_privileges);
        assert_string_equal(o.process.apparmor_profile, "p");
        assert_int_equal(o.process.rlimits.n, 1);
        assert_true(o.process.capabilities.bounding == 1U << 5);
}

static void a_terminal_is_only_what_exec_itself_asks_for(void **state)
{
        struct exec_request without = {0}, with = {.tty_set = true, .tty = true}, denied = {.tty_set = true};
        _cleanup_overlaid_ struct overlaid a = overlay(&without), b = overlay(&with), c = overlay(&denied);

        (void)state;
        assert_false(a.process.terminal);
        assert_true(b.process.terminal);
        assert_false(b.process.console_size.set);
        assert_false(c.process.terminal);
}

static void of_two_variables_of_one_name_the_later_wins(void **state)
{
        static const char *const env[] = {"B=3", "C=4", "C=5", "BB=1", "A="};
        struct exec_request request = {.env = env, .n_env = ELEMENTS(env)};
        _cleanup_overlaid_ struct overlaid o = overlay(&request);

        (void)state;
        assert_int_equal(o.r, 0);
        EXPECT_ENV(&o.process, "PATH=/bin", "A=", "B=3", "C=5", "BB=1");
        assert_int_equal(o.spec->process.env.n, 3); /* and the container's own stay */
        assert_string_equal(o.spec->process.env.v[2], "B=2");
}

static void variables_without_name_or_value_are_refused(void **state)
{
        static const char *const bad[] = {"A", "", "=", "=x"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                struct exec_request request = {.env = &bad[i], .n_env = 1};
                _cleanup_overlaid_ struct overlaid o = overlay(&request);

                assert_int_equal(o.r, -EINVAL);
                assert_non_null(strstr(error_message(), "expected NAME=VALUE"));
        }
}

static void another_user_keeps_the_group_unless_it_is_named_too(void **state)
{
        static const uint32_t groups[] = {8, 9};
        struct exec_request user = {.user_set = true, .uid = 0};
        struct exec_request both = {.user_set = true, .uid = 1, .gid_set = true, .gid = 0};
        struct exec_request more = {.additional_gids = groups, .n_additional_gids = 2};
        _cleanup_overlaid_ struct overlaid a = overlay(&user), b = overlay(&both), c = overlay(&more);

        (void)state;
        assert_int_equal(a.process.user.uid, 0);
        assert_int_equal(a.process.user.gid, 6);
        assert_int_equal(b.process.user.uid, 1);
        assert_int_equal(b.process.user.gid, 0);
        assert_int_equal(c.process.user.n_additional_gids, 3);
        assert_int_equal(c.process.user.additional_gids[0], 7);
        assert_int_equal(c.process.user.additional_gids[2], 9);
}

/* CVE-2022-29162: what exec adds never becomes inheritable by itself. */
static void added_capabilities_are_not_inheritable(void **state)
{
        struct exec_request request = {.capabilities = 1U << 10};
        _cleanup_overlaid_ struct overlaid o = overlay(&request);

        (void)state;
        assert_true(o.process.capabilities.bounding == (1U << 10 | 1U << 5));
        assert_true(o.process.capabilities.permitted & 1U << 10);
        assert_true(o.process.capabilities.effective & 1U << 10);
        assert_true(o.process.capabilities.inheritable == 0);
        assert_true(o.process.capabilities.ambient == 0);
}

static void labels_and_privileges_are_replaced(void **state)
{
        struct exec_request request = {
                .cwd = "/x", .process_label = "m", .apparmor = "q", .no_new_privs_set = true, .no_new_privs = false};
        struct exec_request relative = {.cwd = "x"};
        _cleanup_overlaid_ struct overlaid o = overlay(&request), bad = overlay(&relative);

        (void)state;
        assert_string_equal(o.process.cwd, "/x");
        assert_string_equal(o.process.selinux_label, "m");
        assert_string_equal(o.process.apparmor_profile, "q");
        assert_false(o.process.no_new_privileges);
        assert_int_equal(bad.r, -EINVAL);
        assert_string_equal(error_message(), "--cwd x: is not absolute");
}

static void a_process_file_is_the_whole_process_but_for_what_confines_it(void **state)
{
        static const char text[] = "{\"cwd\":\"/f\",\"args\":[\"id\"],\"terminal\":true}";
        char path[] = "/tmp/berth-process-XXXXXX";
        struct exec_request request = {.process_file = path}, missing = {.process_file = "/no/such/process.json"};
        _cleanup_close_ int fd = mkstemp(path);

        (void)state;
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        {
                _cleanup_overlaid_ struct overlaid o = overlay(&request), bad = overlay(&missing);

                assert_int_equal(o.r, 0);
                assert_string_equal(o.process.args.v[0], "id");
                assert_string_equal(o.process.cwd, "/f");
                assert_true(o.process.capabilities.set && o.process.capabilities.effective == 1U << 5);
                assert_string_equal(o.process.apparmor_profile, "p");
                assert_string_equal(o.process.selinux_label, "l");
                assert_true(o.process.terminal);
                assert_int_equal(o.process.env.n, 0);
                assert_int_equal(o.process.user.uid, 0);
                assert_int_equal(bad.r, -ENOENT);
                assert_string_equal(error_message(),
                                    "read the process from /no/such/process.json: No such file or directory");
        }
        unlink(path);
}

/* ---- the wall ---- */

#define VM              "'vm':{'kernel':{'path':'/k'}}"
#define ANNOTATED(word) "'annotations':{'berth.isolation':'" word "'}"

static const struct wall_policy no_policy = {ISOLATION_UNSET, ISOLATION_UNSET};

static void the_command_decides_then_the_vm_object_then_the_annotation(void **state)
{
        static const struct {
                enum isolation asked;
                const char *members;
                enum isolation isolation;
        } cases[] = {
                {ISOLATION_UNSET, "", ISOLATION_PROCESS},
                {ISOLATION_UNSET, VM, ISOLATION_VM},
                {ISOLATION_UNSET, ANNOTATED("vm"), ISOLATION_VM},
                {ISOLATION_UNSET, ANNOTATED("process"), ISOLATION_PROCESS},
                {ISOLATION_PROCESS, "", ISOLATION_PROCESS},
                {ISOLATION_PROCESS, VM, ISOLATION_PROCESS},
                {ISOLATION_VM, "", ISOLATION_VM},
                /* An annotation comes from strangers: it may ask for the stronger wall, never for the weaker. */
                {ISOLATION_PROCESS, ANNOTATED("vm"), ISOLATION_VM},
                {ISOLATION_VM, ANNOTATED("process"), ISOLATION_VM},
                {ISOLATION_UNSET, VM "," ANNOTATED("process"), ISOLATION_VM},
                {ISOLATION_PROCESS, VM "," ANNOTATED("vm"), ISOLATION_VM},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_spec_ struct oci_spec *spec = accept(cases[i].members);
                enum isolation isolation = ISOLATION_UNSET;

                assert_int_equal(wall_choose(cases[i].asked, spec, &no_policy, &isolation), 0);
                if (isolation != cases[i].isolation)
                        fail_msg("case %zu: %s", i, cases[i].members);
        }
}

static void the_hosts_configuration_counts_last_and_may_force_a_wall(void **state)
{
        static const struct {
                enum isolation asked;
                struct wall_policy policy;
                int result;
                enum isolation isolation;
        } cases[] = {
                {ISOLATION_UNSET, {ISOLATION_VM, ISOLATION_UNSET}, 0, ISOLATION_VM},
                {ISOLATION_PROCESS, {ISOLATION_VM, ISOLATION_UNSET}, 0, ISOLATION_PROCESS},
                {ISOLATION_UNSET, {ISOLATION_UNSET, ISOLATION_VM}, 0, ISOLATION_VM},
                {ISOLATION_PROCESS, {ISOLATION_UNSET, ISOLATION_VM}, -EPERM, ISOLATION_UNSET},
                {ISOLATION_VM, {ISOLATION_UNSET, ISOLATION_PROCESS}, -EPERM, ISOLATION_UNSET},
        };
        _cleanup_spec_ struct oci_spec *spec = accept("");

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                enum isolation isolation = ISOLATION_UNSET;

                assert_int_equal(wall_choose(cases[i].asked, spec, &cases[i].policy, &isolation), cases[i].result);
                assert_int_equal(isolation, cases[i].isolation);
        }
}

static void an_annotation_that_names_no_wall_is_refused(void **state)
{
        static const char *const bad[] = {ANNOTATED(""), ANNOTATED("VM"), ANNOTATED("none"), ANNOTATED("vm ")};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_spec_ struct oci_spec *spec = accept(bad[i]);
                enum isolation isolation = ISOLATION_UNSET;

                assert_int_equal(wall_choose(ISOLATION_VM, spec, &no_policy, &isolation), -EINVAL);
                assert_non_null(strstr(error_message(), "annotations[\"berth.isolation\"]"));
        }
}

/* ---- home ---- */

static void root_is_at_home_where_passwd_says_and_strangers_are_at_the_root(void **state)
{
        char home[HOME_MAX], tiny[2];

        (void)state;
        home_directory(0, home, sizeof(home));
        assert_string_equal(home, "/root");
        home_directory(4294967294U, home, sizeof(home));
        assert_string_equal(home, "/");
        home_directory(0, tiny, sizeof(tiny)); /* too long for its place: as if there were none */
        assert_string_equal(tiny, "/");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_named_is_the_containers),
                cmocka_unit_test(a_terminal_is_only_what_exec_itself_asks_for),
                cmocka_unit_test(of_two_variables_of_one_name_the_later_wins),
                cmocka_unit_test(variables_without_name_or_value_are_refused),
                cmocka_unit_test(another_user_keeps_the_group_unless_it_is_named_too),
                cmocka_unit_test(added_capabilities_are_not_inheritable),
                cmocka_unit_test(labels_and_privileges_are_replaced),
                cmocka_unit_test(a_process_file_is_the_whole_process_but_for_what_confines_it),
                cmocka_unit_test(the_command_decides_then_the_vm_object_then_the_annotation),
                cmocka_unit_test(an_annotation_that_names_no_wall_is_refused),
                cmocka_unit_test(the_hosts_configuration_counts_last_and_may_force_a_wall),
                cmocka_unit_test(root_is_at_home_where_passwd_says_and_strangers_are_at_the_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
