/* What a bundle says: config.json of runtime-spec 1.3 as one immutable C structure.
 *
 * oci_spec_parse() decodes and validates everything; what it returns can be carried out without a second look. Strings
 * and arrays live in the spec's arena until oci_spec_free(). Vocabulary words (namespace types, capability names,
 * mount options...) are already the kernel's numbers. A string that is absent is NULL; a number that may be absent is
 * an optional_*. Arrays are {count, items}. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/arena.h"

#define OCI_SPEC_VERSION "1.3.0"

struct optional_i64 {
        bool set;
        int64_t value;
};

struct optional_u64 {
        bool set;
        uint64_t value;
};

struct optional_bool {
        bool set;
        bool value;
};

struct oci_strings {
        size_t n;
        const char **v;
};

struct oci_pair {
        const char *key;
        const char *value;
};

/* A JSON object whose values are strings, in the order of the file. */
struct oci_pairs {
        size_t n;
        struct oci_pair *v;
};

/* ---- process ---- */

/* Bit n is capability n of linux/capability.h. Unknown names were logged as warnings (spec 1.1) and are not here. */
struct oci_capabilities {
        bool set; /* process.capabilities is present: absent means "keep none" for berth, as for runc and crun */
        uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct oci_rlimit {
        int resource;        /* RLIMIT_* of sys/resource.h */
        uint64_t soft, hard; /* RLIM_INFINITY is UINT64_MAX */
};

struct oci_rlimits {
        size_t n;
        struct oci_rlimit *v;
};

struct oci_user {
        uint32_t uid, gid;
        struct optional_i64 umask; /* 0 to 0777 */
        size_t n_additional_gids;
        uint32_t *additional_gids;
};

struct oci_scheduler {
        bool set;
        uint32_t policy;                    /* SCHED_* of linux/sched.h */
        int32_t nice;                       /* -20 to 19 */
        int32_t priority;                   /* 1 to 99 for FIFO and RR, 0 otherwise */
        uint64_t flags;                     /* SCHED_FLAG_* */
        uint64_t runtime, deadline, period; /* ns, SCHED_DEADLINE only */
};

struct oci_io_priority {
        bool set;
        int class;    /* IOPRIO_CLASS_* of linux/ioprio.h */
        int priority; /* 0 to 7 */
};

struct oci_process {
        bool terminal;
        struct {
                bool set;
                uint32_t height, width; /* characters, 1 to 65535 */
        } console_size;
        const char *cwd;         /* absolute */
        struct oci_strings env;  /* "KEY=value"; of duplicates only the last is kept */
        struct oci_strings args; /* at least one unless the whole process is absent */
        struct oci_user user;
        struct oci_capabilities capabilities;
        struct oci_rlimits rlimits;
        bool no_new_privileges;
        const char *apparmor_profile;
        const char *selinux_label;
        struct optional_i64 oom_score_adj; /* -1000 to 1000 */
        struct oci_scheduler scheduler;
        struct oci_io_priority io_priority;
        const char *exec_affinity_initial; /* CPU lists "0-3,7", checked; exec only */
        const char *exec_affinity_final;
};

/* ---- mounts ---- */

struct oci_id_map {
        uint32_t container_id, host_id, size; /* size >= 1, no range overflows */
};

struct oci_id_maps {
        size_t n;
        struct oci_id_map *v;
};

enum oci_idmap { OCI_IDMAP_NONE, OCI_IDMAP, OCI_IDMAP_RECURSIVE };

/* One mount's options, digested. attr_* are MOUNT_ATTR_* for mount_setattr(2): `set` are to be set and `clear` cleared
 * (the atime attributes are a field of several bits: when any is named, clear holds MOUNT_ATTR__ATIME). recursive_*
 * come from the r-options and need AT_RECURSIVE. Super block flags belong to file systems that are created, and to
 * "remount". */
struct oci_mount_options {
        bool bind;      /* bind or rbind, by option or by type */
        bool recursive; /* rbind */
        bool remount;
        uint64_t attr_set, attr_clear;
        uint64_t recursive_set, recursive_clear;
        unsigned long sb_set,
                sb_clear; /* MS_RDONLY MS_SYNCHRONOUS MS_DIRSYNC MS_MANDLOCK MS_LAZYTIME MS_I_VERSION MS_SILENT */
        unsigned long propagation; /* one of MS_PRIVATE MS_SLAVE MS_SHARED MS_UNBINDABLE, perhaps | MS_REC; 0 none */
        unsigned long propagation_before; /* the same, to be made before it: "rslave,rshared" */
        enum oci_idmap idmap;
        bool tmpcopyup;
        bool copy_symlink, source_nofollow, destination_nofollow; /* crun's private words, which Podman may pass */
        const char *data; /* everything else, comma separated, for the file system; NULL when there is nothing */
};

struct oci_mount {
        const char *destination; /* absolute and clean (base/path.h path_clean) */
        const char *source;      /* as written; relative bind sources are relative to the bundle. May be NULL */
        const char *type;        /* as written; NULL when absent */
        struct oci_mount_options options;
        struct oci_id_maps uid_mappings,
                gid_mappings; /* both empty or both not; empty with idmap: the container's own */
};

struct oci_mounts {
        size_t n;
        struct oci_mount *v;
};

/* ---- hooks ---- */

enum oci_hook_kind {
        OCI_HOOK_PRESTART,
        OCI_HOOK_CREATE_RUNTIME,
        OCI_HOOK_CREATE_CONTAINER,
        OCI_HOOK_START_CONTAINER,
        OCI_HOOK_POSTSTART,
        OCI_HOOK_POSTSTOP,
        OCI_HOOK_KINDS,
};

struct oci_hook {
        const char *path;        /* absolute */
        struct oci_strings args; /* args[0] included; empty: the path alone */
        struct oci_strings env;
        struct optional_i64 timeout; /* seconds, > 0 */
};

struct oci_hooks {
        size_t n;
        struct oci_hook *v;
};

/* ---- linux ---- */

/* In the order in which the kernel lists them in /proc/PID/ns is of no meaning; this order is the one of
 * oci_namespaces. */
enum oci_namespace_kind {
        OCI_NS_USER,
        OCI_NS_CGROUP,
        OCI_NS_IPC,
        OCI_NS_UTS,
        OCI_NS_NETWORK,
        OCI_NS_PID,
        OCI_NS_MOUNT,
        OCI_NS_TIME,
        OCI_NS_KINDS,
};

struct oci_namespace {
        bool listed;      /* absent: the container shares the runtime's */
        const char *path; /* NULL: a new one */
};

struct oci_device {
        const char *path;              /* absolute */
        mode_t type;                   /* S_IFCHR, S_IFBLK or S_IFIFO */
        uint32_t major, minor;         /* 0 for S_IFIFO */
        struct optional_u64 file_mode; /* 0 to 07777; absent: 0666 */
        uint32_t uid, gid;             /* as seen in the container */
};

struct oci_devices {
        size_t n;
        struct oci_device *v;
};

struct oci_net_device {
        const char *name;     /* on the host */
        const char *new_name; /* in the container; NULL: unchanged. May hold "%d" */
};

struct oci_net_devices {
        size_t n;
        struct oci_net_device *v;
};

struct oci_time_offset {
        bool set;
        int64_t secs;
        uint32_t nanosecs; /* < 1,000,000,000 */
};

struct oci_intel_rdt {
        bool set;
        const char *clos_id; /* NULL: the container's id; "/" the root group */
        const char *l3_cache_schema, *mem_bw_schema;
        struct oci_strings schemata;
        bool enable_monitoring;
};

struct oci_memory_policy {
        bool set;
        int mode;          /* MPOL_* of linux/mempolicy.h, flags in place (MPOL_F_*) */
        const char *nodes; /* "0-3,7", checked; NULL or "" where the mode wants none */
};

/* ---- linux.resources ---- */

/* A rule of the device list. major, minor -1: any. access: bits of OCI_DEVICE_*. type: 'a', 'b', 'c' (and 'p' and 'u'
 * as the spec allows; u is c). */
#define OCI_DEVICE_READ  1U
#define OCI_DEVICE_WRITE 2U
#define OCI_DEVICE_MKNOD 4U

struct oci_device_rule {
        bool allow;
        char type;
        int64_t major, minor;
        unsigned access;
};

struct oci_device_rules {
        size_t n;
        struct oci_device_rule *v;
};

struct oci_memory {
        struct optional_i64 limit, reservation, swap;           /* bytes, -1 no limit */
        struct optional_i64 kernel, kernel_tcp;                 /* accepted and not used: NOT RECOMMENDED since 1.0.2 */
        struct optional_u64 swappiness;                         /* v1 only, not used */
        struct optional_bool disable_oom_killer, use_hierarchy; /* v1 only, not used */
        struct optional_bool check_before_update;
};

struct oci_cpu {
        struct optional_u64 shares;
        struct optional_i64 quota;         /* us, -1 no limit */
        struct optional_u64 period, burst; /* us */
        struct optional_i64 realtime_runtime;
        struct optional_u64 realtime_period;
        const char *cpus, *mems;  /* lists, checked */
        struct optional_i64 idle; /* 0 or 1 */
};

struct oci_weight_device {
        uint32_t major, minor;
        struct optional_u64 weight, leaf_weight; /* 10 to 1000 */
};

struct oci_throttle_device {
        uint32_t major, minor;
        uint64_t rate; /* bytes or operations a second */
};

struct oci_weight_devices {
        size_t n;
        struct oci_weight_device *v;
};

struct oci_throttle_devices {
        size_t n;
        struct oci_throttle_device *v;
};

struct oci_block_io {
        struct optional_u64 weight, leaf_weight; /* 10 to 1000; 0 as Docker 20.10 sends it means unset */
        struct oci_weight_devices weight_device;
        struct oci_throttle_devices read_bps, write_bps, read_iops, write_iops;
};

struct oci_hugepage_limit {
        const char *page_size; /* "2MB", "1GB", "64KB" */
        uint64_t limit;        /* bytes */
};

struct oci_hugepage_limits {
        size_t n;
        struct oci_hugepage_limit *v;
};

struct oci_rdma {
        const char *device;
        struct optional_u64 hca_handles, hca_objects;
};

struct oci_rdmas {
        size_t n;
        struct oci_rdma *v;
};

struct oci_resources {
        struct oci_device_rules devices;
        struct oci_memory memory;
        struct oci_cpu cpu;
        struct optional_i64 pids_limit; /* -1 no limit; 0 is a limit (1.3) */
        struct oci_block_io block_io;
        struct oci_hugepage_limits hugepage_limits;
        struct optional_u64 network_class_id; /* v1 only: not used */
        struct oci_pairs network_priorities;  /* v1 only: not used. values as decimal text */
        struct oci_rdmas rdma;
        struct oci_pairs unified; /* keys hold no '/' */
};

/* ---- linux.seccomp ---- */

struct oci_seccomp_arg {
        uint32_t index; /* 0 to 5 */
        uint64_t value, value_two;
        int op; /* SCMP_CMP_* of seccomp.h */
};

struct oci_seccomp_rule {
        struct oci_strings names;
        uint32_t action; /* SCMP_ACT_* with the errno in place */
        size_t n_args;
        struct oci_seccomp_arg *args;
};

struct oci_seccomp {
        bool set;
        uint32_t default_action; /* SCMP_ACT_* with the errno in place */
        size_t n_architectures;
        uint32_t *architectures; /* SCMP_ARCH_* of seccomp.h, the native one not added */
        bool flags_set;          /* "flags" is present, even if empty */
        uint32_t flags;          /* SECCOMP_FILTER_FLAG_* of linux/seccomp.h */
        const char *listener_path, *listener_metadata;
        size_t n_rules;
        struct oci_seccomp_rule *rules;
        bool notifies; /* some action is SCMP_ACT_NOTIFY */
};

struct oci_linux {
        struct oci_namespace namespaces[OCI_NS_KINDS];
        struct oci_id_maps uid_mappings, gid_mappings;
        struct oci_time_offset time_monotonic, time_boottime;
        struct oci_devices devices;
        struct oci_net_devices net_devices;
        const char *cgroups_path;
        struct oci_resources resources;
        bool resources_set;
        struct oci_intel_rdt intel_rdt;
        struct oci_memory_policy memory_policy;
        struct oci_pairs sysctl; /* keys are paths below /proc/sys: "net/ipv4/ip_forward" */
        struct oci_seccomp seccomp;
        unsigned long
                rootfs_propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, perhaps | MS_REC; 0 absent */
        struct oci_strings masked_paths, readonly_paths; /* absolute */
        const char *mount_label;
        struct {
                bool set;
                unsigned long value; /* PER_* for personality(2) */
        } personality;
};

/* ---- vm ---- */

struct oci_vm {
        bool set;
        const char *hypervisor_path;
        struct oci_strings hypervisor_parameters;
        const char *kernel_path;
        struct oci_strings kernel_parameters;
        const char *kernel_initrd;
        const char *image_path, *image_format;
        const char *device_tree;
        struct optional_u64 vcpus;
        struct optional_u64 memory; /* bytes */
};

/* ---- the whole ---- */

#define OCI_OVERLAY_LOWER_MOST 80

/* "root.overlay", which only berth has: the root is an overlay (overlayfs) of directories, each as written: absolute,
 * or relative to the bundle. "lower" is required; "upper" and "work" go together. */
struct oci_overlay {
        struct oci_strings lower; /* at most OCI_OVERLAY_LOWER_MOST, the top one first */
        const char *upper, *work; /* two in one directory; both NULL: nothing can be written */
};

/* Where the name begins that upper or work have in their directory. */
static inline size_t oci_overlay_place(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? (size_t)(slash + 1 - path) : 0;
}

struct oci_spec {
        struct arena arena;
        const char *oci_version;
        const char *root_path; /* as written: absolute, or relative to the bundle */
        bool root_readonly;
        /* "root.idmap", which only berth has: the root is mapped by the container's user namespace, as a bind with the
         * option "idmap" is (Linux 5.12): its files have on disk the ids that they have inside. */
        bool root_idmap;
        bool root_overlay_set; /* with root_idmap each directory is mapped */
        struct oci_overlay root_overlay;
        bool process_set; /* process may be absent at create; start then refuses */
        struct oci_process process;
        const char *hostname, *domainname;
        struct oci_mounts mounts;
        struct oci_hooks hooks[OCI_HOOK_KINDS];
        struct oci_pairs annotations;
        struct oci_linux linux_;
        struct oci_vm vm;
};

/* Decodes and validates. text need not outlive the call. On failure the message names the JSON path of the offending
 * field ("process.user.uid: expected a number from 0 to 4294967294, got \"root\"") and nothing is left allocated;
 * -EINVAL for a bad document, -ENOMEM. *spec is the caller's (oci_spec_free). */
int oci_spec_parse(const char *text, size_t size, struct oci_spec **spec);

void oci_spec_free(struct oci_spec *spec);

static inline void cleanup_oci_spec(struct oci_spec **spec)
{
        oci_spec_free(*spec);
}
#define _cleanup_spec_ _cleanup_(cleanup_oci_spec)

/* The parts that engines hand over alone: `exec --process FILE` and `update --resources FILE`. Decoded into `*process`
 * (or `*resources`) with every string in `arena`, which the caller frees. The same messages, paths without the prefix.
 */
int oci_process_parse(const char *text, size_t size, struct arena *arena, struct oci_process *process);
int oci_resources_parse(const char *text, size_t size, struct arena *arena, struct oci_resources *resources);

/* Whether a cgroup file system is mounted so that the container may write to it (config-linux.md "Cgroup ownership").
 */
bool oci_mounts_cgroup_writable(const struct oci_spec *spec);

/* The value of an annotation, NULL when absent. */
const char *oci_annotation(const struct oci_spec *spec, const char *key);
