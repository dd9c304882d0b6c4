/* What reading `linux` promises, resources and seccomp apart. */
#include "tests/unit/oci_support.h"

#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>

#define LINUX(rest)  "'linux':{" rest "}"
#define USER         "'namespaces':[{'type':'user'}],"
#define MAP(c, h, s) "{'containerID':" #c ",'hostID':" #h ",'size':" #s "}"
#define NET(rest)    LINUX("'namespaces':[{'type':'network'}],'netDevices':{" rest "}")

static void namespaces(void **state)
{
        struct oci_spec *spec = accept(
                LINUX("'namespaces':[{'type':'pid'},{'type':'network','path':'/run/n'},{'type':'mount'},{'type':'ipc'},"
                      "{'type':'uts','path':''},{'type':'cgroup'},{'type':'time'}]"));

        (void)state;
        for (int kind = 0; kind < OCI_NS_KINDS; kind++)
                assert_int_equal(spec->linux_.namespaces[kind].listed, kind != OCI_NS_USER);
        assert_string_equal(spec->linux_.namespaces[OCI_NS_NETWORK].path, "/run/n");
        assert_null(spec->linux_.namespaces[OCI_NS_UTS].path);
        oci_spec_free(spec);
        REFUSED({LINUX("'namespaces':[{'type':'pid'},{'type':'mount'},{'type':'pid','path':'/p'}]"),
                 "linux.namespaces[2]: duplicate namespace 'pid'"},
                {LINUX("'namespaces':[{'type':'net'}]"), "linux.namespaces[0].type: unknown value 'net'"},
                {LINUX("'namespaces':[{}]"), "linux.namespaces[0].type: required field is missing"},
                {LINUX("'namespaces':[{'type':'pid','path':'p'}]"),
                 "linux.namespaces[0].path: expected an absolute path, got 'p'"});
}

static void id_maps(void **state)
{
        struct oci_spec *spec = accept(LINUX(USER "'uidMappings':[" MAP(0, 1000, 1) "," MAP(
                1, 100000, 65536) "],"
                                  "'gidMappings':[" MAP(0, 0, 4294967295) "]"));
        static char many[32768];
        char *p = many;
        const struct refusal too_many = {many, "linux.uidMappings: 341 ranges are too many, the kernel takes 340"};

        (void)state;
        assert_int_equal(spec->linux_.uid_mappings.n, 2);
        assert_int_equal(spec->linux_.uid_mappings.v[1].host_id, 100000);
        assert_true(spec->linux_.gid_mappings.v[0].size == UINT32_MAX);
        oci_spec_free(spec);
        REFUSED({LINUX(USER "'uidMappings':[" MAP(0, 0, 10) "," MAP(9, 20, 1) "],'gidMappings':[" MAP(0, 0, 1) "]"),
                 "linux.uidMappings[1]: container ids overlap those of [0]"},
                {LINUX(USER "'gidMappings':[" MAP(0, 20, 10) "," MAP(10, 11, 10) "],'uidMappings':[" MAP(0, 0, 1) "]"),
                 "linux.gidMappings[1]: host ids overlap those of [0]"},
                {LINUX(USER "'uidMappings':[{'containerID':0,'size':1}]"),
                 "linux.uidMappings[0].hostID: required field is missing"},
                {LINUX(USER "'uidMappings':[" MAP(4294967295, 0, 1) "]"),
                 "linux.uidMappings[0].containerID: expected a number from 0 to 4294967294, got 4294967295"},
                {LINUX(USER "'uidMappings':[" MAP(1, 0, 4294967295) "]"),
                 "linux.uidMappings[0].size: the range reaches beyond the last id 4294967294"});
        p += sprintf(p, "'linux':{'uidMappings':[");
        for (int i = 0; i < 341; i++)
                p += sprintf(p, "%s{'containerID':%d,'hostID':%d,'size':1}", i ? "," : "", i, i);
        sprintf(p, "]}");
        refuse_all(&too_many, 1);
}

static void time_offsets(void **state)
{
        struct oci_spec *spec = accept(LINUX("'namespaces':[{'type':'time'}],'timeOffsets':{'monotonic':{'secs':-5,"
                                             "'nanosecs':7},'boottime':{}}"));

        (void)state;
        assert_true(spec->linux_.time_monotonic.set && spec->linux_.time_boottime.set);
        assert_int_equal(spec->linux_.time_monotonic.secs, -5);
        assert_int_equal(spec->linux_.time_monotonic.nanosecs, 7);
        oci_spec_free(spec);
        REFUSED({LINUX("'timeOffsets':{'monotonic':{'nanosecs':1000000000}}"),
                 "linux.timeOffsets.monotonic.nanosecs: expected a number from 0 to 999999999, got 1000000000"});
}

static void devices(void **state)
{
        struct oci_spec *spec = accept(LINUX(
                "'devices':[{'type':'c','path':'/dev/fuse','major':10,'minor':229,'fileMode':438,'uid':1,'gid':2},"
                "{'type':'b','path':'/x','major':8,'minor':0,'fileMode':25008},{'type':'p','path':'/fifo'},"
                "{'type':'u','path':'/u','major':1,'minor':1},{'type':'b','path':'/x','major':8,'minor':0}]"));
        const struct oci_device *v = spec->linux_.devices.v;

        (void)state;
        assert_int_equal(spec->linux_.devices.n, 5);
        assert_int_equal(v[0].type, S_IFCHR);
        assert_int_equal(v[0].major, 10);
        assert_int_equal(v[0].minor, 229);
        assert_int_equal(v[0].file_mode.value, 0666);
        assert_int_equal(v[0].gid, 2);
        assert_int_equal(v[1].type, S_IFBLK);
        assert_int_equal(v[1].file_mode.value, 0660); /* 25008 is S_IFBLK | 0660 */
        assert_int_equal(v[2].type, S_IFIFO);
        assert_false(v[2].file_mode.set);
        assert_int_equal(v[3].type, S_IFCHR);
        oci_spec_free(spec);
        REFUSED({LINUX("'devices':[{'type':'c','path':'/a','major':1}]"),
                 "linux.devices[0].minor: required field is missing"},
                {LINUX("'devices':[{'type':'b','path':'/a','minor':1}]"),
                 "linux.devices[0].major: required field is missing"},
                {LINUX("'devices':[{'type':'a','path':'/a'}]"), "linux.devices[0].type: unknown value 'a'"},
                {LINUX("'devices':[{'path':'/a'}]"), "linux.devices[0].type: required field is missing"},
                {LINUX("'devices':[{'type':'p'}]"), "linux.devices[0].path: required field is missing"},
                {LINUX("'devices':[{'type':'p','path':'a'}]"),
                 "linux.devices[0].path: expected an absolute path, got 'a'"},
                {LINUX("'devices':[{'type':'c','path':'/a','major':-1,'minor':0}]"),
                 "linux.devices[0].major: expected a number from 0 to 4294967295, got -1"},
                {LINUX("'devices':[{'type':'p','path':'/a','fileMode':65536}]"),
                 "linux.devices[0].fileMode: expected a number from 0 to 65535, got 65536"},
                {LINUX("'devices':[{'type':'p','path':'/b'},{'type':'p','path':'/a'},{'type':'c','path':'/a','major':1,"
                       "'minor':3}]"),
                 "linux.devices[2].path: [1] puts another device there"});
}

static void net_devices(void **state)
{
        struct oci_spec *spec = accept(NET("'eth0':{'name':'c0'},'eth1':{},'eth2':{'name':'x%d'},'eth3':{'name':''}"));

        (void)state;
        assert_int_equal(spec->linux_.net_devices.n, 4);
        assert_string_equal(spec->linux_.net_devices.v[0].name, "eth0");
        assert_string_equal(spec->linux_.net_devices.v[0].new_name, "c0");
        assert_null(spec->linux_.net_devices.v[1].new_name);
        assert_string_equal(spec->linux_.net_devices.v[2].new_name, "x%d");
        assert_null(spec->linux_.net_devices.v[3].new_name);
        oci_spec_free(spec);
        REFUSED({NET("'a/b':{}"), "linux.netDevices['a/b']: this is no name of a network device"},
                {NET("'':{}"), "linux.netDevices['']: this is no name of a network device"},
                {NET("'..':{}"), "linux.netDevices['..']: this is no name of a network device"},
                {NET("'e%d':{}"), "linux.netDevices['e%d']: this is no name of a network device"},
                {NET("'1234567890123456':{}"),
                 "linux.netDevices.1234567890123456: this is no name of a network device"},
                {NET("'a':{'name':'.'}"), "linux.netDevices.a.name: '.' is no name of a network device"},
                {NET("'a':{'name':'a b'}"), "linux.netDevices.a.name: 'a b' is no name of a network device"},
                {NET("'a':{'name':'%s'}"), "linux.netDevices.a.name: '%s' is no name of a network device"},
                {NET("'a':{'name':'%d%d'}"), "linux.netDevices.a.name: '%d%d' is no name of a network device"},
                {NET("'a':{'name':'1234567890123456'}"),
                 "linux.netDevices.a.name: '1234567890123456' is no name of a network device"},
                {NET("'a':{'name':'b'},'b':{}"),
                 "linux.netDevices: two devices are to be called 'b' in the container"});
        ACCEPTED(NET("'a':{'name':'b'},'b':{'name':'a'}"), NET("'123456789012345':{}"));
}

static void paths(void **state)
{
        struct oci_spec *spec = accept(LINUX("'maskedPaths':['/a','/b'],'readonlyPaths':['/c'],'mountLabel':'l',"
                                             "'cgroupsPath':'/a/..b/c..','rootfsPropagation':'rslave'"));

        (void)state;
        assert_int_equal(spec->linux_.masked_paths.n, 2);
        assert_string_equal(spec->linux_.readonly_paths.v[0], "/c");
        assert_string_equal(spec->linux_.mount_label, "l");
        assert_string_equal(spec->linux_.cgroups_path, "/a/..b/c..");
        assert_int_equal(spec->linux_.rootfs_propagation, MS_SLAVE | MS_REC);
        oci_spec_free(spec);
        REFUSED({LINUX("'maskedPaths':['/a','b']"), "linux.maskedPaths[1]: expected an absolute path, got 'b'"},
                {LINUX("'readonlyPaths':['']"), "linux.readonlyPaths[0]: expected an absolute path, got ''"},
                {LINUX("'cgroupsPath':'/a/../b'"), "linux.cgroupsPath: '/a/../b' is no path of a cgroup"},
                {LINUX("'cgroupsPath':'..'"), "linux.cgroupsPath: '..' is no path of a cgroup"},
                {LINUX("'cgroupsPath':'a.slice:..:x'"), "linux.cgroupsPath: 'a.slice:..:x' is no path of a cgroup"},
                {LINUX("'cgroupsPath':'a\\nb'"), "linux.cgroupsPath: 'a\\u000ab' is no path of a cgroup"},
                {LINUX("'rootfsPropagation':'rw'"), "linux.rootfsPropagation: unknown value 'rw'"});
        ACCEPTED(LINUX("'cgroupsPath':'system.slice:berth:id'"), LINUX("'cgroupsPath':'','rootfsPropagation':''"));
}

static void personalities(void **state)
{
        struct oci_spec *spec = accept(LINUX("'personality':{'domain':'LINUX32','flags':[]}"));

        (void)state;
        assert_true(spec->linux_.personality.set);
        assert_int_equal(spec->linux_.personality.value, PER_LINUX32);
        oci_spec_free(spec);
        REFUSED({LINUX("'personality':{}"), "linux.personality.domain: required field is missing"},
                {LINUX("'personality':{'domain':'BSD'}"), "linux.personality.domain: unknown value 'BSD'"},
                {LINUX("'personality':{'domain':'LINUX','flags':['ADDR_NO_RANDOMIZE']}"),
                 "linux.personality.flags[0]: unknown value 'ADDR_NO_RANDOMIZE'"});
}

static void memory_policies(void **state)
{
        struct oci_spec *spec = accept(LINUX("'memoryPolicy':{'flags':['MPOL_F_STATIC_NODES','MPOL_F_NUMA_BALANCING'],"
                                             "'nodes':'0-1','mode':'MPOL_BIND'}"));

        (void)state;
        assert_true(spec->linux_.memory_policy.set);
        assert_int_equal(spec->linux_.memory_policy.mode, MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_NUMA_BALANCING);
        assert_string_equal(spec->linux_.memory_policy.nodes, "0-1");
        oci_spec_free(spec);
        ACCEPTED(LINUX("'memoryPolicy':{'mode':'MPOL_DEFAULT','nodes':''}"),
                 LINUX("'memoryPolicy':{'mode':'MPOL_LOCAL'}"), LINUX("'memoryPolicy':{'mode':'MPOL_PREFERRED'}"),
                 LINUX("'memoryPolicy':{'mode':'MPOL_WEIGHTED_INTERLEAVE','nodes':'0'}"),
                 LINUX("'memoryPolicy':{'mode':'MPOL_INTERLEAVE','nodes':'0','flags':['MPOL_F_RELATIVE_NODES']}"));
        REFUSED({LINUX("'memoryPolicy':{}"), "linux.memoryPolicy.mode: required field is missing"},
                {LINUX("'memoryPolicy':{'mode':'X'}"), "linux.memoryPolicy.mode: unknown value 'X'"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_BIND'}"), "linux.memoryPolicy.nodes: MPOL_BIND needs nodes"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'1-0'}"),
                 "linux.memoryPolicy.nodes: expected a list like '0-3,7' of numbers up to 8191, got '1-0'"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_LOCAL','nodes':'0'}"),
                 "linux.memoryPolicy.nodes: MPOL_LOCAL takes no nodes"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_DEFAULT','flags':['MPOL_F_STATIC_NODES']}"),
                 "linux.memoryPolicy.flags: MPOL_DEFAULT takes no flags"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_PREFERRED','flags':['MPOL_F_STATIC_NODES']}"),
                 "linux.memoryPolicy.nodes: MPOL_PREFERRED needs nodes"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES',"
                       "'MPOL_F_RELATIVE_NODES']}"),
                 "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_INTERLEAVE','nodes':'0','flags':['MPOL_F_NUMA_BALANCING']}"),
                 "linux.memoryPolicy.flags: MPOL_F_NUMA_BALANCING belongs to MPOL_BIND and MPOL_PREFERRED_MANY"},
                {LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['X']}"),
                 "linux.memoryPolicy.flags[0]: unknown value 'X'"});
}

static void resctrl(void **state)
{
        struct oci_spec *spec =
                accept(LINUX("'intelRdt':{'closID':'g','l3CacheSchema':'L3:0=f','memBwSchema':'MB:0=70',"
                             "'schemata':['L2:0=1'],'enableMonitoring':true,'enableCMT':true}"));

        (void)state;
        assert_true(spec->linux_.intel_rdt.set && spec->linux_.intel_rdt.enable_monitoring);
        assert_string_equal(spec->linux_.intel_rdt.clos_id, "g");
        assert_string_equal(spec->linux_.intel_rdt.l3_cache_schema, "L3:0=f");
        assert_string_equal(spec->linux_.intel_rdt.mem_bw_schema, "MB:0=70");
        assert_string_equal(spec->linux_.intel_rdt.schemata.v[0], "L2:0=1");
        oci_spec_free(spec);
        ACCEPTED(LINUX("'intelRdt':{'closID':'/'}"), LINUX("'intelRdt':{}"));
        REFUSED({LINUX("'intelRdt':{'closID':'a/b'}"), "linux.intelRdt.closID: 'a/b' is no name of a group"},
                {LINUX("'intelRdt':{'closID':'//'}"), "linux.intelRdt.closID: '//' is no name of a group"},
                {LINUX("'intelRdt':{'closID':'.'}"), "linux.intelRdt.closID: '.' is no name of a group"},
                {LINUX("'intelRdt':{'memBwSchema':'L3:0=1'}"),
                 "linux.intelRdt.memBwSchema: expected one line that starts with 'MB:', got 'L3:0=1'"},
                {LINUX("'intelRdt':{'memBwSchema':'MB:0=1\\nMB:1=1'}"),
                 "linux.intelRdt.memBwSchema: expected one line that starts with 'MB:', got 'MB:0=1\\u000aMB:1=1'"},
                {LINUX("'intelRdt':{'closID':'..'}"), "linux.intelRdt.closID: '..' is no name of a group"},
                {LINUX("'intelRdt':{'schemata':['a','b\\nc']}"), "linux.intelRdt.schemata[1]: holds a newline"});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("namespaces are read, duplicates and unknown types refused", namespaces),
                PROMISE("id maps that overlap, overflow or are too many are refused", id_maps),
                PROMISE("time offsets are read", time_offsets),
                PROMISE("devices are read, contradictions refused", devices),
                PROMISE("network devices must have names that Linux takes", net_devices),
                PROMISE("paths are absolute and cgroup paths stay inside", paths),
                PROMISE("a personality is LINUX or LINUX32 without flags", personalities),
                PROMISE("a memory policy that the kernel refuses is refused", memory_policies),
                PROMISE("resctrl groups have names, schemas one line", resctrl),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
