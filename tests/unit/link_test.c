/* Moving network devices, between two network namespaces of a user namespace made for the test. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "netdev/link.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

struct world {
        int host, container; /* network namespaces; the test runs in the first */
};

static int new_namespace(void)
{
        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void run(const char *command)
{
        if (system(command) != 0)
                fail_msg("%s", command);
}

/* True when the output of a command holds the text. */
static int shows(const char *command, const char *text)
{
        char line[512];
        FILE *output = popen(command, "r");
        int found = 0;

        while (output && fgets(line, sizeof(line), output))
                found |= strstr(line, text) != NULL;
        if (output)
                pclose(output);
        return found;
}

static int shows_in_container(const struct world *world, const char *command, const char *text)
{
        int found;

        assert_int_equal(setns(world->container, CLONE_NEWNET), 0);
        found = shows(command, text);
        assert_int_equal(setns(world->host, CLONE_NEWNET), 0);
        return found;
}

static void run_in_container(const struct world *world, const char *command)
{
        assert_int_equal(setns(world->container, CLONE_NEWNET), 0);
        run(command);
        assert_int_equal(setns(world->host, CLONE_NEWNET), 0);
}

static int make_world(void **state)
{
        static struct world world;

        world.container = new_namespace();
        world.host = new_namespace();
        *state = &world;
        if (world.container < 0 || world.host < 0)
                return -1;
        run("ip link add left type veth peer name right && ip addr add 192.0.2.1/24 dev left && "
            "ip addr add 192.0.2.2/24 dev left && ip addr add 2001:db8::1/64 dev left nodad && "
            "ip addr add 192.0.2.99/24 dev left valid_lft 1000 preferred_lft 1000 && "
            "ip addr add 169.254.1.1/16 scope link dev left && ip link set left mtu 1400 up && ip link set right up");
        return 0;
}

static int end_world(void **state)
{
        struct world *world = *state;

        close(world->host);
        close(world->container);
        return 0;
}

static int move(const struct world *world, const char *name, const char *new_name)
{
        struct oci_net_device device = {name, new_name};
        struct oci_net_devices devices = {1, &device};

        error_clear();
        return netdev_move(world->container, &devices);
}

static void a_moved_device_keeps_its_permanent_addresses_and_is_up(void **state)
{
        const struct world *world = *state;

        if (move(world, "left", NULL) < 0)
                fail_msg("%s", error_message());
        assert_true(shows_in_container(world, "ip -o addr show dev left", "192.0.2.1/24"));
        assert_true(shows_in_container(world, "ip -o addr show dev left", "192.0.2.2/24 scope global secondary"));
        assert_true(shows_in_container(world, "ip -o addr show dev left", "2001:db8::1/64 scope global nodad"));
        assert_true(shows_in_container(world, "ip -o link show dev left", "mtu 1400"));
        assert_true(shows_in_container(world, "ip -o link show dev left", ",UP,LOWER_UP"));
        assert_false(shows("ip -o link show", "left"));
}

static void addresses_that_expire_or_are_local_to_the_link_stay_behind(void **state)
{
        const struct world *world = *state;

        assert_int_equal(move(world, "left", NULL), 0);
        assert_false(shows_in_container(world, "ip -o addr show dev left", "192.0.2.99"));
        assert_false(shows_in_container(world, "ip -o addr show dev left", "169.254.1.1"));
}

static void a_moved_device_gets_its_new_name(void **state)
{
        const struct world *world = *state;

        if (move(world, "left", "net0") < 0)
                fail_msg("%s", error_message());
        assert_true(shows_in_container(world, "ip -o addr show dev net0", "192.0.2.1/24"));
        assert_false(shows_in_container(world, "ip -o link show", "left"));
}

static void a_template_takes_the_first_free_number(void **state)
{
        const struct world *world = *state;

        run_in_container(world, "ip link add eth0 type veth peer name other");
        if (move(world, "left", "eth%d") < 0)
                fail_msg("%s", error_message());
        assert_true(shows_in_container(world, "ip -o addr show dev eth1", "192.0.2.1/24"));
}

static void a_number_that_the_container_uses_is_no_obstacle(void **state)
{
        const struct world *world = *state;

        /* Both pairs were the first devices of their namespace. */
        run_in_container(world, "ip link add eth0 type veth peer name other");
        if (move(world, "left", "net0") < 0 || move(world, "right", "net1") < 0)
                fail_msg("%s", error_message());
        assert_true(shows_in_container(world, "ip -o addr show dev net0", "192.0.2.1/24"));
        assert_true(shows_in_container(world, "ip -o link show dev net1", "UP"));
}

static void a_name_that_exists_in_the_container_is_refused_and_nothing_moves(void **state)
{
        const struct world *world = *state;

        run_in_container(world, "ip link add net0 type veth peer name other");
        assert_int_equal(move(world, "left", "net0"), -EEXIST);
        assert_non_null(strstr(error_message(), "linux.netDevices.left"));
        assert_non_null(strstr(error_message(), "net0"));
        assert_true(shows("ip -o addr show dev left", "192.0.2.1/24"));
        assert_true(shows("ip -o link show dev left", "UP"));
}

static void a_missing_device_is_named(void **state)
{
        assert_int_equal(move(*state, "absent", NULL), -ENODEV);
        assert_non_null(strstr(error_message(), "linux.netDevices.absent"));
}

static void a_device_that_cannot_move_is_an_error_that_names_it(void **state)
{
        assert_true(move(*state, "lo", "lo7") < 0);
        assert_non_null(strstr(error_message(), "linux.netDevices.lo"));
        assert_true(shows("ip -o link show", " lo:"));
}

static void after_a_failure_the_devices_that_moved_are_back(void **state)
{
        const struct world *world = *state;
        struct oci_net_device some[] = {{"left", "net0"}, {"right", "net1"}, {"absent", NULL}};
        struct oci_net_devices devices = {ELEMENTS(some), some};

        assert_int_equal(netdev_move(world->container, &devices), -ENODEV);
        assert_non_null(strstr(error_message(), "linux.netDevices.absent"));
        assert_true(shows("ip -o addr show dev left", "192.0.2.1/24"));
        assert_true(shows("ip -o addr show dev left", "2001:db8::1/64"));
        assert_true(shows("ip -o link show dev left", ",UP,LOWER_UP"));
        assert_true(shows("ip -o link show dev right", ",UP,LOWER_UP"));
        assert_false(shows_in_container(world, "ip -o link show", "net"));
}

static void a_container_in_the_same_network_is_refused(void **state)
{
        struct world same = *(const struct world *)*state;

        same.container = same.host;
        assert_int_equal(move(&same, "left", "net0"), -EINVAL);
        assert_true(shows("ip -o link show", "left"));
}

/* Root of a user namespace of its own, so that the test needs no privilege. */
static int become_root_inside(void)
{
        char uid_map[32], gid_map[32];

        snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
        snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return -errno;
        if (write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
            write_file_at(AT_FDCWD, "/proc/self/uid_map", uid_map) < 0 ||
            write_file_at(AT_FDCWD, "/proc/self/gid_map", gid_map) < 0)
                return -EPERM;
        return 0;
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_A_WORLD(a_moved_device_keeps_its_permanent_addresses_and_is_up),
                IN_A_WORLD(addresses_that_expire_or_are_local_to_the_link_stay_behind),
                IN_A_WORLD(a_moved_device_gets_its_new_name),
                IN_A_WORLD(a_template_takes_the_first_free_number),
                IN_A_WORLD(a_number_that_the_container_uses_is_no_obstacle),
                IN_A_WORLD(a_name_that_exists_in_the_container_is_refused_and_nothing_moves),
                IN_A_WORLD(a_missing_device_is_named),
                IN_A_WORLD(a_device_that_cannot_move_is_an_error_that_names_it),
                IN_A_WORLD(after_a_failure_the_devices_that_moved_are_back),
                IN_A_WORLD(a_container_in_the_same_network_is_refused),
        };

        if (become_root_inside() < 0) {
                printf("1..0 # SKIP this host does not let us make a user namespace\n");
                return 0;
        }
        if (system("ip link add probe0 type veth peer name probe1 2>/dev/null") != 0) {
                printf("1..0 # SKIP this host has no iproute2 or no veth devices\n");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
