/* What a configuration becomes: the steps, their order, and what is in them. */
#include "tests/unit/plan_inside_support.h"

/* ---- the whole ---- */

static void the_usual_configuration(void **state)
{
        _cleanup_made_ struct made made = make(USUAL);

        (void)state;
        assert_string_equal(made.order,
                            " undumpable unshare session keyring hostname loopback root mount mount mount mount device "
                            "device device device device device link link link link link link readonly_path mask_path "
                            "mask_path pivot program root_finish park bounding user capabilities prepare "
                            "no_new_privileges exec ");
        assert_int_equal(((const struct step_unshare *)step_of(&made, STEP_UNSHARE, 0))->flags, CLONE_NEWCGROUP);
        assert_int_equal(((const struct step_park *)step_of(&made, STEP_PARK, 0))->slot, 0);
        assert_string_equal(text_of(&made, ((const struct step_program *)step_of(&made, STEP_PROGRAM, 0))->path),
                            "/bin");
}

/* What only an existing process can enter takes two processes: the first one is undumpable from the clone on. */
static void the_init_starts_inside_unless_something_must_be_entered_first(void **state)
{
        static const struct {
                const char *namespaces;
                bool staged;
                uint64_t launched;
        } cases[] = {
                {NEW_NAMESPACES, false, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS},
                {"{'type':'mount'},{'type':'network','path':'/n'}", false, CLONE_NEWNS},
                {"{'type':'mount'},{'type':'pid','path':'/p'}", true, CLONE_NEWNS},
                {"{'type':'pid'},{'type':'mount','path':'/m'}", true, CLONE_NEWPID},
                {"{'type':'mount'},{'type':'time'}", true, CLONE_NEWNS},
                {"{'type':'mount'},{'type':'user','path':'/u'}", true, CLONE_NEWNS},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct plan_facts facts = facts_of_test();
                struct oci_spec *spec;
                char members[1024];
                struct made made;

                snprintf(members, sizeof(members), PROCESS "},'linux':{'namespaces':[%s]}", cases[i].namespaces);
                spec = accept(members);
                assert_int_equal(plan_is_staged(spec), cases[i].staged);
                assert_true(plan_launch_namespaces(spec) == cases[i].launched);
                oci_spec_free(spec);
                made = make_with(members, &facts);
                assert_int_equal(count_of(&made, STEP_CLONE), cases[i].staged);
                assert_int_equal(count_of(&made, STEP_UNDUMPABLE), 1);
                made_release(&made);
        }
}

static void without_new_privileges_the_filter_is_last_and_otherwise_before_the_user(void **state)
{
        struct plan_facts facts = facts_of_test();
        const struct step_seccomp *seccomp;

        (void)state;
        facts.seccomp = filter;
        facts.seccomp_n = ELEMENTS(filter);
        facts.seccomp_flags = 4;
        {
                _cleanup_made_ struct made made = make_with(USUAL, &facts);

                EXPECT_ORDER(&made, "bounding", "user", "capabilities", "prepare", "no_new_privileges", "seccomp",
                             "exec");
                assert_int_equal(count_of(&made, STEP_SECCOMP), 1);
                seccomp = step_of(&made, STEP_SECCOMP, 0);
                assert_int_equal(seccomp->filter.size, sizeof(filter));
                assert_memory_equal(plan_bytes(&made.plan, seccomp->filter), filter, sizeof(filter));
                assert_int_equal(seccomp->flags, 4);
        }
        {
                _cleanup_made_ struct made made =
                        make_with(PROCESS "},'linux':{'namespaces':[" NEW_NAMESPACES "]}", &facts);

                EXPECT_ORDER(&made, "bounding", "seccomp", "user", "capabilities", "prepare", "exec");
                assert_int_equal(count_of(&made, STEP_SECCOMP), 1);
                assert_int_equal(count_of(&made, STEP_NO_NEW_PRIVILEGES), 0);
        }
}

static void privileges_go_in_the_order_that_must_hold(void **state)
{
        _cleanup_made_ struct made made = make(
                PROCESS ",'scheduler':{'policy':'SCHED_BATCH'},'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':0},"
                        "'rlimits':[{'type':'RLIMIT_CORE','soft':0,'hard':0}],'oomScoreAdj':10,"
                        "'apparmorProfile':'p'},'linux':{'namespaces':[" NEW_NAMESPACES
                        "],'personality':{'domain':'LINUX32'},"
                        "'memoryPolicy':{'mode':'MPOL_INTERLEAVE','nodes':'0'}}");

        (void)state;
        EXPECT_ORDER(&made, "oom_score", "undumpable", "program", "park", "scheduler", "io_priority", "memory_policy",
                     "personality", "rlimit", "label", "bounding", "user", "capabilities", "prepare", "exec");
        assert_int_equal(((const struct step_park *)step_of(&made, STEP_PARK, 0))->needs_procfs, 1);
}

static void a_container_without_a_process_waits_and_has_nothing_to_execute(void **state)
{
        _cleanup_made_ struct made made = make("'linux':{'namespaces':[" NEW_NAMESPACES "]}");

        (void)state;
        EXPECT_ORDER(&made, "pivot", "root_finish", "park");
        assert_null(step_of(&made, STEP_PROGRAM, 0));
        assert_null(step_of(&made, STEP_EXEC, 0));
}

/* ---- namespaces ---- */

static void joined_namespaces_come_before_the_user_namespace_unless_they_belong_to_it(void **state)
{
        struct plan_facts facts = facts_of_test();
        const struct step_join *join;

        (void)state;
        facts.namespaces[OCI_NS_USER] = 0;
        facts.namespaces[OCI_NS_NETWORK] = 1;
        facts.namespaces[OCI_NS_IPC] = 2;
        facts.owned_by_user[OCI_NS_IPC] = true;
        {
                _cleanup_made_ struct made made =
                        make_with(PROCESS "},'linux':{'namespaces':[{'type':'mount'},{'type':'user','path':'/u'},"
                                          "{'type':'network','path':'/n'},{'type':'ipc','path':'/i'}]}",
                                  &facts);

                EXPECT_ORDER(&made, "join", "join", "user_namespace", "join", "clone");
                join = step_of(&made, STEP_JOIN, 0);
                assert_int_equal(join->slot, 1);
                assert_int_equal(join->flags, CLONE_NEWNET);
                assert_string_equal(text_of(&made, join->what), "network namespace /n");
                join = step_of(&made, STEP_JOIN, 1);
                assert_int_equal(join->slot, 0);
                join = step_of(&made, STEP_JOIN, 2);
                assert_int_equal(join->slot, 2);
                assert_int_equal(join->flags, CLONE_NEWIPC);
                assert_true(((const struct step_clone *)step_of(&made, STEP_CLONE, 0))->flags == CLONE_NEWNS);
                assert_true(((const struct step_user_namespace *)step_of(&made, STEP_USER_NAMESPACE, 0))->joined);
                assert_null(step_of(&made, STEP_LOOPBACK, 0)); /* somebody else's network */
        }
}

static void a_new_user_namespace_is_entered_as_root_only_when_it_has_one(void **state)
{
        static const char maps[] = PROCESS "},'linux':{'namespaces':[{'type':'user'},{'type':'mount'}],"
                                           "'uidMappings':[{'containerID':%s,'hostID':100000,'size':10}],"
                                           "'gidMappings':[{'containerID':0,'hostID':100000,'size':10}]}";
        static const char *const first[] = {"5", "0"};

        (void)state;
        for (uint32_t i = 0; i < ELEMENTS(first); i++) {
                const struct step_user_namespace *user;
                char members[2048];
                struct made made;

                snprintf(members, sizeof(members), maps, first[i]);
                made = make(members);
                user = step_of(&made, STEP_USER_NAMESPACE, 0);
                assert_int_equal(user->joined, 0);
                assert_int_equal(user->become_root, i);
                EXPECT_ORDER(&made, "user_namespace", "clone");
                made_release(&made);
        }
}

static void in_a_user_namespace_devices_are_bound_and_setgroups_is_asked_about(void **state)
{
        _cleanup_made_ struct made made = make(PROCESS "},'linux':{'namespaces':[{'type':'user'},{'type':'mount'}],"
                                                       "'uidMappings':[{'containerID':0,'hostID':100000,'size':10}],"
                                                       "'gidMappings':[{'containerID':0,'hostID':100000,'size':10}]}");

        (void)state;
        for (size_t i = 0; i < count_of(&made, STEP_DEVICE); i++)
                assert_int_equal(((const struct step_device *)step_of(&made, STEP_DEVICE, i))->bind, 1);
        assert_int_equal(((const struct step_program *)step_of(&made, STEP_PROGRAM, 0))->ask_setgroups, 1);
        assert_int_equal(((const struct step_keyring *)step_of(&made, STEP_KEYRING, 0))->user_namespace, 1);
}

static void time_offsets_are_what_the_kernel_reads(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS "},'linux':{'namespaces':[{'type':'time'},{'type':'mount'}],"
                             "'timeOffsets':{'boottime':{'secs':-5,'nanosecs':7},'monotonic':{'secs':3600}}}");
        const struct step_time_namespace *step = step_of(&made, STEP_TIME_NAMESPACE, 0);

        (void)state;
        assert_string_equal(text_of(&made, step->offsets), "monotonic 3600 0\nboottime -5 7\n");
        EXPECT_ORDER(&made, "time_namespace", "clone");
        assert_true(((const struct step_clone *)step_of(&made, STEP_CLONE, 0))->flags == CLONE_NEWNS);
}

/* ---- the root ---- */

static void masks_are_made_before_the_root_is_changed_and_sysctls_after(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS "}," USUAL_MOUNTS ",'linux':{'namespaces':[" NEW_NAMESPACES "],'maskedPaths':['/m'],"
                             "'readonlyPaths':['/r'],'sysctl':{'net.ipv4.ip_forward':'1'}}");
        const struct step_sysctl *sysctl = step_of(&made, STEP_SYSCTL, 0);

        (void)state;
        EXPECT_ORDER(&made, "mount", "device", "readonly_path", "mask_path", "pivot", "sysctl", "program",
                     "root_finish", "park");
        assert_string_equal(text_of(&made, sysctl->key), "net/ipv4/ip_forward");
        assert_string_equal(text_of(&made, sysctl->value), "1");
}

static void a_read_only_dev_is_made_so_after_its_nodes(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS "},'mounts':[{'destination':'/dev','type':'tmpfs','options':['ro','nosuid']},"
                             "{'destination':'/filled','type':'tmpfs','options':['ro','tmpcopyup']},"
                             "{'destination':'/plain','type':'tmpfs','options':['ro']}],"
                             "'linux':{'namespaces':[" NEW_NAMESPACES "]}");
        const struct step_mount *dev = mount_at(&made, "/dev"), *filled = mount_at(&made, "/filled"),
                                *plain = mount_at(&made, "/plain");

        (void)state;
        EXPECT_ORDER(&made, "mount", "device", "link", "pivot", "root_finish");
        assert_true(dev->flags & PLAN_MOUNT_READONLY_LAST);
        assert_false(dev->attr_set & MOUNT_ATTR_RDONLY);
        assert_false(dev->sb_set & MS_RDONLY);
        assert_true(dev->attr_set & MOUNT_ATTR_NOSUID);
        assert_true(filled->flags & PLAN_MOUNT_READONLY_AFTER_COPY);
        assert_true(filled->flags & PLAN_MOUNT_COPYUP);
        assert_false((filled->attr_set & MOUNT_ATTR_RDONLY) || (filled->sb_set & MS_RDONLY));
        assert_true(plain->attr_set & MOUNT_ATTR_RDONLY);
        assert_int_equal(plain->flags & (PLAN_MOUNT_READONLY_LAST | PLAN_MOUNT_READONLY_AFTER_COPY), 0);
}

static void mounts_keep_their_kind_flags_and_order(void **state)
{
        _cleanup_made_ struct made made =
                make(PROCESS
                     "},'mounts':[{'destination':'/a','type':'bind','source':'data','options':['rbind','ro','rslave']},"
                     "{'destination':'/b','type':'none','source':'/host','options':['bind','rro']},"
                     "{'destination':'/c','type':'ext4','source':'/dev/x','options':['noatime','commit=5']},"
                     "{'destination':'/a','options':['remount','bind','rw']},"
                     "{'destination':'/cg','type':'cgroup'},{'destination':'/mq','type':'mqueue'}],"
                     "'linux':{'namespaces':[" NEW_NAMESPACES "]}");
        const struct step_mount *a = mount_at(&made, "/a"), *b = mount_at(&made, "/b"), *c = mount_at(&made, "/c");
        const struct step_mount *again = step_of(&made, STEP_MOUNT, 3), *cgroup = mount_at(&made, "/cg");

        (void)state;
        assert_int_equal(a->kind, MOUNT_KIND_BIND);
        assert_string_equal(text_of(&made, a->source), "/bundle/data");
        assert_true(a->flags & PLAN_MOUNT_RECURSIVE);
        assert_true(a->attr_set & MOUNT_ATTR_RDONLY);
        assert_int_equal(a->propagation, MS_SLAVE | MS_REC);
        assert_int_equal(b->kind, MOUNT_KIND_BIND);
        assert_string_equal(text_of(&made, b->source), "/host");
        assert_false(b->flags & PLAN_MOUNT_RECURSIVE);
        assert_true(b->recursive_set & MOUNT_ATTR_RDONLY);
        assert_int_equal(b->index, 1);
        assert_int_equal(c->kind, MOUNT_KIND_FS);
        assert_string_equal(text_of(&made, c->data), "commit=5");
        assert_true(c->attr_set & MOUNT_ATTR_NOATIME);
        assert_int_equal(again->kind, MOUNT_KIND_REMOUNT);
        assert_true(again->flags & PLAN_MOUNT_BIND_REMOUNT);
        assert_int_equal(again->index, 3);
        assert_int_equal(cgroup->kind, MOUNT_KIND_CGROUP);
        assert_true(cgroup->flags & PLAN_MOUNT_PRIVATE_CGROUP);
        assert_string_equal(text_of(&made, cgroup->source), "/sys/fs/cgroup/test");
        assert_int_equal(mount_at(&made, "/mq")->kind, MOUNT_KIND_MQUEUE);
        for (size_t i = 0; i < count_of(&made, STEP_MOUNT); i++) {
                const struct step_mount *mount = step_of(&made, STEP_MOUNT, i);

                assert_int_equal(mount->source_slot, PLAN_NO_SLOT);
                assert_int_equal(mount->userns_slot, PLAN_NO_SLOT);
                assert_false(mount->flags & PLAN_MOUNT_HOST_VIEW);
        }
}

static void sources_that_the_parent_opened_are_slots(void **state)
{
        const plan_slot trees[] = {PLAN_NO_SLOT, 5}, users[] = {6, PLAN_NO_SLOT};
        struct plan_facts facts = facts_of_test();

        (void)state;
        facts.root_tree = 4;
        facts.mount_sources = trees;
        facts.mount_user_namespaces = users;
        {
                _cleanup_made_ struct made made =
                        make_with(PROCESS "},'mounts':[{'destination':'/t','type':'tmpfs'},"
                                          "{'destination':'/b','source':'/x','options':['bind']}],"
                                          "'linux':{'namespaces':[" NEW_NAMESPACES "]}",
                                  &facts);

                assert_int_equal(((const struct step_root *)step_of(&made, STEP_ROOT, 0))->slot, 4);
                assert_int_equal(mount_at(&made, "/t")->userns_slot, 6);
                assert_int_equal(mount_at(&made, "/b")->source_slot, 5);
        }
}

static void the_mount_label_goes_to_file_systems_that_take_one(void **state)
{
        _cleanup_made_ struct made made = make(
                PROCESS "},'mounts':[{'destination':'/t','type':'tmpfs','options':['size=1k']},"
                        "{'destination':'/o','type':'tmpfs','options':['context=mine']},"
                        "{'destination':'/p','type':'proc'},{'destination':'/b','source':'/x','options':['bind']}],"
                        "'linux':{'mountLabel':'a:b:c,d','maskedPaths':['/m'],'namespaces':[" NEW_NAMESPACES "]}");

        (void)state;
        assert_string_equal(text_of(&made, mount_at(&made, "/t")->data), "size=1k,context=\"a:b:c,d\"");
        assert_string_equal(text_of(&made, mount_at(&made, "/o")->data), "context=mine");
        assert_string_equal(text_of(&made, mount_at(&made, "/p")->data), "");
        assert_string_equal(text_of(&made, mount_at(&made, "/b")->data), "");
        assert_string_equal(
                text_of(&made, ((const struct step_mask_path *)step_of(&made, STEP_MASK_PATH, 0))->selinux_label),
                "a:b:c,d");
}

static void the_old_mounts_are_cut_off_as_a_whole_whatever_the_roots_propagation(void **state)
{
        static const struct {
                const char *word;
                uint32_t parent, root;
        } cases[] = {
                {"private", MS_PRIVATE | MS_REC, MS_PRIVATE},
                {"slave", MS_SLAVE | MS_REC, MS_SLAVE},
                {"rslave", MS_SLAVE | MS_REC, MS_SLAVE | MS_REC},
                {"rprivate", MS_PRIVATE | MS_REC, MS_PRIVATE | MS_REC},
                {"unbindable", MS_PRIVATE | MS_REC, MS_UNBINDABLE},
                {"rshared", MS_SHARED | MS_REC, MS_SHARED | MS_REC},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const struct step_pivot *pivot;
                char members[1024];
                struct made made;

                snprintf(members, sizeof(members), PROCESS "},'linux':{'rootfsPropagation':'%s','namespaces':[%s]}",
                         cases[i].word, NEW_NAMESPACES);
                made = make(members);
                pivot = step_of(&made, STEP_PIVOT, 0);
                assert_int_equal(((const struct step_root *)step_of(&made, STEP_ROOT, 0))->parent_propagation,
                                 cases[i].parent);
                assert_int_equal(pivot->propagation, cases[i].root);
                assert_int_equal(pivot->host_is_shared, (cases[i].root & MS_SHARED) != 0);
                made_release(&made);
        }
        {
                _cleanup_made_ struct made made = make(USUAL);

                assert_int_equal(((const struct step_root *)step_of(&made, STEP_ROOT, 0))->parent_propagation,
                                 MS_SLAVE | MS_REC);
        }
}

static void what_needs_a_mount_namespace_is_refused_without_one(void **state)
{
        static const struct refusal cases[] = {
                {"'mounts':[{'destination':'/t','type':'tmpfs'}],'linux':{'namespaces':[{'type':'user'}],"
                 "'uidMappings':[{'containerID':0,'hostID':9,'size':1}],"
                 "'gidMappings':[{'containerID':0,'hostID':9,'size':1}]}",
                 "mounts: needs a new mount namespace (linux.namespaces)"},
                {"'linux':{'maskedPaths':['/m']}", "linux.maskedPaths: needs a new mount namespace (linux.namespaces)"},
                {"'linux':{'readonlyPaths':['/m']}",
                 "linux.readonlyPaths: needs a new mount namespace (linux.namespaces)"},
                {"'linux':{'rootfsPropagation':'rslave'}",
                 "linux.rootfsPropagation: needs a new mount namespace (linux.namespaces)"},
                {"'linux':{'namespaces':[{'type':'mount','path':'/m'}],'maskedPaths':['/m']}",
                 "linux.maskedPaths: needs a new mount namespace (linux.namespaces)"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const struct plan_facts facts = facts_of_test();
                struct oci_spec *spec = accept(cases[i].members);
                struct plan_builder builder = {0};

                assert_int_equal(plan_container(spec, &facts, &builder), -EINVAL);
                assert_string_equal(error_message(), cases[i].message);
                plan_builder_free(&builder);
                oci_spec_free(spec);
        }
}

static void without_a_mount_namespace_nothing_is_mounted_and_nothing_made(void **state)
{
        _cleanup_made_ struct made made = make(PROCESS "},'linux':{'namespaces':[{'type':'pid'}]}");
        const struct step_pivot *pivot = step_of(&made, STEP_PIVOT, 0);

        (void)state;
        assert_int_equal(pivot->keep_namespace, 1);
        assert_int_equal(pivot->propagation, 0);
        assert_int_equal(((const struct step_root *)step_of(&made, STEP_ROOT, 0))->parent_propagation, 0);
        assert_int_equal(count_of(&made, STEP_MOUNT) + count_of(&made, STEP_DEVICE) + count_of(&made, STEP_LINK), 0);
        assert_int_equal(((const struct step_root *)step_of(&made, STEP_ROOT, 0))->attach, 0);
        assert_null(step_of(&made, STEP_ROOT_FINISH, 0));
}

static void mounts_in_a_shared_mount_namespace_are_on_a_mount_of_the_root(void **state)
{
        _cleanup_made_ struct made made = make(
                PROCESS "},'mounts':[{'destination':'/dev','type':'tmpfs'}],'linux':{'namespaces':[{'type':'pid'}]}");
        const struct step_root *root = step_of(&made, STEP_ROOT, 0);

        (void)state;
        assert_int_equal(root->attach, 1);
        assert_int_equal(root->parent_propagation, 0);
        assert_int_equal(((const struct step_pivot *)step_of(&made, STEP_PIVOT, 0))->keep_namespace, 1);
        assert_int_equal(count_of(&made, STEP_MOUNT), 1);
        assert_true(count_of(&made, STEP_DEVICE) > 0);
        assert_non_null(step_of(&made, STEP_ROOT_FINISH, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_usual_configuration),
                cmocka_unit_test(the_init_starts_inside_unless_something_must_be_entered_first),
                cmocka_unit_test(without_new_privileges_the_filter_is_last_and_otherwise_before_the_user),
                cmocka_unit_test(privileges_go_in_the_order_that_must_hold),
                cmocka_unit_test(a_container_without_a_process_waits_and_has_nothing_to_execute),
                cmocka_unit_test(joined_namespaces_come_before_the_user_namespace_unless_they_belong_to_it),
                cmocka_unit_test(a_new_user_namespace_is_entered_as_root_only_when_it_has_one),
                cmocka_unit_test(in_a_user_namespace_devices_are_bound_and_setgroups_is_asked_about),
                cmocka_unit_test(time_offsets_are_what_the_kernel_reads),
                cmocka_unit_test(masks_are_made_before_the_root_is_changed_and_sysctls_after),
                cmocka_unit_test(a_read_only_dev_is_made_so_after_its_nodes),
                cmocka_unit_test(mounts_keep_their_kind_flags_and_order),
                cmocka_unit_test(sources_that_the_parent_opened_are_slots),
                cmocka_unit_test(the_mount_label_goes_to_file_systems_that_take_one),
                cmocka_unit_test(the_old_mounts_are_cut_off_as_a_whole_whatever_the_roots_propagation),
                cmocka_unit_test(what_needs_a_mount_namespace_is_refused_without_one),
                cmocka_unit_test(mounts_in_a_shared_mount_namespace_are_on_a_mount_of_the_root),
                cmocka_unit_test(without_a_mount_namespace_nothing_is_mounted_and_nothing_made),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
