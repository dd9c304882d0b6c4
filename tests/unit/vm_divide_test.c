/* What a virtual machine refuses, how large it is, and what of a specification is this host's and what the guest's. */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci_support.h"

#include "vmmode/host/divide.h"

#define MIB ((uint64_t)1 << 20)

#define PROCESS "'process':{'cwd':'/','args':['sh'],'user':{'uid':0,'gid':0}}"
#define NEW_NAMESPACES                                                                                                 \
        "{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'mount'},{'type':'cgroup'}"
#define LINUX(more)  "'linux':{'namespaces':[" NEW_NAMESPACES "]" more "}"
#define USUAL(more)  PROCESS "," LINUX(more)
#define MOUNT(mount) USUAL("") ",'mounts':[" mount "]"

static const struct vm_size_defaults defaults = {.memory = 2048 * MIB, .overhead = 64 * MIB, .cpus = 3};

static struct isolation_request request_for(const struct oci_spec *spec)
{
        return (struct isolation_request){.spec = spec, .bundle = "/"};
}

static void refused(const char *members, const char *message)
{
        _cleanup_spec_ struct oci_spec *spec = accept(members);
        struct isolation_request request = request_for(spec);

        error_clear();
        assert_int_equal(vm_check(&request), -ENOTSUP);
        if (!strstr(error_message(), message))
                fail_msg("\"%s\" is not in \"%s\"", message, error_message());
}

static void taken(const char *members)
{
        _cleanup_spec_ struct oci_spec *spec = accept(members);
        struct isolation_request request = request_for(spec);

        error_clear();
        if (vm_check(&request) < 0)
                fail_msg("refused: %s", error_message());
}

static void what_the_wall_cannot_give_is_refused_by_its_field(void **state)
{
        (void)state;
        taken(USUAL(""));
        refused(PROCESS ",'linux':{'namespaces':[{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'mount'}]}",
                "host's pid namespace");
        refused(PROCESS ",'linux':{'namespaces':[{'type':'pid'},{'type':'ipc'},{'type':'uts'},{'type':'mount'}]}",
                "host's network");
        refused(PROCESS ",'linux':{'namespaces':[{'type':'pid'},{'type':'network'},{'type':'uts'},{'type':'mount'},"
                        "{'type':'ipc','path':'/proc/1/ns/ipc'}]}",
                "/proc/1/ns/ipc: a virtual machine cannot join the ipc namespace");
        refused(USUAL(",'devices':[{'path':'/dev/sda','type':'b','major':8,'minor':0}]"),
                "linux.devices[0]: /dev/sda (8:0)");
        taken(USUAL(",'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229}]"));
        refused(USUAL("") ",'hooks':{'createContainer':[{'path':'/bin/x'}]}", "hooks.createContainer[0] /bin/x");
        taken(USUAL("") ",'hooks':{'startContainer':[{'path':'/bin/x'}],'poststop':[{'path':'/bin/x'}]}");
        refused(USUAL(",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/x',"
                      "'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}"),
                "SCMP_ACT_NOTIFY");
        refused(USUAL("") ",'annotations':{'io.kubernetes.cri.container-type':'container'}", "container-type");
        taken(USUAL("") ",'annotations':{'io.kubernetes.cri.container-type':'sandbox'}");
}

static void mounts_of_the_hosts_devices_and_disks_are_refused(void **state)
{
        char device[1024], path[64];
        bool made;

        (void)state;
        taken(MOUNT("{'destination':'/a','type':'tmpfs','source':'tmpfs'}"));
        taken(MOUNT("{'destination':'/a','source':'/etc','options':['rbind']}"));
        taken(MOUNT("{'destination':'/a','source':'/dev/null','options':['bind']}"));
        refused(MOUNT("{'destination':'/a','source':'/dev/vda','type':'ext4'}"), "mounts[0] /a: type: ext4");
        refused(MOUNT("{'destination':'/a','source':'/etc','type':'overlay'}"), "mounts[0] /a: type: overlay");
        /* Only root can make one. */
        snprintf(path, sizeof(path), "/tmp/vm-divide-%d", (int)getpid());
        made = mknod(path, S_IFCHR | 0600, makedev(10, 232)) == 0;
        snprintf(device, sizeof(device), MOUNT("{'destination':'/a','source':'%s','options':['bind']}"), path);
        if (made)
                refused(device, "devices of the host");
        (void)unlink(path);
}

static void descriptors_do_not_cross(void **state)
{
        _cleanup_spec_ struct oci_spec *spec = accept(USUAL(""));
        struct isolation_request request = request_for(spec);

        (void)state;
        request.keep_fds = 1;
        assert_int_equal(vm_check(&request), -ENOTSUP);
}

static void the_vm_object_is_carried_out_or_refused(void **state)
{
        (void)state;
        taken(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hwConfig':{'vcpus':2}}");
        taken(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hypervisor':{'path':'/usr/libexec/berth/berth-vmm'}}");
        refused(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hypervisor':{'path':'/usr/bin/qemu'}}",
                "vm.hypervisor.path: /usr/bin/qemu");
        refused(USUAL("") ",'vm':{'kernel':{'path':'/k','initrd':'/i'}}", "vm.kernel.initrd: /i");
        refused(USUAL("") ",'vm':{'kernel':{'path':'/k'},'image':{'path':'/i','format':'qcow2'}}",
                "vm.image.format: qcow2");
        refused(USUAL("") ",'vm':{'kernel':{'path':'/k'},'image':{'path':'/i'}}", "vm.image.path: /i");
}

/* ---- size ---- */

static struct vm_size size_of(const char *members)
{
        _cleanup_spec_ struct oci_spec *spec = accept(members);
        struct vm_size size = {0};

        if (vm_size_find(spec, &defaults, &size) < 0)
                fail_msg("refused: %s", error_message());
        return size;
}

static void the_machine_is_as_large_as_the_limits_ask(void **state)
{
        (void)state;
        assert_int_equal(size_of(USUAL("")).memory, 2048 * MIB);
        assert_int_equal(size_of(USUAL("")).cpus, 3);
        assert_int_equal(size_of(USUAL(",'resources':{'memory':{'limit':1073741824}}")).memory, 1088 * MIB);
        assert_int_equal(size_of(USUAL(",'resources':{'memory':{'limit':524288}}")).memory, 128 * MIB);
        assert_int_equal(size_of(USUAL(",'resources':{'memory':{'limit':-1}}")).memory, 2048 * MIB);
        assert_int_equal(size_of(USUAL(",'resources':{'cpu':{'quota':150000,'period':100000}}")).cpus, 2);
        assert_int_equal(size_of(USUAL(",'resources':{'cpu':{'quota':1000}}")).cpus, 1);
        assert_int_equal(
                size_of(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hwConfig':{'vcpus':4,'memory':268435456}}").memory,
                256 * MIB);
        assert_int_equal(size_of(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hwConfig':{'vcpus':4}}").cpus, 4);
}

static void a_limit_that_may_be_raised_makes_the_machine_large_enough(void **state)
{
        const struct vm_size_defaults raisable = {.memory = 2048 * MIB, .cpus = 1, .raisable = 512 * MIB};
        _cleanup_spec_ struct oci_spec *low = accept(USUAL(",'resources':{'memory':{'limit':134217728}}"));
        _cleanup_spec_ struct oci_spec *high = accept(USUAL(",'resources':{'memory':{'limit':1073741824}}"));
        _cleanup_spec_ struct oci_spec *none = accept(USUAL(""));
        struct oci_resources changes = {.memory.limit = {true, (int64_t)(512 * MIB)}}, host, inside;
        struct vm_size size;

        (void)state;
        assert_int_equal(vm_size_find(high, &raisable, &size), 0);
        assert_int_equal(size.memory, 1088 * MIB);
        assert_int_equal(vm_size_find(none, &raisable, &size), 0);
        assert_int_equal(size.memory, 2048 * MIB);
        assert_int_equal(vm_size_find(low, &raisable, &size), 0);
        assert_int_equal(size.memory, 576 * MIB);
        assert_int_equal(vm_divide_update(&changes, &size, &host, &inside), 0);
        assert_int_equal(inside.memory.limit.value, 512 * MIB);
        changes.memory.limit.value += 4096;
        assert_int_equal(vm_divide_update(&changes, &size, &host, &inside), -EINVAL);
        assert_non_null(strstr(error_message(), "536875008 bytes"));
        assert_non_null(strstr(error_message(), "at most 536870912 for the container"));
}

static void a_machine_that_cannot_boot_is_refused(void **state)
{
        _cleanup_spec_ struct oci_spec *small =
                accept(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hwConfig':{'memory':1048576}}");
        _cleanup_spec_ struct oci_spec *wide =
                accept(USUAL("") ",'vm':{'kernel':{'path':'/k'},'hwConfig':{'vcpus':4096}}");
        struct vm_size size;

        (void)state;
        assert_int_equal(vm_size_find(small, &defaults, &size), -EINVAL);
        assert_non_null(strstr(error_message(), "vm.hwConfig.memory: 1048576 bytes"));
        assert_int_equal(vm_size_find(wide, &defaults, &size), -EINVAL);
        assert_non_null(strstr(error_message(), "vm.hwConfig.vcpus: 4096"));
}

/* ---- division ---- */

static void limits_are_divided_so_that_the_guest_cannot_kill_its_machine(void **state)
{
        _cleanup_spec_ struct oci_spec *spec =
                accept(USUAL(",'resources':{'memory':{'limit':134217728,'swap':268435456},'pids':{'limit':7},"
                             "'cpu':{'quota':50000,'cpus':'0'},'unified':{'memory.high':'1','cpu.weight':'50'},"
                             "'devices':[{'allow':false,'access':'rwm'}]}"));
        struct isolation_request request = request_for(spec);
        struct vm_division division = {0};
        const struct oci_resources *inside = &division.inside.linux_.resources, *host = &division.host;
        struct vm_size size;

        (void)state;
        assert_int_equal(vm_size_find(spec, &defaults, &size), 0);
        assert_int_equal(vm_divide(&request, &size, &division), 0);
        assert_int_equal(host->memory.limit.value, (128 + 64 + 64) * MIB);
        assert_int_equal(host->memory.swap.value, (128 + 64 + 64 + 128) * MIB);
        assert_false(host->pids_limit.set);
        assert_int_equal(host->cpu.quota.value, 50000);
        assert_string_equal(host->cpu.cpus, "0");
        assert_int_equal(host->devices.n, 0);
        assert_int_equal(host->unified.n, 1);
        assert_string_equal(host->unified.v[0].key, "cpu.weight");
        assert_int_equal(inside->memory.limit.value, 128 * MIB);
        assert_int_equal(inside->pids_limit.value, 7);
        assert_null(inside->cpu.cpus);
        assert_int_equal(inside->devices.n, 1);
        assert_int_equal(inside->unified.n, 2);
        arena_free(&division.arena);
}

static void ids_and_network_are_the_hosts(void **state)
{
        _cleanup_spec_ struct oci_spec *spec =
                accept(PROCESS ",'linux':{'namespaces':[" NEW_NAMESPACES ",{'type':'user'}],"
                               "'uidMappings':[{'containerID':0,'hostID':1000,'size':1}],"
                               "'gidMappings':[{'containerID':0,'hostID':1000,'size':1}]}");
        struct isolation_request request = request_for(spec);
        struct vm_division division = {0};
        const struct vm_size size = {512 * MIB, 64 * MIB, 1};

        (void)state;
        assert_int_equal(vm_divide(&request, &size, &division), 0);
        assert_false(division.inside.linux_.namespaces[OCI_NS_USER].listed);
        assert_false(division.inside.linux_.namespaces[OCI_NS_NETWORK].listed);
        assert_true(division.inside.linux_.namespaces[OCI_NS_PID].listed);
        assert_int_equal(division.inside.linux_.uid_mappings.n, 0);
        assert_true(spec->linux_.namespaces[OCI_NS_USER].listed);
        arena_free(&division.arena);
}

static void an_update_keeps_the_machines_size(void **state)
{
        const struct vm_size size = {256 * MIB, 64 * MIB, 1};
        struct oci_resources changes = {.memory.limit = {true, (int64_t)(192 * MIB)}, .pids_limit = {true, 5}};
        struct oci_resources host, inside;

        (void)state;
        assert_int_equal(vm_divide_update(&changes, &size, &host, &inside), 0);
        assert_false(host.memory.limit.set);
        assert_false(host.pids_limit.set);
        assert_int_equal(inside.memory.limit.value, 192 * MIB);
        changes.memory.limit.value++;
        assert_int_equal(vm_divide_update(&changes, &size, &host, &inside), -EINVAL);
        assert_non_null(strstr(error_message(), "linux.resources.memory.limit"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("what the wall cannot give is refused by its field",
                        what_the_wall_cannot_give_is_refused_by_its_field),
                PROMISE("mounts of the host's devices and disks are refused",
                        mounts_of_the_hosts_devices_and_disks_are_refused),
                PROMISE("descriptors do not cross", descriptors_do_not_cross),
                PROMISE("the vm object is carried out or refused", the_vm_object_is_carried_out_or_refused),
                PROMISE("the machine is as large as the limits ask", the_machine_is_as_large_as_the_limits_ask),
                PROMISE("a limit that may be raised makes the machine large enough",
                        a_limit_that_may_be_raised_makes_the_machine_large_enough),
                PROMISE("a machine that cannot boot is refused", a_machine_that_cannot_boot_is_refused),
                PROMISE("limits are divided so that the guest cannot kill its machine",
                        limits_are_divided_so_that_the_guest_cannot_kill_its_machine),
                PROMISE("ids and network are the host's", ids_and_network_are_the_hosts),
                PROMISE("an update keeps the machine's size", an_update_keeps_the_machines_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
