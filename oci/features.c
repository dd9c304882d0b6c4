#include "oci/features.h"

#include <stddef.h>

#include "oci/json_write.h"
#include "oci/vocabulary.h"

static void put_words(struct json_writer *json, const char *key, const struct words *words)
{
        json_array(json, key);
        for (size_t i = 0; i < words->n; i++)
                json_string(json, NULL, words->v[i].name);
        json_array_end(json);
}

static void put_enabled(struct json_writer *json, const char *key, bool enabled)
{
        json_object(json, key);
        json_bool(json, "enabled", enabled);
        json_object_end(json);
}

static void put_cgroup(struct json_writer *json, const struct features_facts *facts)
{
        json_object(json, "cgroup");
        json_bool(json, "v1", false);
        json_bool(json, "v2", true);
        json_bool(json, "systemd", facts->systemd);
        json_bool(json, "systemdUser", facts->systemd_user);
        json_bool(json, "rdma", true);
        json_object_end(json);
}

static void put_seccomp(struct json_writer *json, const struct features_facts *facts)
{
        const char *supported[8];
        struct oci_strings list = {.n = 0, .v = supported};

        json_object(json, "seccomp");
        json_bool(json, "enabled", facts->libseccomp_version != NULL);
        if (facts->libseccomp_version) {
                for (size_t i = 0; i < seccomp_flag_words.n && list.n < sizeof(supported) / sizeof(supported[0]); i++) {
                        if (facts->seccomp_flags & seccomp_flag_words.v[i].value)
                                supported[list.n++] = seccomp_flag_words.v[i].name;
                }
                put_words(json, "actions", &seccomp_action_words);
                put_words(json, "operators", &seccomp_operator_words);
                put_words(json, "archs", &seccomp_arch_words);
                put_words(json, "knownFlags", &seccomp_flag_words);
                json_strings(json, "supportedFlags", &list);
        }
        json_object_end(json);
}

static void put_linux(struct json_writer *json, const struct features_facts *facts)
{
        json_object(json, "linux");
        put_words(json, "namespaces", &namespace_words);
        put_words(json, "capabilities", &capability_words);
        put_cgroup(json, facts);
        put_seccomp(json, facts);
        put_enabled(json, "apparmor", facts->apparmor);
        put_enabled(json, "selinux", facts->selinux);
        json_object(json, "intelRdt");
        json_bool(json, "enabled", facts->intel_rdt);
        json_bool(json, "schemata", facts->intel_rdt);
        json_bool(json, "monitoring", facts->intel_rdt);
        json_object_end(json);
        json_object(json, "memoryPolicy");
        put_words(json, "modes", &memory_policy_mode_words);
        put_words(json, "flags", &memory_policy_flag_words);
        json_object_end(json);
        json_object(json, "mountExtensions");
        put_enabled(json, "idmap", true);
        json_object_end(json);
        put_enabled(json, "netDevices", true);
        json_object_end(json);
}

static void put_annotations(struct json_writer *json, const struct features_facts *facts)
{
        json_object(json, "annotations");
        json_string(json, "berth.version", facts->version);
        json_string(json, "berth.commit", facts->commit);
        json_string(json, "io.github.seccomp.libseccomp.version", facts->libseccomp_version);
        /* runc's name is the one that engines know. */
        json_string(json, "org.opencontainers.runc.checkpoint.enabled", facts->checkpoint ? "true" : "false");
        json_object_end(json);
}

char *oci_features_json(const struct features_facts *facts)
{
        struct json_writer json;
        char *text = NULL;

        json_start(&json, "  ");
        json_object(&json, NULL);
        json_string(&json, "ociVersionMin", "1.0.0");
        json_string(&json, "ociVersionMax", OCI_SPEC_VERSION);
        put_words(&json, "hooks", &hook_words);
        put_words(&json, "mountOptions", &mount_option_words);
        put_linux(&json, facts);
        put_annotations(&json, facts);
        json_strings(&json, "potentiallyUnsafeConfigAnnotations", facts->unsafe_annotations);
        json_object_end(&json);
        return json_finish(&json, &text) == 0 ? text : NULL;
}
