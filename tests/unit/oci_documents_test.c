/* What the vocabulary, the features document and the configuration of `berth spec` promise. */
#include "tests/unit/oci_support.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <unistd.h>

#include "oci/features.h"
#include "oci/json.h"
#include "oci/template.h"
#include "oci/vocabulary.h"

static void words(void **state)
{
        (void)state;
        assert_int_equal(capability_words.n, CAP_LAST_CAP + 1);
        for (size_t i = 0; i < capability_words.n; i++)
                assert_int_equal(capability_words.v[i].value, i);
        assert_int_equal(namespace_words.n, OCI_NS_KINDS);
        assert_int_equal(hook_words.n, OCI_HOOK_KINDS);
        assert_string_equal(word_name(&namespace_words, OCI_NS_NETWORK), "network");
        assert_int_equal(word_find(&hook_words, "createRuntime")->value, OCI_HOOK_CREATE_RUNTIME);
        assert_null(word_find(&hook_words, "createruntime"));
        assert_null(word_find(&hook_words, ""));
        assert_null(word_name(&namespace_words, 99));
        assert_int_equal(rlimit_words.n, 16);
}

static void signals(void **state)
{
        static const struct {
                const char *text;
                int number;
        } good[] = {{"1", 1},         {"64", 64},       {"TERM", SIGTERM},   {"SIGTERM", SIGTERM}, {"sigterm", SIGTERM},
                    {"kill", 9},      {"SigUsr1", 10},  {"RTMIN", 34},       {"SIGRTMIN", 34},     {"RTMIN+3", 37},
                    {"RTMAX", 64},    {"RTMAX-14", 50}, {"sigrtmax-30", 34}, {"RTMIN+30", 64},     {"CHLD", SIGCHLD},
                    {"CLD", SIGCHLD}, {"WINCH", 28}};
        static const char *const bad[] = {"",        "0",        "65",       "-9",       "+9",
                                          "09",      "9 ",       " 9",       "SIG",      "SIGSIGTERM",
                                          "TERMX",   "RTMIN+",   "RTMIN+31", "RTMAX-31", "RTMIN-1",
                                          "RTMAX+1", "RTMIN+-1", "SIG9",     "0x9",      "99999999999999999999"};
        int number = 0;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                assert_int_equal(signal_parse(good[i].text, &number), 0);
                assert_int_equal(number, good[i].number);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                number = -7;
                if (signal_parse(bad[i], &number) != -EINVAL || number != -7)
                        fail_msg("\"%s\" was taken for signal %d", bad[i], number);
        }
}

static const struct json_node *at(const struct json_node *node, const char *path)
{
        char key[64];

        while (*path) {
                size_t length = strcspn(path, ".");

                snprintf(key, sizeof(key), "%.*s", (int)length, path);
                node = json_member(node, key);
                assert_non_null(node);
                path += length + (path[length] == '.');
        }
        return node;
}

static bool lists(const struct json_node *array, const char *text)
{
        for (const struct json_node *node = array->first; node; node = node->next) {
                if (strcmp(node->text, text) == 0)
                        return true;
        }
        return false;
}

static void features(void **state)
{
        const char *unsafe[] = {"berth.", "run.oci.", "bundle"};
        const struct oci_strings annotations = {.n = ELEMENTS(unsafe), .v = unsafe};
        const struct features_facts facts = {
                .version = "1.2.3",
                .commit = "abc",
                .libseccomp_version = "2.5.4",
                .seccomp_flags = SECCOMP_FILTER_FLAG_LOG,
                .systemd = true,
                .apparmor = true,
                .unsafe_annotations = &annotations,
        };
        _cleanup_free_ char *text = oci_features_json(&facts);
        struct arena arena = {0};
        struct json_node *root;

        (void)state;
        assert_non_null(text);
        assert_int_equal(json_parse(&arena, "features", text, strlen(text), &root), 0);
        assert_string_equal(at(root, "ociVersionMin")->text, "1.0.0");
        assert_string_equal(at(root, "ociVersionMax")->text, "1.3.0");
        assert_int_equal(at(root, "hooks")->n, 6);
        assert_true(lists(at(root, "mountOptions"), "rro"));
        assert_true(lists(at(root, "mountOptions"), "idmap"));
        assert_int_equal(at(root, "mountOptions")->n, mount_option_words.n);
        assert_int_equal(at(root, "linux.namespaces")->n, 8);
        assert_true(lists(at(root, "linux.namespaces"), "time"));
        assert_int_equal(at(root, "linux.capabilities")->n, 41);
        assert_false(at(root, "linux.cgroup.v1")->boolean);
        assert_true(at(root, "linux.cgroup.v2")->boolean);
        assert_true(at(root, "linux.cgroup.systemd")->boolean);
        assert_false(at(root, "linux.cgroup.systemdUser")->boolean);
        assert_true(at(root, "linux.cgroup.rdma")->boolean);
        assert_true(at(root, "linux.seccomp.enabled")->boolean);
        assert_true(lists(at(root, "linux.seccomp.actions"), "SCMP_ACT_NOTIFY"));
        assert_true(lists(at(root, "linux.seccomp.operators"), "SCMP_CMP_MASKED_EQ"));
        assert_true(lists(at(root, "linux.seccomp.archs"), "SCMP_ARCH_X86_64"));
        assert_true(lists(at(root, "linux.seccomp.knownFlags"), "SECCOMP_FILTER_FLAG_TSYNC"));
        assert_int_equal(at(root, "linux.seccomp.supportedFlags")->n, 1);
        assert_true(lists(at(root, "linux.seccomp.supportedFlags"), "SECCOMP_FILTER_FLAG_LOG"));
        assert_true(at(root, "linux.apparmor.enabled")->boolean);
        assert_false(at(root, "linux.selinux.enabled")->boolean);
        assert_false(at(root, "linux.intelRdt.schemata")->boolean);
        assert_true(lists(at(root, "linux.memoryPolicy.modes"), "MPOL_WEIGHTED_INTERLEAVE"));
        assert_true(lists(at(root, "linux.memoryPolicy.flags"), "MPOL_F_STATIC_NODES"));
        assert_true(at(root, "linux.mountExtensions.idmap.enabled")->boolean);
        assert_true(at(root, "linux.netDevices.enabled")->boolean);
        assert_string_equal(json_member(at(root, "annotations"), "berth.version")->text, "1.2.3");
        assert_string_equal(json_member(at(root, "annotations"), "org.opencontainers.runc.checkpoint.enabled")->text,
                            "false");
        assert_string_equal(json_member(at(root, "annotations"), "io.github.seccomp.libseccomp.version")->text,
                            "2.5.4");
        assert_int_equal(at(root, "potentiallyUnsafeConfigAnnotations")->n, 3);
        assert_true(lists(at(root, "potentiallyUnsafeConfigAnnotations"), "run.oci."));
        arena_free(&arena);
}

static void template(void **state)
{
        _cleanup_free_ char *text = oci_template_json(false);
        struct oci_spec *spec;

        (void)state;
        catch_warnings();
        assert_non_null(text);
        spec = accept_text(text, strlen(text));
        assert_int_equal(warnings, 0);
        assert_string_equal(spec->oci_version, OCI_SPEC_VERSION);
        assert_string_equal(spec->root_path, "rootfs");
        assert_true(spec->root_readonly && spec->process.terminal && spec->process.no_new_privileges);
        assert_string_equal(spec->process.args.v[0], "sh");
        assert_int_equal(spec->process.capabilities.bounding,
                         1 << CAP_AUDIT_WRITE | 1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE);
        assert_int_equal(spec->process.capabilities.inheritable, 0);
        assert_int_equal(spec->mounts.n, 7);
        for (int kind = 0; kind < OCI_NS_KINDS; kind++)
                assert_int_equal(spec->linux_.namespaces[kind].listed, kind != OCI_NS_USER && kind != OCI_NS_TIME);
        assert_false(spec->linux_.resources.devices.v[0].allow);
        assert_int_equal(spec->linux_.masked_paths.n, 10);
        oci_spec_free(spec);
}

static void rootless_template(void **state)
{
        _cleanup_free_ char *text = oci_template_json(true);
        struct oci_spec *spec;

        (void)state;
        assert_non_null(text);
        spec = accept_text(text, strlen(text));
        assert_int_equal(spec->linux_.uid_mappings.v[0].host_id, geteuid());
        assert_int_equal(spec->linux_.gid_mappings.v[0].host_id, getegid());
        assert_true(spec->linux_.namespaces[OCI_NS_USER].listed);
        assert_false(spec->linux_.namespaces[OCI_NS_NETWORK].listed);
        assert_false(spec->linux_.resources_set);
        for (size_t i = 0; i < spec->mounts.n; i++) {
                if (strcmp(spec->mounts.v[i].destination, "/sys") == 0)
                        assert_true(spec->mounts.v[i].options.bind && spec->mounts.v[i].options.recursive);
        }
        oci_spec_free(spec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("vocabularies are whole", words),
                PROMISE("signals are numbers or names in any case, and nothing else", signals),
                PROMISE("the features document says what berth can do", features),
                PROMISE("the configuration to start from is valid without a warning", template),
                PROMISE("the rootless one maps the caller to root", rootless_template),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
