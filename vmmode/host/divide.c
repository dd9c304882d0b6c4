#include "vmmode/host/divide.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "namespaces/namespace.h"
#include "oci/vocabulary.h"
#include "vmmode/host/config.h"

#define SHM "/dev/shm"

/* ---- what cannot be had ---- */

static int check_namespaces(const struct oci_linux *linux_)
{
        static const enum oci_namespace_kind inner[] = {OCI_NS_PID, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_MOUNT};

        for (size_t i = 0; i < ELEMENTS(inner); i++) {
                const struct oci_namespace *namespace = &linux_->namespaces[inner[i]];
                const char *name = namespace_kinds[inner[i]].name;

                if (!namespace->listed)
                        return refuse(ENOTSUP,
                                      "linux.namespaces: a virtual machine cannot share the host's %s "
                                      "namespace",
                                      name);
                if (namespace->path)
                        return refuse(ENOTSUP,
                                      "linux.namespaces: %s: a virtual machine cannot join the %s namespace of another "
                                      "container",
                                      namespace->path, name);
        }
        if (!linux_->namespaces[OCI_NS_NETWORK].listed)
                return refuse(ENOTSUP, "linux.namespaces: a virtual machine cannot use the host's network directly: it "
                                       "needs a network namespace");
        if (linux_->namespaces[OCI_NS_CGROUP].path || linux_->namespaces[OCI_NS_TIME].path)
                return refuse(ENOTSUP, "linux.namespaces: a virtual machine can join only a network and a user "
                                       "namespace");
        return 0;
}

/* Devices that are a kernel's own and not hardware: the guest has them, too. */
static bool is_virtual(mode_t type, unsigned major_number, unsigned minor_number)
{
        static const struct {
                unsigned major, minor;
        } known[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {10, 200}, {10, 229}};

        if (type == S_IFIFO)
                return true;
        for (size_t i = 0; type == S_IFCHR && i < ELEMENTS(known); i++)
                if (major_number == known[i].major && minor_number == known[i].minor)
                        return true;
        return false;
}

static int check_devices(const struct oci_devices *devices)
{
        for (size_t i = 0; i < devices->n; i++)
                if (!is_virtual(devices->v[i].type, devices->v[i].major, devices->v[i].minor))
                        return refuse(ENOTSUP,
                                      "linux.devices[%zu]: %s (%u:%u): devices of the host do not cross into a virtual "
                                      "machine",
                                      i, devices->v[i].path, devices->v[i].major, devices->v[i].minor);
        return 0;
}

static int check_bind(const struct oci_mount *mount, const char *bundle)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (!mount->source)
                return 0; /* said by whoever plans the mount */
        path = path_from(bundle, mount->source);
        if (!path)
                return fail(ENOMEM, "source %s", mount->source);
        if (stat(path, &st) < 0)
                return fail(errno, "source %s", path);
        if (S_ISSOCK(st.st_mode))
                return refuse(ENOTSUP, "source %s: sockets of the host do not cross into a virtual machine", path);
        if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
            !is_virtual(st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev)))
                return refuse(ENOTSUP, "source %s: devices of the host do not cross into a virtual machine", path);
        return 0;
}

static int check_mount(const struct oci_mount *mount, const char *bundle)
{
        static const char *const of_the_kernel[] = {"proc",    "sysfs",      "tmpfs", "devpts",  "mqueue", "cgroup",
                                                    "cgroup2", "securityfs", "ramfs", "debugfs", "tracefs"};
        const struct oci_mount_options *options = &mount->options;

        if (options->remount)
                return 0;
        if (options->bind)
                return check_bind(mount, bundle);
        if (options->idmap != OCI_IDMAP_NONE)
                return refuse(ENOTSUP, "options: only bind mounts can be id-mapped for a virtual machine");
        for (size_t i = 0; mount->type && i < ELEMENTS(of_the_kernel); i++)
                if (strcmp(mount->type, of_the_kernel[i]) == 0)
                        return 0;
        return mount->type ? refuse(ENOTSUP,
                                    "type: %s: a virtual machine has no file systems of the host's disks; "
                                    "bind-mount them",
                                    mount->type)
                           : 0;
}

static int check_mounts(const struct oci_mounts *mounts, const char *bundle)
{
        for (size_t i = 0; i < mounts->n; i++) {
                int r = check_mount(&mounts->v[i], bundle);

                if (r < 0)
                        return fail_in(r, "mounts[%zu] %s", i, mounts->v[i].destination);
        }
        return 0;
}

static int check_vm(const struct oci_vm *vm)
{
        const char *slash;

        if (!vm->set)
                return 0;
        slash = vm->hypervisor_path ? strrchr(vm->hypervisor_path, '/') : NULL;
        if (vm->hypervisor_path && strcmp(slash ? slash + 1 : vm->hypervisor_path, "berth-vmm") != 0)
                return refuse(ENOTSUP,
                              "vm.hypervisor.path: %s: berth has a virtual machine monitor of its own, "
                              "berth-vmm",
                              vm->hypervisor_path);
        if (vm->hypervisor_parameters.n)
                return refuse(ENOTSUP, "vm.hypervisor.parameters: berth-vmm takes none");
        if (vm->image_path && strcmp(vm->image_format, "raw") != 0)
                return refuse(ENOTSUP,
                              "vm.image.format: %s: only raw images can be opened without a parser that the "
                              "guest could attack",
                              vm->image_format);
        if (vm->image_path)
                return refuse(ENOTSUP,
                              "vm.image.path: %s: the container's file system is root.path; no image is booted",
                              vm->image_path);
        if (vm->kernel_initrd)
                return refuse(ENOTSUP,
                              "vm.kernel.initrd: %s: the guest boots berth's agent from an initrd that berth "
                              "makes",
                              vm->kernel_initrd);
        if (vm->device_tree)
                return refuse(ENOTSUP, "vm.hwConfig.deviceTree: this machine is described by ACPI");
        return 0;
}

/* A member of somebody's pod, which would share its machine. */
static int check_pod(const struct oci_spec *spec)
{
        static const char *const keys[] = {"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};

        for (size_t i = 0; i < ELEMENTS(keys); i++) {
                const char *type = oci_annotation(spec, keys[i]);

                if (type && strcmp(type, "container") == 0)
                        return refuse(ENOTSUP,
                                      "annotations[\"%s\"]: several containers in one virtual machine are not "
                                      "possible yet",
                                      keys[i]);
        }
        return 0;
}

int vm_check(const struct isolation_request *request)
{
        const struct oci_spec *spec = request->spec;
        const struct oci_hooks *hooks = &spec->hooks[OCI_HOOK_CREATE_CONTAINER];
        int r = check_vm(&spec->vm);

        if (r == 0)
                r = check_pod(spec);
        if (r == 0)
                r = check_namespaces(&spec->linux_);
        if (r == 0)
                r = check_devices(&spec->linux_.devices);
        if (r == 0)
                r = check_mounts(&spec->mounts, request->bundle);
        if (r < 0)
                return r;
        if (hooks->n)
                return refuse(ENOTSUP,
                              "hooks.createContainer[0] %s: it would run in the virtual machine, where this "
                              "program is not",
                              hooks->v[0].path);
        if (spec->linux_.seccomp.set && spec->linux_.seccomp.notifies)
                return refuse(ENOTSUP, "linux.seccomp: SCMP_ACT_NOTIFY: system calls of a virtual machine cannot be "
                                       "answered on the host");
        if (request->keep_fds)
                return refuse(ENOTSUP,
                              "--preserve-fds, LISTEN_FDS: descriptors of the host do not cross into a virtual "
                              "machine");
        return 0;
}

/* ---- size ---- */

static unsigned usable_cpus(void)
{
        cpu_set_t set;
        unsigned n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;

        return n < VM_CPUS_WITHOUT_LIMIT ? n : VM_CPUS_WITHOUT_LIMIT;
}

static uint64_t cpus_for_quota(const struct oci_cpu *cpu)
{
        uint64_t period = cpu->period.set && cpu->period.value ? cpu->period.value : 100000;

        if (!cpu->quota.set || cpu->quota.value <= 0)
                return 0;
        return ((uint64_t)cpu->quota.value + period - 1) / period;
}

static uint64_t page_align(uint64_t size)
{
        return (size + 4095) & ~(uint64_t)4095;
}

/* A machine cannot be given more memory while it runs. One whose limit may be raised has all of it from its beginning:
 * the host gives pages when they are first used, and the limit holds inside. */
static uint64_t memory_for(uint64_t limit, uint64_t raisable)
{
        return page_align(limit > raisable ? limit : raisable) + VM_MEMORY_FOR_KERNEL;
}

int vm_size_find(const struct oci_spec *spec, const struct vm_size_defaults *defaults, struct vm_size *size)
{
        const struct optional_i64 *limit = &spec->linux_.resources.memory.limit;
        uint64_t cpus = spec->vm.vcpus.set ? spec->vm.vcpus.value : cpus_for_quota(&spec->linux_.resources.cpu);

        size->overhead = defaults->overhead;
        if (spec->vm.memory.set)
                size->memory = page_align(spec->vm.memory.value);
        else if (limit->set && limit->value > 0)
                size->memory = memory_for((uint64_t)limit->value, defaults->raisable);
        else
                size->memory = defaults->memory;
        if (size->memory < VM_MEMORY_MIN) {
                if (spec->vm.memory.set)
                        return refuse(EINVAL, "vm.hwConfig.memory: %llu bytes: a guest needs at least %llu",
                                      (unsigned long long)spec->vm.memory.value, (unsigned long long)VM_MEMORY_MIN);
                size->memory = VM_MEMORY_MIN;
        }
        if (size->memory > (uint64_t)1 << 46)
                return refuse(EINVAL, "%s: %llu bytes are more than a guest can have",
                              spec->vm.memory.set ? "vm.hwConfig.memory" : "linux.resources.memory.limit",
                              (unsigned long long)size->memory);
        if (defaults->maximum && size->memory > defaults->maximum)
                return refuse(EINVAL, "%s: the guest would have %llu MiB, berth.conf allows %llu (memory-maximum)",
                              spec->vm.memory.set              ? "vm.hwConfig.memory"
                              : limit->set && limit->value > 0 ? "linux.resources.memory.limit"
                                                               : "annotations[\"" VM_ANNOTATION_MEMORY "\"]",
                              (unsigned long long)(size->memory >> 20), (unsigned long long)(defaults->maximum >> 20));
        if (cpus == 0)
                cpus = defaults->cpus ? defaults->cpus : usable_cpus();
        if (cpus > VM_CPUS_MOST)
                return refuse(EINVAL, "vm.hwConfig.vcpus: %llu, at most %u are possible", (unsigned long long)cpus,
                              VM_CPUS_MOST);
        size->cpus = (unsigned)cpus;
        return 0;
}

/* ---- resources ---- */

/* This host sees one process that holds all of the guest's memory, and must never be killed for what goes on inside. */
static void divide_memory(const struct oci_memory *memory, const struct vm_size *size, struct oci_memory *host)
{
        int64_t whole = (int64_t)(size->memory + size->overhead);

        *host = (struct oci_memory){0};
        if (!memory->limit.set || memory->limit.value < 0)
                return;
        host->limit = (struct optional_i64){true, whole};
        if (memory->swap.set)
                host->swap = (struct optional_i64){
                        true, memory->swap.value < 0 ? -1 : whole + (memory->swap.value - memory->limit.value)};
}

/* What a container weighs beside the others of this host, and on which of its processors, is its machine's. Of several
 * such lines those that stand together. */
static struct oci_pairs hosts_unified(const struct oci_pairs *unified)
{
        struct oci_pairs found = {0};

        for (size_t i = 0; i < unified->n; i++) {
                const char *key = unified->v[i].key;

                if (strcmp(key, "cpu.weight") != 0 && strcmp(key, "cpuset.cpus") != 0)
                        continue;
                if (!found.n)
                        found.v = &unified->v[i];
                if (&unified->v[i] == found.v + found.n)
                        found.n++;
        }
        return found;
}

static void divide_resources(const struct oci_resources *all, const struct vm_size *size, struct oci_resources *host,
                             struct oci_resources *inside)
{
        *host = *all;
        divide_memory(&all->memory, size, &host->memory);
        host->devices = (struct oci_device_rules){0};
        host->pids_limit = (struct optional_i64){0};
        host->hugepage_limits = (struct oci_hugepage_limits){0};
        host->unified = hosts_unified(&all->unified);

        *inside = *all;
        inside->cpu.cpus = inside->cpu.mems = NULL;
        inside->block_io = (struct oci_block_io){0};
        inside->rdma = (struct oci_rdmas){0};
}

int vm_divide_update(const struct oci_resources *changes, const struct vm_size *size, struct oci_resources *host,
                     struct oci_resources *inside)
{
        const struct optional_i64 *limit = &changes->memory.limit;

        if (limit->set && limit->value > 0 && page_align((uint64_t)limit->value) + VM_MEMORY_FOR_KERNEL > size->memory)
                return refuse(EINVAL,
                              "linux.resources.memory.limit: %lld bytes: the virtual machine was started with %llu, "
                              "which leaves at most %llu for the container (memory-update-maximum in berth.conf)",
                              (long long)limit->value, (unsigned long long)size->memory,
                              (unsigned long long)(size->memory - VM_MEMORY_FOR_KERNEL));
        divide_resources(changes, size, host, inside);
        /* The machine keeps the size it has. */
        host->memory = (struct oci_memory){0};
        return 0;
}

/* ---- the specification ---- */

/* A tmpfs of this host at /dev/shm: shared memory of processes that are all in the guest. */
static bool becomes_own_shm(const struct oci_mount *mount, char *data, size_t size)
{
        struct statfs fs;

        if (!mount->options.bind || mount->options.remount || !mount->source || strcmp(mount->destination, SHM) != 0 ||
            statfs(mount->source, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
                return false;
        snprintf(data, size, "mode=1777,size=%llu", (unsigned long long)fs.f_blocks * (unsigned long long)fs.f_bsize);
        return true;
}

static int divide_mounts(const struct oci_spec *spec, struct vm_division *division)
{
        struct oci_mounts *mounts = &division->inside.mounts;
        char data[64];

        mounts->n = spec->mounts.n;
        mounts->v = arena_array(&division->arena, spec->mounts.n, sizeof(*mounts->v));
        if (!mounts->v)
                return fail(ENOMEM, "mounts");
        for (size_t i = 0; i < mounts->n; i++) {
                struct oci_mount *mount = &mounts->v[i];

                *mount = spec->mounts.v[i];
                if (!becomes_own_shm(mount, data, sizeof(data)))
                        continue;
                mount->type = mount->source = "tmpfs";
                mount->options.bind = mount->options.recursive = false;
                mount->options.data = arena_strdup(&division->arena, data);
                if (!mount->options.data)
                        return fail(ENOMEM, "mounts");
        }
        return 0;
}

void vm_divide_process(struct oci_process *process)
{
        process->apparmor_profile = process->selinux_label = NULL;
}

int vm_divide(const struct isolation_request *request, const struct vm_size *size, struct vm_division *division)
{
        struct oci_spec *inside = &division->inside;
        struct oci_linux *linux_ = &inside->linux_;

        *inside = *request->spec;
        /* The ids of the guest are those of the container: this host maps them. The guest has no other network. */
        linux_->namespaces[OCI_NS_USER] = linux_->namespaces[OCI_NS_NETWORK] = (struct oci_namespace){0};
        linux_->uid_mappings = linux_->gid_mappings = (struct oci_id_maps){0};
        linux_->net_devices = (struct oci_net_devices){0};
        vm_divide_process(&inside->process);
        linux_->mount_label = NULL;
        divide_resources(&request->spec->linux_.resources, size, &division->host, &linux_->resources);
        return divide_mounts(request->spec, division);
}
