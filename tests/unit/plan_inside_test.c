/* What a configuration becomes: the steps, their order, and what is in them. */
#include <linux/mount.h>
#include <sys/sysmacros.h>

#include "oci_support.h"

#include "base/syscalls.h"
#include "runtime/core/plan_inside.h"

/* The configuration that `berth spec` writes, in short. */
#define PROCESS "'process':{'cwd':'/','args':['sh'],'env':['PATH=/bin','A=1'],'user':{'uid':1,'gid':2}"
#define NEW_NAMESPACES                                                                                                 \
        "{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'mount'},{'type':'cgroup'}"
#define USUAL_MOUNTS                                                                                                   \
        "'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"                                             \
        "{'destination':'/dev','type':'tmpfs','source':'tmpfs','options':['nosuid','strictatime','mode=755']},"        \
        "{'destination':'/sys','type':'sysfs','source':'sysfs','options':['nosuid','noexec','nodev','ro']},"           \
        "{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':['ro']}]"
#define USUAL                                                                                                          \
        PROCESS ",'noNewPrivileges':true}," USUAL_MOUNTS ",'hostname':'web','linux':{'namespaces':[" NEW_NAMESPACES    \
                "],'maskedPaths':['/proc/kcore','/sys/firmware'],'readonlyPaths':['/proc/sys']}"

static const struct sock_filter filter[] = {{0x06, 0, 0, 0x7fff0000}};

static struct plan_facts facts_of_test(void)
{
        struct plan_facts facts = {
                .id = "test",
                .bundle = "/bundle",
                .root = "/bundle/rootfs",
                .root_tree = PLAN_NO_SLOT,
                .start_socket = 0,
                .own_cgroup = "/sys/fs/cgroup/test",
                .host_has_kcore = true,
        };

        for (int i = 0; i < OCI_NS_KINDS; i++)
                facts.namespaces[i] = PLAN_NO_SLOT;
        return facts;
}

struct made {
        void *block;
        struct plan plan;
        char order[8192]; /* " kind kind kind " */
};

static void finish(struct made *made, struct plan_builder *builder)
{
        const struct plan_step *step = NULL;
        size_t size;

        assert_int_equal(plan_finish(builder, &made->block, &size), 0);
        assert_int_equal(plan_open(made->block, size, &made->plan), 0);
        strcpy(made->order, " ");
        while ((step = plan_next(&made->plan, step))) {
                strcat(made->order, plan_step_name((enum plan_step_kind)step->kind));
                strcat(made->order, " ");
        }
}

static struct made make_with(const char *members, const struct plan_facts *facts)
{
        struct oci_spec *spec = accept(members);
        struct plan_builder builder = {0};
        struct made made;

        if (plan_container(spec, facts, &builder) < 0)
                fail_msg("%s", error_message());
        finish(&made, &builder);
        oci_spec_free(spec);
        return made;
}

static struct made make(const char *members)
{
        const struct plan_facts facts = facts_of_test();

        return make_with(members, &facts);
}

static void made_release(struct made *made)
{
        free(made->block);
}
#define _cleanup_made_ _cleanup_(made_release)

/* The n-th step of a kind, NULL when there are fewer. */
static const void *step_of(const struct made *made, enum plan_step_kind kind, size_t n)
{
        const struct plan_step *step = NULL;

        while ((step = plan_next(&made->plan, step)))
                if (step->kind == kind && n-- == 0)
                        return plan_payload(step);
        return NULL;
}

static size_t count_of(const struct made *made, enum plan_step_kind kind)
{
        size_t n = 0;

        while (step_of(made, kind, n))
                n++;
        return n;
}

static const char *text_of(const struct made *made, plan_text text)
{
        const char *string = plan_string(&made->plan, text);

        return string ? string : "";
}

static const struct step_mount *mount_at(const struct made *made, const char *destination)
{
        for (size_t i = 0;; i++) {
                const struct step_mount *mount = step_of(made, STEP_MOUNT, i);

                if (!mount)
                        fail_msg("no mount at %s", destination);
                if (strcmp(text_of(made, mount->destination), destination) == 0)
                        return mount;
        }
}

/* These kinds come in this order (others may be between). */
static void expect_order(const struct made *made, const char *const *kinds)
{
        const char *at = made->order;

        for (; *kinds; kinds++) {
                char word[64];
                const char *found;

                snprintf(word, sizeof(word), " %s ", *kinds);
                found = strstr(at, word);
                if (!found)
                        fail_msg("%s is not where it should be:%s", *kinds, made->order);
                at = found + strlen(word) - 1;
        }
}
#define EXPECT_ORDER(made, ...) expect_order(made, (const char *const[]){__VA_ARGS__, NULL})

static bool environment_has(const struct made *made, const char *variable)
{
        const struct step_prepare *prepare = step_of(made, STEP_PREPARE, 0);
        const char *v[32];
        int n = plan_strings(&made->plan, prepare->env, v), found = 0;

        assert_true(n >= 0);
        for (int i = 0; i < n; i++)
                found += strcmp(v[i], variable) == 0;
        assert_true(found <= 1);
        return found;
}

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
                {"'mounts':[{'destination':'/t','type':'tmpfs'}],'linux':{}",
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
        assert_null(step_of(&made, STEP_ROOT_FINISH, 0));
}

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
                cmocka_unit_test(without_a_mount_namespace_nothing_is_mounted_and_nothing_made),
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
