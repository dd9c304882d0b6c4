/* config.json out of the settings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "oci/json_write.h"
#include "oci/template.h"
#include "oci/vocabulary.h"
#include "runtime/ctl/ctl.h"
#include "runtime/ctl/group.h"
#include "runtime/ctl/joined.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/resources.h"
#include "runtime/ctl/storage.h"
#include "runtime/ctl/subids.h"
#include "runtime/ctl/user.h"
#include "runtime/life/wall.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct template_mount common_mounts[] = {
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/run", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=755", "size=20%"}},
};
static const struct template_mount devpts = {
        "/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}};
static const struct template_mount devpts_single = {
        "/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}};
static const struct template_mount sysfs = {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}};
static const struct template_mount sysfs_bound = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};
/* Writable where it is the container's own tree by its namespaces: an init such as systemd's makes groups there. */
static const struct template_mount cgroup_own = {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev"}};
static const struct template_mount cgroup_seen = {
        "/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}};

/* What root of the host's own user namespace may keep: what Docker and Podman leave it. */
static const char *const privileged_capabilities[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
        "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_KILL",    "CAP_AUDIT_WRITE",
};
static const char *const masked_paths[] = {
        "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};
static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"};
/* In a user namespace the kernel itself guards the sysctls that are not the namespace's own. */
static const char *const readonly_privileged[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                  "/proc/sysrq-trigger"};
/* Ways into the kernel that no container needs. */
static const char *const denied_calls[] = {
        "kexec_load",  "kexec_file_load", "open_by_handle_at",
        "init_module", "finit_module",    "delete_module",
        "bpf",         "perf_event_open", "userfaultfd",
        "add_key",     "request_key",     "keyctl",
        "swapon",      "swapoff",         "syslog",
};

#define STRINGS(array) (&(const struct oci_strings){.n = ELEMENTS(array), .v = (const char **)(uintptr_t)(array)})

/* An id-mapped bind where ids are mapped, so that files that container root makes belong to root in the volume. */
static void put_volume(struct json_writer *json, const char *text, bool mapped)
{
        char source[4096], destination[4096];
        bool readonly;
        struct template_mount mount = {.destination = destination, .type = "bind", .source = source};
        size_t n = 0;

        if (volume_parse(text, source, destination, sizeof(source), &readonly) < 0)
                return;
        mount.options[n++] = "rbind";
        mount.options[n++] = "nosuid";
        mount.options[n++] = "nodev";
        if (mapped)
                mount.options[n++] = "idmap";
        if (readonly)
                mount.options[n++] = "ro";
        template_put_mount(json, &mount);
}

static bool shares_network(const struct settings *settings)
{
        return settings->nets.n && strcmp(settings->nets.v[0], "host") == 0;
}

static void put_mounts(struct json_writer *json, const struct settings *settings)
{
        bool mapped = settings->ids.set, single = settings->unprivileged && !mapped && !settings->subgids;

        json_array(json, "mounts");
        for (size_t i = 0; i < 2; i++)
                template_put_mount(json, &common_mounts[i]);
        template_put_mount(json, single ? &devpts_single : &devpts);
        for (size_t i = 2; i < ELEMENTS(common_mounts); i++)
                template_put_mount(json, &common_mounts[i]);
        /* A sysfs shows the devices of a network namespace, and only who owns that may mount one. */
        template_put_mount(json, settings->unprivileged && shares_network(settings) ? &sysfs_bound : &sysfs);
        template_put_mount(json, settings->unprivileged ? &cgroup_own : &cgroup_seen);
        for (size_t i = 0; i < settings->volumes.n; i++)
                put_volume(json, settings->volumes.v[i], mapped);
        json_array_end(json);
}

static void put_environment(struct json_writer *json, const struct settings *settings, const char *home)
{
        static const char *const defaults[] = {PATH_DEFAULT, "container=berth", "TERM=xterm"};
        char text[4200];

        json_array(json, "env");
        for (size_t i = 0; i < ELEMENTS(defaults); i++)
                if (i < 2 || settings->terminal)
                        json_string(json, NULL, defaults[i]);
        snprintf(text, sizeof(text), "HOME=%s", home);
        json_string(json, NULL, text);
        for (size_t i = 0; i < settings->env.n; i++)
                json_string(json, NULL, settings->env.v[i]);
        json_array_end(json);
}

/* Worth nothing in a user namespace. systemd looks at them to know what it need not try. */
static bool is_hosts_own(const char *capability)
{
        static const char *const hosts_own[] = {
                "CAP_SYS_MODULE",    "CAP_SYS_RAWIO",  "CAP_SYS_TIME",   "CAP_MAC_ADMIN",     "CAP_MAC_OVERRIDE",
                "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        };

        for (size_t i = 0; i < ELEMENTS(hosts_own); i++)
                if (strcmp(hosts_own[i], capability) == 0)
                        return true;
        return false;
}

static void put_own_capabilities(struct json_writer *json)
{
        for (size_t i = 0; i < capability_words.n; i++)
                if (!is_hosts_own(capability_words.v[i].name))
                        json_string(json, NULL, capability_words.v[i].name);
}

/* In a user namespace of its own the kernel bounds what the others are worth, and an init needs them. */
static void put_capabilities(struct json_writer *json, bool unprivileged)
{
        static const char *const sets[] = {"bounding", "effective", "permitted"};

        json_object(json, "capabilities");
        for (size_t i = 0; i < ELEMENTS(sets); i++) {
                json_array(json, sets[i]);
                if (unprivileged)
                        put_own_capabilities(json);
                else
                        for (size_t k = 0; k < ELEMENTS(privileged_capabilities); k++)
                                json_string(json, NULL, privileged_capabilities[k]);
                json_array_end(json);
        }
        json_object_end(json);
}

static void put_process(struct json_writer *json, const struct settings *settings, const struct user *user)
{
        json_object(json, "process");
        json_bool(json, "terminal", settings->terminal);
        json_object(json, "user");
        json_u64(json, "uid", user->uid);
        json_u64(json, "gid", user->gid);
        json_array(json, "additionalGids");
        for (size_t i = 0; i < user->n_groups; i++)
                json_u64(json, NULL, user->groups[i]);
        json_array_end(json);
        json_object_end(json);
        json_strings(json, "args", &settings->args);
        put_environment(json, settings, user->home);
        json_string(json, "cwd", settings->workdir ? settings->workdir : "/");
        put_capabilities(json, settings->unprivileged);
        json_bool(json, "noNewPrivileges", false);
        json_object_end(json);
}

static void put_mappings(struct json_writer *json, const struct settings *settings)
{
        struct oci_id_map range = {.host_id = (uint32_t)settings->ids.value, .size = SETTINGS_IDS_SIZE}, uid[2], gid[2];
        struct oci_id_maps uids = {.n = 1, .v = &range}, gids = uids;

        if (!settings->unprivileged)
                return;
        if (!settings->ids.set) {
                subids_map(settings->subuids, geteuid(), uid, &uids);
                subids_map(settings->subgids, getegid(), gid, &gids);
        }
        template_put_mapping(json, "uidMappings", &uids);
        template_put_mapping(json, "gidMappings", &gids);
}

static void put_namespace(struct json_writer *json, const char *type, const char *path)
{
        json_object(json, NULL);
        json_string(json, "type", type);
        json_string(json, "path", path);
        json_object_end(json);
}

/* Of the process `joined` (0: of its own). */
static void put_namespace_of(struct json_writer *json, const char *type, const char *file, pid_t joined)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)joined, file);
        put_namespace(json, type, joined ? path : NULL);
}

/* An ordinary user enters another container's network only by way of its user namespace, which has the same ids. */
static bool shares_user(pid_t joined)
{
        return joined && geteuid() != 0;
}

static void put_namespaces(struct json_writer *json, const struct settings *settings, pid_t joined)
{
        static const char *const always[] = {"pid", "ipc", "uts", "mount", "cgroup"};

        json_array(json, "namespaces");
        for (size_t i = 0; i < ELEMENTS(always); i++)
                put_namespace(json, always[i], NULL);
        if (settings->unprivileged)
                put_namespace_of(json, "user", "user", shares_user(joined) ? joined : 0);
        if (!shares_network(settings))
                put_namespace_of(json, "network", "net", joined);
        json_array_end(json);
}

static void put_seccomp(struct json_writer *json)
{
        json_object(json, "seccomp");
        json_string(json, "defaultAction", "SCMP_ACT_ALLOW");
        json_array(json, "syscalls");
        json_object(json, NULL);
        json_strings(json, "names", STRINGS(denied_calls));
        json_string(json, "action", "SCMP_ACT_ERRNO");
        json_u64(json, "errnoRet", EPERM);
        json_object_end(json);
        json_array_end(json);
        json_object_end(json);
}

/* All ports of a network namespace are the container's: no user needs a privilege for some of them, nor do containers
 * that join it, whose root is another one. */
static void put_sysctls(struct json_writer *json)
{
        json_object(json, "sysctl");
        json_string(json, "net.ipv4.ip_unprivileged_port_start", "0");
        json_object_end(json);
}

static int put_linux(struct json_writer *json, const struct ctl_container *container, pid_t joined)
{
        const struct settings *settings = &container->settings;
        char group[GROUP_PATH_SIZE];
        int r;

        json_object(json, "linux");
        if (!shares_user(joined))
                put_mappings(json, settings);
        put_namespaces(json, settings, joined);
        if (!shares_network(settings) && !joined)
                put_sysctls(json);
        if (group_path(container, group))
                json_string(json, "cgroupsPath", group);
        r = resources_put(json, settings, container->fd);
        put_seccomp(json);
        json_strings(json, "maskedPaths", STRINGS(masked_paths));
        json_strings(json, "readonlyPaths",
                     settings->unprivileged ? STRINGS(readonly_paths) : STRINGS(readonly_privileged));
        json_object_end(json);
        return r;
}

/* For who runs the bundle without the settings: not behind a weaker wall than the one that was asked for. */
static void put_isolation(struct json_writer *json, const struct settings *settings)
{
        if (!settings->isolation || ctl_isolation(settings) != ISOLATION_VM)
                return;
        json_object(json, "annotations");
        json_string(json, ANNOTATION_ISOLATION, "vm");
        json_object_end(json);
}

/* Ids are those inside, on disk; the runtime maps them. */
static void put_root(struct json_writer *json, const struct ctl_container *container, const struct oci_overlay *layers)
{
        json_object(json, "root");
        json_string(json, "path", CTL_ROOTFS);
        json_bool(json, "readonly", false);
        if (container->settings.ids.set)
                json_bool(json, "idmap", true);
        if (layers) {
                json_object(json, "overlay");
                json_strings(json, "lower", &layers->lower);
                json_string(json, "upper", layers->upper);
                json_string(json, "work", layers->work);
                json_object_end(json);
        }
        json_object_end(json);
}

static int format_config(const struct ctl *ctl, const struct ctl_container *container, char **text)
{
        const struct settings *settings = &container->settings;
        struct json_writer json;
        struct user user;
        pid_t joined = 0;
        struct layers_root layers;
        bool on_layers = storage_has_layers(container);
        int r = user_find(ctl, container, settings->user, &user), finished;

        if (r == 0 && on_layers)
                r = layers_read(container, &layers);
        if (r == 0)
                r = joined_find((struct ctl *)(uintptr_t)ctl, settings, &joined);
        if (r < 0)
                return fail_in(r, "container %s", container->name);
        json_start(&json, "\t");
        json_object(&json, NULL);
        json_string(&json, "ociVersion", OCI_SPEC_VERSION);
        put_process(&json, settings, &user);
        put_root(&json, container, on_layers ? &layers.overlay : NULL);
        json_string(&json, "hostname", settings->hostname ? settings->hostname : container->name);
        put_isolation(&json, settings);
        put_mounts(&json, settings);
        r = put_linux(&json, container, joined);
        json_object_end(&json);
        finished = json_finish(&json, text);
        if (r < 0 && finished == 0) {
                free(*text);
                *text = NULL;
        }
        return r < 0 ? fail_in(r, "container %s", container->name) : finished;
}

int ctl_configure(const struct ctl *ctl, const struct ctl_container *container)
{
        _cleanup_free_ char *text = NULL;
        int r = format_config(ctl, container, &text);

        if (r < 0)
                return r;
        r = update_file_at(container->fd, CTL_CONFIG_FILE, text, strlen(text), 0600);
        return r < 0 ? fail(-r, "write the " CTL_CONFIG_FILE " of container %s", container->name) : 0;
}

/* A process whose network it joins has perhaps given its number to another one by then. */
void ctl_configure_early(const struct ctl *ctl, const struct ctl_container *container)
{
        const struct oci_strings *nets = &container->settings.nets;

        if ((nets->n && net_other(nets->v[0])) || ctl_configure(ctl, container) < 0)
                (void)unlinkat(container->fd, CTL_CONFIG_FILE, 0);
        error_clear();
}
