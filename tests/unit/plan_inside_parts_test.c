/* What a configuration becomes, part by part: devices, hooks, sockets, and the plans that are no new container. */
#include "tests/unit/plan_inside_support.h"

/* ---- devices ---- */

static void default_devices_are_not_doubled(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS "},'linux':{'namespaces':[" NEW_NAMESPACES "],'devices':["
                             "{'path':'/dev/null','type':'c','major':1,'minor':3,'fileMode':384,'uid':5,'gid':6},"
                             "{'path':'/dev/fifo','type':'p'}]}");
        size_t nulls = 0;

        (void)state;
        assert_int_equal(count_of(&made, STEP_DEVICE), 7);
        for (size_t i = 0; i < 7; i++) {
                const struct step_device *device = step_of(&made, STEP_DEVICE, i);

                assert_int_equal(device->bind, 0);
                if (strcmp(text_of(&made, device->path), "/dev/null") != 0)
                        continue;
                nulls++;
                assert_int_equal(device->mode, S_IFCHR | 0600);
                assert_int_equal(device->uid, 5);
                assert_int_equal(device->gid, 6);
        }
        assert_int_equal(nulls, 1);
        assert_int_equal(((const struct step_device *)step_of(&made, STEP_DEVICE, 6))->mode, S_IFIFO | 0666);
}

static void in_a_dev_of_the_host_nothing_is_made(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS "},'mounts':[{'destination':'/dev','source':'/dev','options':['rbind']}],"
                             "'linux':{'namespaces':[" NEW_NAMESPACES "]}");

        (void)state;
        assert_null(step_of(&made, STEP_DEVICE, 0));
        assert_null(step_of(&made, STEP_LINK, 0));
}

/* ---- hooks, console, sockets ---- */

static void hooks_run_in_their_places(void **state)
{
        struct plan_facts facts = facts_of_test();

        (void)state;
        facts.needs_report = true;
        {
                _cleanup_made_ struct made made = make_with(
                        PROCESS
                        ",'terminal':true},'hooks':{'createContainer':[{'path':'/c','args':['c','x'],'env':['A=b'],"
                        "'timeout':9}],'startContainer':[{'path':'/s'}],'poststart':[{'path':'/p'}]},"
                        "'linux':{'namespaces':[" NEW_NAMESPACES "],'maskedPaths':['/m']}",
                        &facts);
                const struct step_hook *create = step_of(&made, STEP_HOOK, 0), *start = step_of(&made, STEP_HOOK, 1);
                const char *v[4];

                EXPECT_ORDER(&made, "report", "root", "console", "hook", "mask_path", "pivot", "park", "bounding",
                             "capabilities", "hook", "exec");
                assert_true(create->in_root);
                assert_false(start->in_root);
                assert_int_equal(count_of(&made, STEP_HOOK), 2);
                assert_string_equal(text_of(&made, create->kind), "createContainer");
                assert_string_equal(text_of(&made, create->path), "/c");
                assert_int_equal(create->timeout, 9);
                assert_int_equal(plan_strings(&made.plan, create->args, v), 2);
                assert_string_equal(v[1], "x");
                assert_int_equal(plan_strings(&made.plan, create->env, v), 1);
                assert_string_equal(text_of(&made, start->kind), "startContainer");
                assert_int_equal(start->timeout, 0);
                assert_int_equal(((const struct step_report *)step_of(&made, STEP_REPORT, 0))->point, POINT_NAMESPACES);
        }
}

static void activation_sockets_replace_what_the_configuration_says_of_them(void **state)
{
        struct plan_facts facts = facts_of_test();

        (void)state;
        facts.listen_fds = "2";
        facts.keep_fds = 3;
        facts.notify_directory = "/run/berth/test/notify";
        facts.notify_tree = 3;
        {
                _cleanup_made_ struct made made = make_with(
                        "'process':{'cwd':'/','args':['sh'],'env':['LISTEN_FDS=9','LISTEN_PID=77','A=1',"
                        "'NOTIFY_SOCKET=/evil','LISTEN_FDNAMES=x']},'linux':{'namespaces':[" NEW_NAMESPACES "]}",
                        &facts);
                const struct step_prepare *prepare = step_of(&made, STEP_PREPARE, 0);
                const struct step_mount *notify = mount_at(&made, "/run/notify");

                assert_true(environment_has(&made, "LISTEN_FDS=2"));
                assert_true(environment_has(&made, "NOTIFY_SOCKET=/run/notify/notify.sock"));
                assert_true(environment_has(&made, "A=1"));
                assert_true(environment_has(&made, "LISTEN_FDNAMES=x"));
                assert_false(environment_has(&made, "LISTEN_FDS=9"));
                assert_false(environment_has(&made, "LISTEN_PID=77"));
                assert_false(environment_has(&made, "NOTIFY_SOCKET=/evil"));
                assert_int_equal(prepare->set_listen_pid, 1);
                assert_int_equal(prepare->keep_fds, 3);
                assert_int_equal(notify->source_slot, 3);
                assert_true(notify->attr_set ==
                            (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
        }
        {
                _cleanup_made_ struct made made =
                        make("'process':{'cwd':'/"
                             "','args':['sh'],'env':['LISTEN_FDS=9','LISTEN_PID=77']},'linux':{'namespaces':["
                             "{'type':'mount'}]}");

                assert_true(environment_has(&made, "LISTEN_FDS=9"));
                assert_true(environment_has(&made, "LISTEN_PID=77"));
        }
}

static void ambient_capabilities_are_those_that_can_be_raised(void **state)
{
        _cleanup_made_ struct made made = make(
                "'process':{'cwd':'/','args':['sh'],'capabilities':{'bounding':['CAP_KILL','CAP_CHOWN'],'permitted':"
                "['CAP_KILL','CAP_CHOWN'],'inheritable':['CAP_KILL'],'ambient':['CAP_KILL','CAP_CHOWN']}},"
                "'linux':{'namespaces':[{'type':'mount'}]}");
        const struct step_bounding *step = step_of(&made, STEP_BOUNDING, 0);

        (void)state;
        assert_true(step->bounding == (1U << 5 | 1U << 0));
        assert_true(step->inheritable == 1U << 5);
        assert_true(step->ambient == 1U << 5);
        assert_true(step->effective == 0);
}

/* ---- exec ---- */

static void exec_joins_and_never_makes_what_the_container_has(void **state)
{
        _cleanup_made_ struct made made = {0};
        struct oci_spec *spec =
                accept("'process':{'cwd':'/w','args':['id'],'terminal':true,'noNewPrivileges':true,'selinuxLabel':'l',"
                       "'execCPUAffinity':{'initial':'0','final':'0-1'}},'linux':{'namespaces':[{'type':'mount'}]}");
        struct plan_builder builder = {0};
        const struct plan_exec_facts facts = {
                .id = "test",
                .pidfd = 0,
                .root = PLAN_NO_SLOT,
                .namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID,
                .user_namespace = true,
                .seccomp = filter,
                .seccomp_n = 1,
                .container = &spec->linux_,
        };
        const struct step_user_namespace *user;

        (void)state;
        assert_int_equal(plan_exec(&spec->process, &facts, &builder), 0);
        finish(&made, &builder);
        oci_spec_free(spec);
        assert_string_equal(made.order,
                            " undumpable join user_namespace clone session keyring entered console program park "
                            "affinity label bounding user capabilities prepare no_new_privileges seccomp "
                            "exec ");
        user = step_of(&made, STEP_USER_NAMESPACE, 0);
        assert_int_equal(user->joined, 1);
        assert_int_equal(((const struct step_clone *)step_of(&made, STEP_CLONE, 0))->flags, 0);
        assert_int_equal(((const struct step_join *)step_of(&made, STEP_JOIN, 0))->flags, facts.namespaces);
        assert_int_equal(((const struct step_console *)step_of(&made, STEP_CONSOLE, 0))->mount, 0);
        assert_int_equal(((const struct step_program *)step_of(&made, STEP_PROGRAM, 0))->create_cwd, 0);
        assert_int_equal(((const struct step_park *)step_of(&made, STEP_PARK, 0))->slot, PLAN_NO_SLOT);
        assert_string_equal(text_of(&made, ((const struct step_affinity *)step_of(&made, STEP_AFFINITY, 0))->cpus),
                            "0-1");
}

/* The host part of a VM container: namespaces, the network's settings, and then the program that stands for it. */
static void the_part_on_this_host_ends_with_another_program(void **state)
{
        static const char *const args[] = {"proxy", "box", NULL};
        struct oci_spec *spec = accept(PROCESS "},'linux':{'namespaces':[" NEW_NAMESPACES "],"
                                               "'sysctl':{'net.ipv4.ip_forward':'1','kernel.shmmni':'99'}}");
        const struct plan_facts facts = facts_of_test();
        struct plan_builder builder = {0};
        _cleanup_made_ struct made made;
        const struct step_become *become;
        const struct step_sysctl *sysctl;
        const char *words[3];

        (void)state;
        plan_outside(spec, &facts, 7, args, 2, &builder);
        finish(&made, &builder);
        assert_string_equal(made.order, " undumpable unshare loopback sysctl become ");
        sysctl = step_of(&made, STEP_SYSCTL, 0);
        assert_string_equal(plan_string(&made.plan, sysctl->key), "net/ipv4/ip_forward");
        become = step_of(&made, STEP_BECOME, 0);
        assert_int_equal(become->program, 7);
        assert_int_equal(plan_strings(&made.plan, become->args, words), 2);
        assert_string_equal(words[1], "box");
        oci_spec_free(spec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(default_devices_are_not_doubled),
                cmocka_unit_test(in_a_dev_of_the_host_nothing_is_made),
                cmocka_unit_test(hooks_run_in_their_places),
                cmocka_unit_test(activation_sockets_replace_what_the_configuration_says_of_them),
                cmocka_unit_test(ambient_capabilities_are_those_that_can_be_raised),
                cmocka_unit_test(the_part_on_this_host_ends_with_another_program),
                cmocka_unit_test(exec_joins_and_never_makes_what_the_container_has),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
