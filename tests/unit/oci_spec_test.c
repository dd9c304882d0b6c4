/* What reading a config.json promises: the top level, hooks, the vm object and the checks across fields. */
#include "tests/unit/oci_support.h"

#define NAMESPACES(list) "'linux':{'namespaces':[" list "]}"
#define WITH(list, rest) "'linux':{'namespaces':[" list "]," rest "}"
#define MAPS                                                                                                           \
        "'uidMappings':[{'containerID':0,'hostID':1,'size':1}],'gidMappings':[{'containerID':0,'hostID':1,'size':1}]"

static void smallest(void **state)
{
        struct oci_spec *spec = accept("");

        (void)state;
        assert_string_equal(spec->oci_version, "1.3.0");
        assert_string_equal(spec->root_path, "rootfs");
        assert_false(spec->root_readonly);
        assert_false(spec->process_set);
        assert_false(spec->vm.set);
        assert_false(spec->linux_.resources_set);
        oci_spec_free(spec);
        oci_spec_free(NULL);
}

static void top_level(void **state)
{
        struct oci_spec *spec = accept("'hostname':'h','domainname':'d','annotations':{'a.b':'1','c':''},"
                                       "'linux':{'namespaces':[{'type':'uts'}]},'solaris':{},'x-unknown':[1]");

        (void)state;
        assert_string_equal(spec->hostname, "h");
        assert_string_equal(spec->domainname, "d");
        assert_string_equal(oci_annotation(spec, "a.b"), "1");
        assert_string_equal(oci_annotation(spec, "c"), "");
        assert_null(oci_annotation(spec, "d"));
        oci_spec_free(spec);
        REFUSED({"'annotations':{'':'x'}", "annotations: a key is empty"},
                {"'annotations':{'a.b':1}", "annotations['a.b']: expected a string, got 1"},
                {"'hostname':'h'", "hostname: needs a uts namespace in linux.namespaces"},
                {"'domainname':'d'", "domainname: needs a uts namespace in linux.namespaces"},
                {"'hostname':'12345678901234567890123456789012345678901234567890123456789012345'," NAMESPACES(
                         "{'type':'uts'}"),
                 "hostname: longer than 64 bytes"});
        ACCEPTED("'hostname':''", "'hostname':'h'," NAMESPACES("{'type':'uts','path':'/proc/1/ns/uts'}"));
}

static void versions(void **state)
{
        static const char *const good[] = {"1.0.0", "1.0.2-dev", "1.3.0+dev", "1.99.0", "1.0.0-rc.5+x"};
        static const struct refusal bad[] = {
                {"0.2.0", "ociVersion: '0.2.0' is not supported, only versions 1.x are"},
                {"2.0.0", "ociVersion: '2.0.0' is not supported, only versions 1.x are"},
                {"10.0.0", "ociVersion: '10.0.0' is not supported, only versions 1.x are"},
                {"1.0", "ociVersion: expected a version like '1.3.0', got '1.0'"},
                {"", "ociVersion: expected a version like '1.3.0', got ''"},
                {"1.0.0 ", "ociVersion: expected a version like '1.3.0', got '1.0.0 '"},
                {"1.01.0", "ociVersion: expected a version like '1.3.0', got '1.01.0'"},
                {"1.0.0-", "ociVersion: expected a version like '1.3.0', got '1.0.0-'"},
        };
        char text[128];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                snprintf(text, sizeof(text), "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}", good[i]);
                oci_spec_free(accept_text(text, strlen(text)));
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_free_ char *message = quoted(bad[i].message);

                snprintf(text, sizeof(text), "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"}}", bad[i].members);
                refuse_text(text, message);
        }
        refuse_text("{\"root\":{\"path\":\"r\"}}", "ociVersion: required field is missing");
}

static void root_is_required(void **state)
{
        (void)state;
        refuse_text("{\"ociVersion\":\"1.0.0\"}", "root: required field is missing");
        refuse_text("{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root.path: required field is missing");
        refuse_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}", "root.path: must not be empty");
        refuse_text("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\",\"readonly\":1}}",
                    "root.readonly: expected a boolean, got 1");
        refuse_text("{\n\"ociVersion\":\"1.0.0\",\n\"root\"}", "JSON: line 3, column 7: object key and value must "
                                                               "be separated by a colon (':')");
        refuse_text("[]", "JSON: expected an object, got an array");
}

static void hooks(void **state)
{
        struct oci_spec *spec = accept(
                "'hooks':{'prestart':[{'path':'/a'}],'createRuntime':[{'path':'/b','args':['b','1'],"
                "'env':['A=1','A=2'],'timeout':5}],'createContainer':[],'poststop':[{'path':'/c'},{'path':'/d'}]}");
        const struct oci_hook *hook = &spec->hooks[OCI_HOOK_CREATE_RUNTIME].v[0];

        (void)state;
        assert_int_equal(spec->hooks[OCI_HOOK_PRESTART].n, 1);
        assert_false(spec->hooks[OCI_HOOK_PRESTART].v[0].timeout.set);
        assert_string_equal(hook->path, "/b");
        assert_int_equal(hook->args.n, 2);
        assert_int_equal(hook->env.n, 1);
        assert_string_equal(hook->env.v[0], "A=2");
        assert_int_equal(hook->timeout.value, 5);
        assert_int_equal(spec->hooks[OCI_HOOK_CREATE_CONTAINER].n, 0);
        assert_int_equal(spec->hooks[OCI_HOOK_START_CONTAINER].n, 0);
        assert_string_equal(spec->hooks[OCI_HOOK_POSTSTOP].v[1].path, "/d");
        oci_spec_free(spec);
        REFUSED({"'hooks':{'poststart':[{}]}", "hooks.poststart[0].path: required field is missing"},
                {"'hooks':{'poststop':[{'path':'/a'},{'path':'b'}]}",
                 "hooks.poststop[1].path: expected an absolute path, got 'b'"},
                {"'hooks':{'prestart':[{'path':'/a','timeout':0}]}",
                 "hooks.prestart[0].timeout: expected a number from 1 to 2147483647, got 0"},
                {"'hooks':{'createContainer':{}}", "hooks.createContainer: expected an array, got an object"});
}

static void user_namespaces(void **state)
{
        (void)state;
        REFUSED({"'linux':{" MAPS "}", "linux.uidMappings: needs a user namespace in linux.namespaces"},
                {"'linux':{'gidMappings':[{'containerID':0,'hostID':1,'size':1}]}",
                 "linux.gidMappings: needs a user namespace in linux.namespaces"},
                {NAMESPACES("{'type':'user'}"), "linux.uidMappings: required for a new user namespace"},
                {WITH("{'type':'user'}", "'uidMappings':[{'containerID':0,'hostID':1,'size':1}]"),
                 "linux.gidMappings: required for a new user namespace"});
        ACCEPTED(WITH("{'type':'user'}", MAPS), NAMESPACES("{'type':'user','path':'/proc/1/ns/user'}"),
                 WITH("{'type':'user','path':'/proc/1/ns/user'}", MAPS));
}

static void namespace_users(void **state)
{
        (void)state;
        REFUSED({"'linux':{'timeOffsets':{'monotonic':{'secs':1}}}",
                 "linux.timeOffsets: needs a new time namespace in linux.namespaces"},
                {WITH("{'type':'time','path':'/proc/1/ns/time'}", "'timeOffsets':{'boottime':{'secs':1}}"),
                 "linux.timeOffsets: needs a new time namespace in linux.namespaces"},
                {"'linux':{'netDevices':{'eth0':{}}}",
                 "linux.netDevices: needs a network namespace in linux.namespaces"});
        ACCEPTED(WITH("{'type':'time'}", "'timeOffsets':{'boottime':{'secs':-1,'nanosecs':999999999}}"),
                 "'linux':{'timeOffsets':{}}", WITH("{'type':'network'}", "'netDevices':{'eth0':{}}"),
                 WITH("{'type':'network','path':'/run/netns/x'}", "'netDevices':{'eth0':{}}"));
}

static void sysctls(void **state)
{
        struct oci_spec *spec = accept(WITH("{'type':'network'},{'type':'ipc'},{'type':'uts'}",
                                            "'sysctl':{'net.ipv4.ip_forward':'1','net/ipv4/conf/eth0.1/forwarding':'1',"
                                            "'net.ipv4.conf.eth0/1.arp_filter':'0','kernel.shmmax':'1',"
                                            "'fs.mqueue.msg_max':'5','kernel.domainname':'d'}"));

        (void)state;
        assert_string_equal(spec->linux_.sysctl.v[0].key, "net/ipv4/ip_forward");
        assert_string_equal(spec->linux_.sysctl.v[1].key, "net/ipv4/conf/eth0.1/forwarding");
        assert_string_equal(spec->linux_.sysctl.v[2].key, "net/ipv4/conf/eth0.1/arp_filter");
        assert_string_equal(spec->linux_.sysctl.v[3].key, "kernel/shmmax");
        assert_string_equal(spec->linux_.sysctl.v[4].value, "5");
        oci_spec_free(spec);
        REFUSED({"'linux':{'sysctl':{'net.core.somaxconn':'1'}}",
                 "linux.sysctl['net/core/somaxconn']: needs a namespace of type 'network' in linux.namespaces"},
                {"'linux':{'sysctl':{'kernel.msgmax':'1'}}",
                 "linux.sysctl['kernel/msgmax']: needs a namespace of type 'ipc' in linux.namespaces"},
                {"'linux':{'sysctl':{'fs.mqueue.msg_max':'1'}}",
                 "linux.sysctl['fs/mqueue/msg_max']: needs a namespace of type 'ipc' in linux.namespaces"},
                {"'linux':{'sysctl':{'kernel.hostname':'1'}}",
                 "linux.sysctl['kernel/hostname']: needs a namespace of type 'uts' in linux.namespaces"},
                {WITH("{'type':'ipc'}", "'sysctl':{'kernel.sysrq':'1'}"),
                 "linux.sysctl['kernel/sysrq']: belongs to no namespace, a container cannot set it"},
                {WITH("{'type':'ipc'}", "'sysctl':{'kernel.shmmaxx':'1'}"),
                 "linux.sysctl['kernel/shmmaxx']: belongs to no namespace, a container cannot set it"},
                {WITH("{'type':'network'}", "'sysctl':{'net':'1'}"),
                 "linux.sysctl.net: belongs to no namespace, a container cannot set it"},
                {WITH("{'type':'network'}", "'sysctl':{'net/../kernel/sysrq':'1'}"),
                 "linux.sysctl['net/../kernel/sysrq']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'net.//.kernel.sysrq':'1'}"),
                 "linux.sysctl['net.//.kernel.sysrq']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'net..x':'1'}"),
                 "linux.sysctl['net..x']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'.net.x':'1'}"),
                 "linux.sysctl['.net.x']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'/net/x':'1'}"),
                 "linux.sysctl['/net/x']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'net.x y':'1'}"),
                 "linux.sysctl['net.x y']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'':'1'}"), "linux.sysctl['']: this is no name of a sysctl"},
                {WITH("{'type':'network'}", "'sysctl':{'net.x':'1\\n2'}"),
                 "linux.sysctl['net.x']: the value holds a newline"},
                {WITH("{'type':'network'}", "'sysctl':{'net.x':1}"), "linux.sysctl['net.x']: expected a string, got 1"},
                {"'hostname':'a'," WITH("{'type':'uts'}", "'sysctl':{'kernel.hostname':'b'}"),
                 "linux.sysctl['kernel/hostname']: contradicts hostname"},
                {"'domainname':'a'," WITH("{'type':'uts'}", "'sysctl':{'kernel.domainname':'b'}"),
                 "linux.sysctl['kernel/domainname']: contradicts domainname"});
}

static void vm(void **state)
{
        struct oci_spec *spec = accept(
                "'vm':{'hypervisor':{'path':'/hv','parameters':['-a']},'kernel':{'path':'/k','parameters':['quiet'],"
                "'initrd':'/i'},'image':{'path':'/img','format':'qcow2'},'hwConfig':{'deviceTree':'/dt','vcpus':2,"
                "'memory':1073741824,'dtdevs':[],'iomems':[],'irqs':[]}}");

        (void)state;
        assert_true(spec->vm.set);
        assert_string_equal(spec->vm.hypervisor_path, "/hv");
        assert_string_equal(spec->vm.hypervisor_parameters.v[0], "-a");
        assert_string_equal(spec->vm.kernel_path, "/k");
        assert_string_equal(spec->vm.kernel_parameters.v[0], "quiet");
        assert_string_equal(spec->vm.kernel_initrd, "/i");
        assert_string_equal(spec->vm.image_path, "/img");
        assert_string_equal(spec->vm.image_format, "qcow2");
        assert_string_equal(spec->vm.device_tree, "/dt");
        assert_int_equal(spec->vm.vcpus.value, 2);
        assert_int_equal(spec->vm.memory.value, 1073741824);
        oci_spec_free(spec);
        spec = accept("'vm':{'kernel':{'path':'/k'},'image':{'path':'/img'},'hwconfig':{'vcpus':3}}");
        assert_int_equal(spec->vm.vcpus.value, 3);
        assert_string_equal(spec->vm.image_format, "raw");
        assert_null(spec->vm.hypervisor_path);
        oci_spec_free(spec);
        REFUSED({"'vm':{}", "vm.kernel: required field is missing"},
                {"'vm':{'kernel':{}}", "vm.kernel.path: required field is missing"},
                {"'vm':{'kernel':{'path':'k'}}", "vm.kernel.path: expected an absolute path, got 'k'"},
                {"'vm':{'kernel':{'path':'/k','initrd':'i'}}", "vm.kernel.initrd: expected an absolute path, got 'i'"},
                {"'vm':{'hypervisor':{},'kernel':{'path':'/k'}}", "vm.hypervisor.path: required field is missing"},
                {"'vm':{'kernel':{'path':'/k'},'image':{}}", "vm.image.path: required field is missing"},
                {"'vm':{'kernel':{'path':'/k'},'image':{'path':'/i','format':'iso'}}",
                 "vm.image.format: unknown value 'iso'"},
                {"'vm':{'kernel':{'path':'/k'},'hwConfig':{'vcpus':0}}",
                 "vm.hwConfig.vcpus: expected a number from 1 to 4294967295, got 0"},
                {"'vm':{'kernel':{'path':'/k'},'hwconfig':{'irqs':[1]}}",
                 "vm.hwconfig.irqs: not supported: only Xen can pass these through"},
                {"'vm':{'kernel':{'path':'/k'},'hwConfig':{},'hwconfig':{}}",
                 "vm.hwconfig: hwConfig is there already, and both mean the same"});
}

static void runs_of_parsing_are_independent(void **state)
{
        _cleanup_free_ char *text = config_with("'annotations':{'k':'value'}");
        struct oci_spec *spec = accept_text(text, strlen(text));

        (void)state;
        memset(text, 'x', strlen(text));
        assert_string_equal(oci_annotation(spec, "k"), "value");
        oci_spec_free(spec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("version and root are enough", smallest),
                PROMISE("top level fields are read, unknown ones ignored", top_level),
                PROMISE("versions 1.x with any suffix are taken, others refused", versions),
                PROMISE("root is required", root_is_required),
                PROMISE("hooks are read and checked", hooks),
                PROMISE("id maps and user namespaces need each other", user_namespaces),
                PROMISE("time offsets and network devices need their namespaces", namespace_users),
                PROMISE("a sysctl must belong to a namespace of the container", sysctls),
                PROMISE("the vm object is read in both spellings", vm),
                PROMISE("a spec does not need its text any more", runs_of_parsing_are_independent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
