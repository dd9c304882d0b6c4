#include "oci/template.h"

#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/json_write.h"
#include "oci/spec.h"

/* A user namespace without the network namespace's owner cannot mount a sysfs, so a rootless container binds the
 * host's; it has no group 5 for its terminals either. */
static const struct template_mount devpts = {
        "/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}};
static const struct template_mount devpts_rootless = {
        "/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}};
static const struct template_mount sysfs = {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}};
static const struct template_mount sysfs_rootless = {
        "/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};

static const struct template_mount mounts[] = {
        {"/proc", "proc", "proc", {NULL}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
};

static const char *arguments[] = {"sh"};
static const char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
static const char *capabilities[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
static const char *masked_paths[] = {
        "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};
static const char *readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

#define STRINGS(array) (&(const struct oci_strings){.n = ELEMENTS(array), .v = (array)})

/* As in runc and crun, but for the ambient set that they still print and that nothing can raise: it would have to be
 * inheritable, and inheritable capabilities are what CVE-2022-29162 was about. */
static void put_process(struct json_writer *json)
{
        json_object(json, "process");
        json_bool(json, "terminal", true);
        json_object(json, "user");
        json_u64(json, "uid", 0);
        json_u64(json, "gid", 0);
        json_object_end(json);
        json_strings(json, "args", STRINGS(arguments));
        json_strings(json, "env", STRINGS(environment));
        json_string(json, "cwd", "/");
        json_object(json, "capabilities");
        json_strings(json, "bounding", STRINGS(capabilities));
        json_strings(json, "effective", STRINGS(capabilities));
        json_strings(json, "permitted", STRINGS(capabilities));
        json_object_end(json);
        json_array(json, "rlimits");
        json_object(json, NULL);
        json_string(json, "type", "RLIMIT_NOFILE");
        json_u64(json, "hard", 1024);
        json_u64(json, "soft", 1024);
        json_object_end(json);
        json_array_end(json);
        json_bool(json, "noNewPrivileges", true);
        json_object_end(json);
}

void template_put_mount(struct json_writer *json, const struct template_mount *mount)
{
        const char *options[TEMPLATE_OPTIONS_MOST];
        struct oci_strings list = {.n = 0, .v = options};

        while (list.n < TEMPLATE_OPTIONS_MOST && mount->options[list.n]) {
                options[list.n] = mount->options[list.n];
                list.n++;
        }
        json_object(json, NULL);
        json_string(json, "destination", mount->destination);
        json_string(json, "type", mount->type);
        json_string(json, "source", mount->source);
        if (list.n)
                json_strings(json, "options", &list);
        json_object_end(json);
}

static void put_mounts(struct json_writer *json, bool rootless)
{
        json_array(json, "mounts");
        template_put_mount(json, &mounts[0]);
        template_put_mount(json, &mounts[1]);
        template_put_mount(json, rootless ? &devpts_rootless : &devpts);
        template_put_mount(json, &mounts[2]);
        template_put_mount(json, &mounts[3]);
        template_put_mount(json, rootless ? &sysfs_rootless : &sysfs);
        template_put_mount(json, &mounts[4]);
        json_array_end(json);
}

void template_put_mapping(struct json_writer *json, const char *key, const struct oci_id_maps *maps)
{
        json_array(json, key);
        for (size_t i = 0; i < maps->n; i++) {
                json_object(json, NULL);
                json_u64(json, "containerID", maps->v[i].container_id);
                json_u64(json, "hostID", maps->v[i].host_id);
                json_u64(json, "size", maps->v[i].size);
                json_object_end(json);
        }
        json_array_end(json);
}

static void put_own_mapping(struct json_writer *json, const char *key, uint32_t id)
{
        struct oci_id_map map = {.host_id = id, .size = 1};

        template_put_mapping(json, key, &(const struct oci_id_maps){.n = 1, .v = &map});
}

static void put_device_rules(struct json_writer *json)
{
        json_object(json, "resources");
        json_array(json, "devices");
        json_object(json, NULL);
        json_bool(json, "allow", false);
        json_string(json, "access", "rwm");
        json_object_end(json);
        json_array_end(json);
        json_object_end(json);
}

static void put_namespace(struct json_writer *json, const char *type)
{
        json_object(json, NULL);
        json_string(json, "type", type);
        json_object_end(json);
}

static void put_linux(struct json_writer *json, bool rootless)
{
        static const char *const shared[] = {"pid", "ipc", "uts", "mount", "cgroup"};

        json_object(json, "linux");
        if (rootless) {
                put_own_mapping(json, "uidMappings", geteuid());
                put_own_mapping(json, "gidMappings", getegid());
        } else {
                put_device_rules(json);
        }
        json_array(json, "namespaces");
        for (size_t i = 0; i < ELEMENTS(shared); i++)
                put_namespace(json, shared[i]);
        put_namespace(json, rootless ? "user" : "network");
        json_array_end(json);
        json_strings(json, "maskedPaths", STRINGS(masked_paths));
        json_strings(json, "readonlyPaths", STRINGS(readonly_paths));
        json_object_end(json);
}

char *oci_template_json(bool rootless)
{
        struct json_writer json;
        char *text = NULL;

        json_start(&json, "\t");
        json_object(&json, NULL);
        json_string(&json, "ociVersion", OCI_SPEC_VERSION);
        put_process(&json);
        json_object(&json, "root");
        json_string(&json, "path", "rootfs");
        json_bool(&json, "readonly", true);
        json_object_end(&json);
        json_string(&json, "hostname", "berth");
        put_mounts(&json, rootless);
        put_linux(&json, rootless);
        json_object_end(&json);
        return json_finish(&json, &text) == 0 ? text : NULL;
}
