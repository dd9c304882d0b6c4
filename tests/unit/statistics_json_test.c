#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "oci/json.h"
#include "runtime/life/statistics_json.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

/* Follows "a.b.c" through a parsed event. */
static const struct json_node *at(const struct json_node *node, const char *path)
{
        char copy[128], *save = NULL;

        snprintf(copy, sizeof(copy), "%s", path);
        for (char *key = strtok_r(copy, ".", &save); key; key = strtok_r(NULL, ".", &save)) {
                node = node->kind == JSON_ARRAY ? json_element(node, (size_t)atoi(key)) : json_member(node, key);
                if (!node)
                        fail_msg("%s: no %s", path, key);
        }
        return node;
}

static struct json_node *print(const struct container_usage *usage, struct arena *arena)
{
        struct json_node *root;
        char *line;

        assert_int_equal(usage_event_json("web", usage, &line), 0);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        assert_int_equal(json_parse(arena, "line", line, strlen(line), &root), 0);
        free(line);
        return root;
}

static void numbers_stand_where_runc_prints_them(void **state)
{
        struct named_number raw[] = {{"anon", 5}, {"file", 6}};
        struct io_counter io = {
                .major = 8, .minor = 1, .read_bytes = 10, .write_bytes = 20, .read_ops = 3, .write_ops = 4};
        struct hugetlb_counter hugetlb = {"2MB", 1, UINT64_MAX, 2};
        struct container_usage usage = {.cgroup = {.cpu = {.total = 300,
                                                           .user = 200,
                                                           .kernel = 100,
                                                           .throttled_time = 7,
                                                           .pressure = {true, {1.5, 0, 0, 9}, {0, 0, 0, 0}}},
                                                   .memory = {.usage = 1000,
                                                              .limit = 4096,
                                                              .swap_usage = 24,
                                                              .swap_limit = 4096,
                                                              .n_raw = 2,
                                                              .raw = raw},
                                                   .pids = {.current = 3, .limit = 100},
                                                   .io = {.n = 1, .v = &io},
                                                   .n_hugetlb = 1,
                                                   .hugetlb = &hugetlb,
                                                   .cpuset = {true, "0-1,3", "0"}}};
        struct arena arena = {0};
        struct json_node *root = print(&usage, &arena);

        (void)state;
        assert_string_equal(at(root, "type")->text, "stats");
        assert_string_equal(at(root, "id")->text, "web");
        assert_int_equal(at(root, "data.cpu.usage.total")->natural, 300);
        assert_int_equal(at(root, "data.cpu.usage.user")->natural, 200);
        assert_int_equal(at(root, "data.cpu.throttling.throttledTime")->natural, 7);
        assert_int_equal(at(root, "data.cpu.psi.some.total")->natural, 9);
        assert_string_equal(at(root, "data.cpu.psi.some.avg10")->text, "1.50");
        assert_int_equal(at(root, "data.cpuset.cpus")->n, 3);
        assert_int_equal(at(root, "data.cpuset.cpus.2")->natural, 3);
        assert_int_equal(at(root, "data.memory.usage.usage")->natural, 1000);
        assert_int_equal(at(root, "data.memory.raw.file")->natural, 6);
        assert_int_equal(at(root, "data.pids.limit")->natural, 100);
        assert_string_equal(at(root, "data.blkio.ioServiceBytesRecursive.1.op")->text, "Write");
        assert_int_equal(at(root, "data.blkio.ioServiceBytesRecursive.1.value")->natural, 20);
        assert_int_equal(at(root, "data.blkio.ioServicedRecursive.0.value")->natural, 3);
        assert_true(at(root, "data.hugetlb.2MB.max")->natural == UINT64_MAX);
        arena_free(&arena);
}

static void swap_is_told_together_with_memory_as_on_cgroup_v1(void **state)
{
        struct container_usage usage = {
                .cgroup.memory = {.usage = 1000, .limit = 4096, .swap_usage = 24, .swap_limit = 100}};
        struct arena arena = {0};
        struct json_node *root = print(&usage, &arena);

        (void)state;
        assert_int_equal(at(root, "data.memory.swap.usage")->natural, 1024);
        assert_int_equal(at(root, "data.memory.swap.limit")->natural, 4196);
        usage.cgroup.memory.swap_limit = UINT64_MAX;
        root = print(&usage, &arena);
        assert_true(at(root, "data.memory.swap.limit")->natural == UINT64_MAX);
        arena_free(&arena);
}

static void what_the_host_does_not_have_is_zero_or_absent(void **state)
{
        struct container_usage usage = {0};
        struct arena arena = {0};
        struct json_node *root = print(&usage, &arena);

        (void)state;
        assert_int_equal(at(root, "data.cpu.usage.total")->natural, 0);
        assert_null(json_member(at(root, "data.cpu"), "psi"));
        assert_int_equal(at(root, "data.intel_rdt")->n, 0);
        assert_int_equal(at(root, "data.network_interfaces")->n, 0);
        arena_free(&arena);
}

static void an_oom_event_is_one_line(void **state)
{
        char *line;

        (void)state;
        assert_int_equal(oom_event_json("web", &line), 0);
        assert_string_equal(line, "{\"type\":\"oom\",\"id\":\"web\"}\n");
        free(line);
}

static const char net_dev[] =
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls\n"
        "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0  0 0\n"
        "  eth0:1234567890123      2    3    4    0     0          0         0      50       6    7    8    0   0  0 "
        "0\n"
        "berthtap2:    1280      14    0    0    0     0          0         0     1340      14    0    0    0     0  0 "
        "0\n"
        "broken: 1 2\n";

static void network_counters_are_those_of_every_interface_but_lo_and_taps(void **state)
{
        struct container_usage usage = {0};
        struct arena arena = {0};
        struct json_node *root;

        (void)state;
        assert_int_equal(network_counters_parse(net_dev, &arena, &usage.network), 0);
        assert_int_equal(usage.network.n, 1);
        root = print(&usage, &arena);
        assert_string_equal(at(root, "data.network_interfaces.0.Name")->text, "eth0");
        assert_true(at(root, "data.network_interfaces.0.RxBytes")->natural == 1234567890123);
        assert_int_equal(at(root, "data.network_interfaces.0.RxDropped")->natural, 4);
        assert_int_equal(at(root, "data.network_interfaces.0.TxPackets")->natural, 6);
        assert_int_equal(at(root, "data.network_interfaces.0.TxDropped")->natural, 8);
        arena_free(&arena);
}

static void put(int root_fd, const char *path, const char *text)
{
        char directory[128];
        int fd;

        snprintf(directory, sizeof(directory), "%s", path);
        for (char *p = strchr(directory, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                mkdirat(root_fd, directory, 0700);
                *p = '/';
        }
        fd = openat(root_fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static void rdt_numbers_come_from_the_group_and_its_root(void **state)
{
        char root_path[] = "/tmp/berth-rdt-XXXXXX", group[64];
        struct container_usage usage = {0};
        struct arena arena = {0};
        struct json_node *root;
        int root_fd;

        (void)state;
        assert_non_null(mkdtemp(root_path));
        root_fd = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        snprintf(group, sizeof(group), "%s/web", root_path);
        put(root_fd, "schemata", "    MB:0=100\n    L3:0=fffff\n");
        put(root_fd, "info/L3/cbm_mask", "fffff\n");
        put(root_fd, "info/L3/num_closids", "16\n");
        put(root_fd, "web/schemata", "    MB:0=50\n    L3:0=000ff\n");
        put(root_fd, "web/mon_data/mon_L3_00/llc_occupancy", "4096\n");
        assert_int_equal(rdt_read(root_fd, group, &arena, &usage.rdt), 0);
        root = print(&usage, &arena);
        assert_string_equal(at(root, "data.intel_rdt.l3_cache_schema")->text, "L3:0=000ff");
        assert_string_equal(at(root, "data.intel_rdt.l3_cache_schema_root")->text, "L3:0=fffff");
        assert_string_equal(at(root, "data.intel_rdt.mem_bw_schema")->text, "MB:0=50");
        assert_int_equal(at(root, "data.intel_rdt.l3_cache_info.num_closids")->natural, 16);
        assert_int_equal(at(root, "data.intel_rdt.schemata")->n, 2);
        assert_int_equal(at(root, "data.intel_rdt.cmt_stats.0.llc_occupancy")->natural, 4096);
        assert_int_equal(at(root, "data.intel_rdt.mbm_stats.0")->n, 0);
        close(root_fd);
        remove_tree_at(AT_FDCWD, root_path);
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_stand_where_runc_prints_them),
                cmocka_unit_test(swap_is_told_together_with_memory_as_on_cgroup_v1),
                cmocka_unit_test(what_the_host_does_not_have_is_zero_or_absent),
                cmocka_unit_test(an_oom_event_is_one_line),
                cmocka_unit_test(network_counters_are_those_of_every_interface_but_lo_and_taps),
                cmocka_unit_test(rdt_numbers_come_from_the_group_and_its_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
