/* How large a guest is where its container's limits leave it open: berth.conf, and annotations that it allows. */
#include "oci_support.h"

#include "vmmode/host/size.h"

#define MIB        ((uint64_t)1 << 20)
#define PROCESS    "'process':{'cwd':'/','args':['sh'],'user':{'uid':0,'gid':0}}"
#define ASKS(more) PROCESS ",'annotations':{" more "}"
#define BOTH       ASKS("'berth.vm.memory':'1G','berth.vm.vcpus':'7'")

/* The size that comes of a configuration's text and a specification's members; error_message() says why not. */
static int size_of(const char *conf, const char *members, struct vm_size *size)
{
        _cleanup_spec_ struct oci_spec *spec = accept(members);
        struct vm_size_defaults defaults;
        struct vm_config config;
        int r;

        error_clear();
        vm_config_default(&config);
        r = vm_config_parse("berth.conf", conf, strlen(conf), &config);
        if (r == 0)
                r = vm_size_ask(&config, spec, &defaults);
        if (r == 0)
                r = vm_size_find(spec, &defaults, size);
        vm_config_free(&config);
        return r;
}

static void is_size(const char *conf, const char *members, uint64_t memory, unsigned cpus)
{
        struct vm_size size;

        if (size_of(conf, members, &size) < 0)
                fail_msg("%s", error_message());
        assert_int_equal(size.memory, memory * MIB);
        if (cpus)
                assert_int_equal(size.cpus, cpus);
}

static void says(const char *conf, const char *members, const char *message)
{
        struct vm_size size;

        assert_int_equal(size_of(conf, members, &size), -EINVAL);
        if (!strstr(error_message(), message))
                fail_msg("\"%s\" is not in \"%s\"", message, error_message());
}

static void the_configuration_says_what_limits_do_not(void **state)
{
        (void)state;
        is_size("", PROCESS, 2048, 0);
        is_size("memory = 512M\nvcpus = 3\n", PROCESS, 512, 3);
        is_size("memory = 512M\n", PROCESS ",'linux':{'resources':{'memory':{'limit':1073741824}}}", 1088, 0);
}

static void annotations_count_only_where_they_are_allowed(void **state)
{
        (void)state;
        is_size("vcpus = 2\n", BOTH, 2048, 2);
        is_size("vcpus = 2\nannotations = berth.vm.memory\n", BOTH, 1024, 2);
        is_size("annotations = berth.vm.memory, berth.vm.vcpus\n", BOTH, 1024, 7);
}

static void an_annotation_never_goes_beyond_a_limit(void **state)
{
        (void)state;
        is_size("annotations = berth.vm.memory\n",
                PROCESS ",'annotations':{'berth.vm.memory':'8G'},'linux':{'resources':{'memory':{'limit':134217728}}}",
                192, 0);
        says("annotations = berth.vm.memory\nmemory-maximum = 4G\n", ASKS("'berth.vm.memory':'8G'"),
             "annotations[\"berth.vm.memory\"]: the guest would have 8192 MiB, berth.conf allows 4096");
}

static void the_maximum_holds_for_whatever_asks(void **state)
{
        (void)state;
        says("memory = 1G\nmemory-maximum = 1G\n", PROCESS ",'linux':{'resources':{'memory':{'limit':1073741824}}}",
             "linux.resources.memory.limit: the guest would have 1088 MiB, berth.conf allows 1024");
        is_size("memory = 1G\nmemory-maximum = 1G\n", PROCESS, 1024, 0);
}

static void a_bad_value_is_an_error_where_it_counts_and_nothing_where_it_does_not(void **state)
{
        static const char *const memory[] = {"lots", "-1", "1M", ""};
        static const char *const vcpus[] = {"0", "241", "1.5", "-1"};
        char members[256];

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                snprintf(members, sizeof(members), ASKS("'berth.vm.memory':'%s'"), memory[i]);
                says("annotations = berth.vm.memory\n", members, "annotations[\"berth.vm.memory\"]");
                is_size("", members, 2048, 0);
                snprintf(members, sizeof(members), ASKS("'berth.vm.vcpus':'%s'"), vcpus[i]);
                says("annotations = berth.vm.vcpus\n", members, "annotations[\"berth.vm.vcpus\"]");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_configuration_says_what_limits_do_not),
                cmocka_unit_test(annotations_count_only_where_they_are_allowed),
                cmocka_unit_test(an_annotation_never_goes_beyond_a_limit),
                cmocka_unit_test(the_maximum_holds_for_whatever_asks),
                cmocka_unit_test(a_bad_value_is_an_error_where_it_counts_and_nothing_where_it_does_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
