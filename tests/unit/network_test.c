/* What crosses to the guest: the bytes, and which routes the guest's kernel makes by itself. And what of it a kernel
 * refuses, in a network namespace made for the test. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
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
#include "netdev/network.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

static void set_ip(int family, const char *text, uint8_t ip[16])
{
        assert_int_equal(inet_pton(family, text, ip), 1);
}

static struct network_address address_of(int family, const char *ip, unsigned prefix)
{
        struct network_address address = {
                .family = (uint8_t)family,
                .prefix = (uint8_t)prefix,
        };

        set_ip(family, ip, address.local);
        return address;
}

static struct network_route route_of(int family, const char *to, unsigned prefix, const char *via)
{
        struct network_route route = {
                .family = (uint8_t)family,
                .type = RTN_UNICAST,
                .protocol = via ? RTPROT_STATIC : RTPROT_KERNEL,
                .scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                .prefix = (uint8_t)prefix,
                .n_hops = 1,
        };

        set_ip(family, to, route.destination);
        if (via) {
                route.hops[0].gateway_family = (uint8_t)family;
                set_ip(family, via, route.hops[0].gateway);
        }
        return route;
}

/* eth0 with an address of each family, a route of each, a neighbour. */
struct example {
        struct network_address addresses[2];
        struct network_route routes[2];
        struct network_neighbour neighbours[1];
        struct network network;
};

static void leave_sysctls(struct network_sysctls *sysctls)
{
        for (size_t i = 0; i < NETWORK_SYSCTLS4; i++)
                sysctls->v4[i] = NETWORK_SYSCTL_UNKNOWN;
        for (size_t i = 0; i < NETWORK_SYSCTLS6; i++)
                sysctls->v6[i] = NETWORK_SYSCTL_UNKNOWN;
}

static struct example *make_example(void)
{
        static struct example example;
        struct network_interface *interface = &example.network.interfaces[0];

        example = (struct example){
                .addresses = {address_of(AF_INET, "192.0.2.2", 24), address_of(AF_INET6, "2001:db8::2", 64)},
                .routes = {route_of(AF_INET, "0.0.0.0", 0, "192.0.2.1"),
                           route_of(AF_INET6, "2001:db8:1::", 48, "2001:db8::1")},
                .neighbours = {{.family = AF_INET, .mac = {2, 2, 2, 2, 2, 2}}},
                .network = {.n_interfaces = 1, .n_addresses = 2, .n_routes = 2, .n_neighbours = 1, .loopback_up = 1},
        };
        set_ip(AF_INET, "192.0.2.77", example.neighbours[0].address);
        *interface =
                (struct network_interface){.name = "eth0", .mac = {2, 0, 0, 0, 0, 1}, .up = 1, .mtu = 1400, .index = 3};
        leave_sysctls(&interface->sysctls);
        leave_sysctls(&example.network.all);
        leave_sysctls(&example.network.standard);
        example.network.addresses = example.addresses;
        example.network.routes = example.routes;
        example.network.neighbours = example.neighbours;
        return &example;
}

/* ---- the bytes ---- */

static void what_is_written_is_read_back(void **state)
{
        const struct example *example = make_example();
        struct network network;
        void *data, *again;
        size_t size, size_again;

        (void)state;
        assert_int_equal(network_write(&example->network, &data, &size), 0);
        assert_int_equal(network_parse(data, size, &network), 0);
        assert_int_equal(network.n_interfaces, 1);
        assert_string_equal(network.interfaces[0].name, "eth0");
        assert_int_equal(network.n_routes, 2);
        assert_memory_equal(network.routes, example->routes, sizeof(example->routes));
        assert_int_equal(network_write(&network, &again, &size_again), 0);
        assert_int_equal(size, size_again);
        assert_memory_equal(data, again, size);
        network_free(&network);
        free(data);
        free(again);
}

static void a_network_without_anything_is_one(void **state)
{
        struct network empty = {0}, network;
        void *data;
        size_t size;

        (void)state;
        assert_int_equal(network_write(&empty, &data, &size), 0);
        assert_int_equal(network_parse(data, size, &network), 0);
        assert_int_equal(network.n_interfaces + network.n_addresses + network.n_routes + network.n_neighbours, 0);
        network_free(&network);
        free(data);
}

static void every_other_size_is_refused(void **state)
{
        const struct example *example = make_example();
        struct network network;
        char *longer;
        void *data;
        size_t size;

        (void)state;
        assert_int_equal(network_write(&example->network, &data, &size), 0);
        for (size_t i = 0; i < size; i++)
                assert_int_equal(network_parse(data, i, &network), -EBADMSG);
        longer = calloc(1, size + 1);
        assert_non_null(longer);
        memcpy(longer, data, size);
        assert_int_equal(network_parse(longer, size + 1, &network), -EBADMSG);
        free(longer);
        free(data);
}

/* One field at a time of a network that is good without it. */
#define REFUSES(what, message)                                                                                         \
        do {                                                                                                           \
                struct example *example = make_example();                                                              \
                struct network *it = &example->network, parsed;                                                        \
                void *data;                                                                                            \
                size_t size;                                                                                           \
                                                                                                                       \
                what;                                                                                                  \
                assert_int_equal(network_write(it, &data, &size), 0);                                                  \
                error_clear();                                                                                         \
                if (network_parse(data, size, &parsed) != -EBADMSG)                                                    \
                        fail_msg("%s", #what);                                                                         \
                if (!strstr(error_message(), message))                                                                 \
                        fail_msg("%s: %s", #what, error_message());                                                    \
                free(data);                                                                                            \
        } while (0)

static void a_damaged_interface_is_refused(void **state)
{
        (void)state;
        REFUSES(it->interfaces[0].name[0] = '\0', "interface 0");
        REFUSES(strcpy(it->interfaces[0].name, ".."), "interface 0");
        REFUSES(strcpy(it->interfaces[0].name, "../../x"), "interface 0");
        REFUSES(strcpy(it->interfaces[0].name, "lo"), "interface 0");
        REFUSES(strcpy(it->interfaces[0].name, "all"), "interface 0");
        REFUSES(strcpy(it->interfaces[0].name, "eth%d"), "interface 0");
        REFUSES(memset(it->interfaces[0].name, 'x', NETWORK_NAME_SIZE), "interface 0");
        REFUSES(it->interfaces[0].mac[0] = 1, "interface 0");
        REFUSES(it->interfaces[0].up = 2, "interface 0");
        REFUSES(it->interfaces[0].mtu = 0, "interface 0");
        REFUSES(it->interfaces[0].mtu = UINT32_MAX, "interface 0");
        REFUSES(it->interfaces[0].index = 0, "interface 0");
        REFUSES((it->interfaces[1] = it->interfaces[0], it->n_interfaces = 2), "interface 1");
        REFUSES((it->interfaces[1] = it->interfaces[0], it->n_interfaces = 2, it->interfaces[1].name[0] = 'x'),
                "interface 1");
}

static void a_damaged_address_is_refused(void **state)
{
        (void)state;
        REFUSES(it->addresses[0].interface = 1, "address 0");
        REFUSES(it->addresses[0].interface = NETWORK_NO_INTERFACE, "address 0");
        REFUSES(it->addresses[1].family = AF_UNIX, "address 1");
        REFUSES(it->addresses[0].prefix = 33, "address 0");
        REFUSES(it->addresses[0].deprecated = 2, "address 0");
        REFUSES(it->addresses[1].prefix = 129, "address 1");
        REFUSES(strcpy(it->addresses[0].label, "net1:x"), "address 0");
        REFUSES(memset(it->addresses[0].label, 'e', NETWORK_NAME_SIZE), "address 0");
}

static void a_damaged_route_is_refused(void **state)
{
        (void)state;
        REFUSES(it->routes[0].family = 0, "route 0");
        REFUSES(it->routes[0].prefix = 33, "route 0");
        REFUSES(it->routes[0].source_prefix = 200, "route 0");
        REFUSES(it->routes[0].type = 200, "route 0");
        REFUSES(it->routes[0].type = RTN_BLACKHOLE, "route 0");
        REFUSES(it->routes[0].n_hops = 0, "route 0");
        REFUSES(it->routes[0].n_hops = NETWORK_HOPS_MAX + 1, "route 0");
        REFUSES(it->routes[1].hops[0].interface = 1, "route 1");
        REFUSES(it->routes[1].hops[0].gateway_family = 1, "route 1");
        REFUSES((it->routes[1].n_hops = 2, it->routes[1].hops[1].on_link = 2), "route 1");
}

static void a_damaged_neighbour_is_refused(void **state)
{
        (void)state;
        REFUSES(it->neighbours[0].interface = 1, "neighbour 0");
        REFUSES(it->neighbours[0].interface = NETWORK_LOOPBACK, "neighbour 0");
        REFUSES(it->neighbours[0].family = 1, "neighbour 0");
}

/* ---- routes that come with an address ---- */

static int is_made(struct network *network, struct network_route route)
{
        return network_route_is_made(network, &route);
}

static void a_route_to_an_addresss_network_is_made_by_the_kernel(void **state)
{
        struct network *network = &make_example()->network;

        (void)state;
        assert_true(is_made(network, route_of(AF_INET, "192.0.2.0", 24, NULL)));
        assert_true(is_made(network, route_of(AF_INET6, "2001:db8::", 64, NULL)));
        assert_true(is_made(network, route_of(AF_INET6, "fe80::", 64, NULL)));
}

static void other_routes_are_not(void **state)
{
        struct network *network = &make_example()->network;
        struct network_route other = route_of(AF_INET, "192.0.2.0", 24, NULL);

        (void)state;
        assert_false(is_made(network, route_of(AF_INET, "192.0.2.0", 25, NULL)));
        assert_false(is_made(network, route_of(AF_INET, "192.0.3.0", 24, NULL)));
        assert_false(is_made(network, route_of(AF_INET, "192.0.2.0", 24, "192.0.2.1")));
        other.protocol = RTPROT_STATIC;
        assert_false(is_made(network, other));
        other = route_of(AF_INET, "192.0.2.0", 24, NULL);
        other.hops[0].interface = NETWORK_LOOPBACK;
        assert_false(is_made(network, other));
        network->addresses[0].flags = IFA_F_NOPREFIXROUTE;
        assert_false(is_made(network, route_of(AF_INET, "192.0.2.0", 24, NULL)));
}

static void the_route_of_an_address_with_a_peer_leads_to_the_peer(void **state)
{
        struct network *network = &make_example()->network;

        (void)state;
        network->addresses[0].prefix = 32;
        network->addresses[0].has_peer = 1;
        set_ip(AF_INET, "198.51.100.1", network->addresses[0].peer);
        assert_true(is_made(network, route_of(AF_INET, "198.51.100.1", 32, NULL)));
        assert_false(is_made(network, route_of(AF_INET, "192.0.2.2", 32, NULL)));
}

/* ---- what a kernel says ---- */

static int make_guest(void **state)
{
        (void)state;
        return unshare(CLONE_NEWNET) < 0 ||
               system("ip link add nic0 address 02:00:00:00:00:01 type veth peer name other") != 0;
}

static int apply(const struct network *network)
{
        void *data;
        size_t size;
        int r;

        assert_int_equal(network_write(network, &data, &size), 0);
        error_clear();
        r = network_apply(data, size);
        free(data);
        return r;
}

static void a_network_is_made(void **state)
{
        (void)state;
        if (apply(&make_example()->network) < 0)
                fail_msg("%s", error_message());
        assert_int_equal(
                system("ip -o link show eth0 | grep -q 'UP.*mtu 1400' && ip route | grep -qx 'default via 192.0.2.1 "
                       "dev eth0 proto static linkdown ' && ip neigh | grep -q '192.0.2.77.*PERMANENT'"),
                0);
}

static void an_address_that_the_kernel_refuses_is_named(void **state)
{
        struct network *network = &make_example()->network;

        (void)state;
        set_ip(AF_INET6, "ff02::1", network->addresses[1].local);
        assert_true(apply(network) < 0);
        assert_non_null(strstr(error_message(), "network: eth0: add address ff02::1/64"));
}

static void a_route_that_the_kernel_refuses_is_named(void **state)
{
        struct network *network = &make_example()->network;

        (void)state;
        network->routes[0].has_source = 1;
        set_ip(AF_INET, "203.0.113.1", network->routes[0].source);
        assert_true(apply(network) < 0);
        assert_non_null(strstr(error_message(), "network: add route 0.0.0.0/0 via 192.0.2.1 dev eth0"));
}

static void a_missing_device_is_named(void **state)
{
        struct network *network = &make_example()->network;

        (void)state;
        network->interfaces[0].mac[5] = 9;
        assert_int_equal(apply(network), -ENODEV);
        assert_non_null(strstr(error_message(), "eth0: the virtual machine has no network device with the MAC "
                                                "02:00:00:00:00:09"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read_back),
                cmocka_unit_test(a_network_without_anything_is_one),
                cmocka_unit_test(every_other_size_is_refused),
                cmocka_unit_test(a_damaged_interface_is_refused),
                cmocka_unit_test(a_damaged_address_is_refused),
                cmocka_unit_test(a_damaged_route_is_refused),
                cmocka_unit_test(a_damaged_neighbour_is_refused),
                cmocka_unit_test(a_route_to_an_addresss_network_is_made_by_the_kernel),
                cmocka_unit_test(other_routes_are_not),
                cmocka_unit_test(the_route_of_an_address_with_a_peer_leads_to_the_peer),
                cmocka_unit_test_setup(a_network_is_made, make_guest),
                cmocka_unit_test_setup(an_address_that_the_kernel_refuses_is_named, make_guest),
                cmocka_unit_test_setup(a_route_that_the_kernel_refuses_is_named, make_guest),
                cmocka_unit_test_setup(a_missing_device_is_named, make_guest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
