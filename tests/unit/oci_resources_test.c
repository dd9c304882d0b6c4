/* What reading resources promises, inside config.json and alone. */
#include "tests/unit/oci_support.h"

#define RESOURCES(rest) "'linux':{'resources':{" rest "}}"

static struct arena arena;
static struct oci_resources resources;

static void parse(const char *text)
{
        _cleanup_free_ char *json = quoted(text);

        arena_free(&arena);
        if (oci_resources_parse(json, strlen(json), &arena, &resources) < 0)
                fail_msg("refused: %s", error_message());
}

static int forget(void **state)
{
        (void)state;
        arena_free(&arena);
        return 0;
}

static void memory_and_cpu(void **state)
{
        (void)state;
        parse("{'memory':{'limit':1073741824,'reservation':-1,'swap':9223372036854775807,'kernel':1,'kernelTCP':2,"
              "'swappiness':60,'disableOOMKiller':false,'useHierarchy':true,'checkBeforeUpdate':true},"
              "'cpu':{'shares':1024,'quota':-1,'period':100000,'burst':5,'realtimeRuntime':1,'realtimePeriod':2,"
              "'cpus':'0-3','mems':'0','idle':1},'pids':{'limit':0}}");
        assert_true(resources.memory.limit.set && resources.memory.limit.value == 1073741824);
        assert_true(resources.memory.reservation.set && resources.memory.reservation.value == -1);
        assert_true(resources.memory.swap.value == INT64_MAX);
        assert_true(resources.memory.kernel.set && resources.memory.kernel_tcp.set);
        assert_int_equal(resources.memory.swappiness.value, 60);
        assert_true(resources.memory.disable_oom_killer.set && !resources.memory.disable_oom_killer.value);
        assert_true(resources.memory.use_hierarchy.value && resources.memory.check_before_update.value);
        assert_int_equal(resources.cpu.shares.value, 1024);
        assert_int_equal(resources.cpu.quota.value, -1);
        assert_int_equal(resources.cpu.period.value, 100000);
        assert_int_equal(resources.cpu.burst.value, 5);
        assert_true(resources.cpu.realtime_runtime.set && resources.cpu.realtime_period.set);
        assert_string_equal(resources.cpu.cpus, "0-3");
        assert_string_equal(resources.cpu.mems, "0");
        assert_int_equal(resources.cpu.idle.value, 1);
        assert_true(resources.pids_limit.set && resources.pids_limit.value == 0);
}

static void unset(void **state)
{
        (void)state;
        parse("{'memory':{'limit':0},'cpu':{'cpus':''},'pids':{},'blockIO':{'weight':0,'leafWeight':0,"
              "'weightDevice':[{'major':8,'minor':0,'weight':0}]},'devices':null}");
        assert_false(resources.memory.limit.set);
        assert_null(resources.cpu.cpus);
        assert_false(resources.pids_limit.set);
        assert_false(resources.block_io.weight.set);
        assert_false(resources.block_io.leaf_weight.set);
        assert_false(resources.block_io.weight_device.v[0].weight.set);
        assert_int_equal(resources.devices.n, 0);
        parse("{}");
        assert_false(resources.memory.swap.set);
}

static void device_rules(void **state)
{
        const struct oci_device_rule *v;

        (void)state;
        parse("{'devices':[{'allow':false},{'allow':true,'type':'c','major':1,'minor':3,'access':'rw'},"
              "{'allow':true,'type':'b','major':-1,'minor':-1,'access':'m'},{'allow':true,'type':'u','access':''},"
              "{'allow':true,'type':'p','major':null},{'allow':false,'access':'rwa'}]}");
        v = resources.devices.v;
        assert_int_equal(resources.devices.n, 6);
        assert_false(v[0].allow);
        assert_int_equal(v[0].type, 'a');
        assert_true(v[0].major == -1 && v[0].minor == -1);
        assert_int_equal(v[0].access, OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD);
        assert_int_equal(v[1].access, OCI_DEVICE_READ | OCI_DEVICE_WRITE);
        assert_true(v[1].major == 1 && v[1].minor == 3);
        assert_int_equal(v[2].access, OCI_DEVICE_MKNOD);
        assert_int_equal(v[2].type, 'b');
        assert_int_equal(v[3].type, 'c');
        assert_int_equal(v[4].type, 'p');
        assert_int_equal(v[5].access, OCI_DEVICE_READ | OCI_DEVICE_WRITE);
        REFUSED({RESOURCES("'devices':[{}]"), "linux.resources.devices[0].allow: required field is missing"},
                {RESOURCES("'devices':[{'allow':1}]"), "linux.resources.devices[0].allow: expected a boolean, got 1"},
                {RESOURCES("'devices':[{'allow':true,'type':'x'}]"),
                 "linux.resources.devices[0].type: unknown value 'x'"},
                {RESOURCES("'devices':[{'allow':true,'access':'rx'}]"),
                 "linux.resources.devices[0].access: expected letters of 'rwm', got 'rx'"},
                {RESOURCES("'devices':[{'allow':true,'access':'a'}]"),
                 "linux.resources.devices[0].access: expected letters of 'rwm', got 'a'"},
                {RESOURCES("'devices':[{'allow':true,'major':-2}]"),
                 "linux.resources.devices[0].major: expected a number from -1 to 4294967295, got -2"});
}

static void block_io(void **state)
{
        (void)state;
        parse("{'blockIO':{'weight':10,'leafWeight':1000,'weightDevice':[{'major':8,'minor':1,'weight':500,"
              "'leafWeight':20}],'throttleReadBpsDevice':[{'major':8,'minor':2,'rate':18446744073709551615}],"
              "'throttleWriteBpsDevice':[{'major':8,'minor':3,'rate':3}],"
              "'throttleReadIOPSDevice':[{'major':8,'minor':4,'rate':4}],"
              "'throttleWriteIOPSDevice':[{'major':8,'minor':5,'rate':5},{'major':8,'minor':6,'rate':6}]}}");
        assert_int_equal(resources.block_io.weight.value, 10);
        assert_int_equal(resources.block_io.leaf_weight.value, 1000);
        assert_int_equal(resources.block_io.weight_device.v[0].leaf_weight.value, 20);
        assert_true(resources.block_io.read_bps.v[0].rate == UINT64_MAX);
        assert_int_equal(resources.block_io.write_bps.v[0].minor, 3);
        assert_int_equal(resources.block_io.read_iops.v[0].rate, 4);
        assert_int_equal(resources.block_io.write_iops.n, 2);
        REFUSED({RESOURCES("'blockIO':{'weight':9}"),
                 "linux.resources.blockIO.weight: expected a number from 10 to 1000, got 9"},
                {RESOURCES("'blockIO':{'weight':1001}"),
                 "linux.resources.blockIO.weight: expected a number from 0 to 1000, got 1001"},
                {RESOURCES("'blockIO':{'weightDevice':[{'major':1,'minor':1,'leafWeight':1}]}"),
                 "linux.resources.blockIO.weightDevice[0].leafWeight: expected a number from 10 to 1000, got 1"},
                {RESOURCES("'blockIO':{'weightDevice':[{'major':1,'minor':1}]}"),
                 "linux.resources.blockIO.weightDevice[0]: needs weight or leafWeight"},
                {RESOURCES("'blockIO':{'weightDevice':[{'minor':1}]}"),
                 "linux.resources.blockIO.weightDevice[0].major: required field is missing"},
                {RESOURCES("'blockIO':{'throttleReadBpsDevice':[{'major':1,'minor':1}]}"),
                 "linux.resources.blockIO.throttleReadBpsDevice[0].rate: required field is missing"});
}

static void others(void **state)
{
        (void)state;
        parse("{'hugepageLimits':[{'pageSize':'2MB','limit':9223372036854771712},{'pageSize':'1GB','limit':0}],"
              "'network':{'classID':1048577,'priorities':[{'name':'eth0','priority':500}]},"
              "'rdma':{'mlx5_0':{'hcaHandles':3,'hcaObjects':10000},'hfi1_0':{'hcaObjects':0}},"
              "'unified':{'memory.high':'1','io.max':'8:0 rbps=1\\n8:1 wbps=2'}}");
        assert_int_equal(resources.hugepage_limits.n, 2);
        assert_string_equal(resources.hugepage_limits.v[1].page_size, "1GB");
        assert_int_equal(resources.network_class_id.value, 1048577);
        assert_string_equal(resources.network_priorities.v[0].key, "eth0");
        assert_string_equal(resources.network_priorities.v[0].value, "500");
        assert_string_equal(resources.rdma.v[0].device, "mlx5_0");
        assert_int_equal(resources.rdma.v[0].hca_objects.value, 10000);
        assert_false(resources.rdma.v[1].hca_handles.set);
        assert_true(resources.rdma.v[1].hca_objects.set);
        assert_string_equal(resources.unified.v[1].value, "8:0 rbps=1\n8:1 wbps=2");
}

static void refusals(void **state)
{
        (void)state;
        REFUSED({RESOURCES("'memory':{'limit':'1g'}"),
                 "linux.resources.memory.limit: expected a number from -1 to 9223372036854775807, got '1g'"},
                {RESOURCES("'memory':{'limit':9223372036854775808}"),
                 "linux.resources.memory.limit: expected a number from -1 to 9223372036854775807, got "
                 "9223372036854775808"},
                {RESOURCES("'memory':{'limit':1.5}"),
                 "linux.resources.memory.limit: expected a number from -1 to 9223372036854775807, got 1.5"},
                {RESOURCES("'memory':{'swap':-2}"),
                 "linux.resources.memory.swap: expected a number from -1 to 9223372036854775807, got -2"},
                {RESOURCES("'memory':{'swappiness':101}"),
                 "linux.resources.memory.swappiness: expected a number from 0 to 100, got 101"},
                {RESOURCES("'cpu':{'cpus':'0-'}"),
                 "linux.resources.cpu.cpus: expected a list like '0-3,7' of numbers up to 8191, got '0-'"},
                {RESOURCES("'cpu':{'mems':'x'}"),
                 "linux.resources.cpu.mems: expected a list like '0-3,7' of numbers up to 8191, got 'x'"},
                {RESOURCES("'cpu':{'idle':2}"), "linux.resources.cpu.idle: expected a number from 0 to 1, got 2"},
                {RESOURCES("'cpu':{'shares':-1}"),
                 "linux.resources.cpu.shares: expected a number from 0 to 18446744073709551615, got -1"},
                {RESOURCES("'pids':{'limit':-2}"),
                 "linux.resources.pids.limit: expected a number from -1 to 9223372036854775807, got -2"},
                {RESOURCES("'pids':5"), "linux.resources.pids: expected an object, got 5"},
                {RESOURCES("'hugepageLimits':[{'pageSize':'2M','limit':1}]"),
                 "linux.resources.hugepageLimits[0].pageSize: expected a size like '2MB', got '2M'"},
                {RESOURCES("'hugepageLimits':[{'pageSize':'02MB','limit':1}]"),
                 "linux.resources.hugepageLimits[0].pageSize: expected a size like '2MB', got '02MB'"},
                {RESOURCES("'hugepageLimits':[{'pageSize':'2MB','limit':1},{'pageSize':'2MB','limit':1}]"),
                 "linux.resources.hugepageLimits[1]: 2MB is given twice"},
                {RESOURCES("'hugepageLimits':[{'pageSize':'2MB'}]"),
                 "linux.resources.hugepageLimits[0].limit: required field is missing"},
                {RESOURCES("'network':{'priorities':[{'priority':1}]}"),
                 "linux.resources.network.priorities[0].name: required field is missing"},
                {RESOURCES("'rdma':{'x':{}}"), "linux.resources.rdma.x: needs hcaHandles or hcaObjects"},
                {RESOURCES("'rdma':{'a b':{'hcaHandles':1}}"),
                 "linux.resources.rdma['a b']: this is no name of a device"},
                {RESOURCES("'rdma':{'x':{'hcaHandles':4294967296}}"),
                 "linux.resources.rdma.x.hcaHandles: expected a number from 0 to 4294967295, got 4294967296"},
                {RESOURCES("'unified':{'../x':'1'}"),
                 "linux.resources.unified['../x']: this is no name of a cgroup file"},
                {RESOURCES("'unified':{'..':'1'}"), "linux.resources.unified['..']: this is no name of a cgroup file"},
                {RESOURCES("'unified':{'':'1'}"), "linux.resources.unified: a key is empty"},
                {RESOURCES("'unified':{'memory.max':1}"),
                 "linux.resources.unified['memory.max']: expected a string, got 1"});
}

static void alone(void **state)
{
        static const char bad[] = "{\"cpu\":{\"idle\":3}}";

        (void)state;
        assert_int_equal(oci_resources_parse(bad, strlen(bad), &arena, &resources), -EINVAL);
        assert_string_equal(error_message(), "cpu.idle: expected a number from 0 to 1, got 3");
        assert_int_equal(oci_resources_parse("", 0, &arena, &resources), -EINVAL);
        assert_string_equal(error_message(), "resources: line 1, column 1: premature EOF");
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("memory, cpu and pids are read exactly", memory_and_cpu),
                PROMISE("the engines' words for unset are unset", unset),
                PROMISE("device rules have defaults, wildcards and checked letters", device_rules),
                PROMISE("block IO weights and rates are read and bounded", block_io),
                PROMISE("huge pages, network, rdma and unified are read", others),
                PROMISE("what no kernel takes is refused with its path", refusals),
                PROMISE("resources alone have paths without prefix", alone),
        };

        return cmocka_run_group_tests(tests, NULL, forget);
}
