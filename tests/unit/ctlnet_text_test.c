/* Texts and arithmetic of the networks of persistent containers. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#undef fail /* of cmocka; ours is another */

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/names.h"
#include "netdev/ctl/subnet.h"
#include "netdev/ctlnet.h"

static struct ctlnet_address address(const char *text)
{
        struct ctlnet_address a;

        assert_int_equal(ctlnet_parse_address(text, &a), 0);
        return a;
}

static void addresses_are_read_and_written(void **state)
{
        static const char *const good[] = {"10.0.0.1/8", "0.0.0.0/0", "fd00::1/64", "::/0", "192.0.2.1/32"};
        static const char *const bad[] = {"",
                                          "10.0.0",
                                          "10.0.0.1/33",
                                          "10.0.0.1/",
                                          "10.0.0.1/08",
                                          "fd00::1/129",
                                          "10.0.0.256",
                                          " 10.0.0.1",
                                          "fd00::g",
                                          "10.0.0.1/-1",
                                          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
        char text[CTLNET_ADDRESS_TEXT];
        struct ctlnet_address a;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                a = address(good[i]);
                assert_string_equal(ctlnet_format_address(&a, true, text), good[i]);
        }
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(ctlnet_parse_address(bad[i], &a), -EINVAL);
        assert_int_equal(address("10.0.0.1").prefix, 32);
        assert_int_equal(address("::1").prefix, 128);
}

static void macs_are_read_and_written(void **state)
{
        static const char *const bad[] = {"",
                                          "02:00:00:00:00",
                                          "02:00:00:00:00:0g",
                                          "02-00-00-00-00-01",
                                          "01:00:5e:00:00:01", /* a group */
                                          "00:00:00:00:00:00",
                                          "02:00:00:00:00:01:02"};
        char text[CTLNET_MAC_TEXT];
        uint8_t mac[6];

        (void)state;
        assert_int_equal(ctlnet_parse_mac("02:aB:cd:EF:00:01", mac), 0);
        assert_string_equal(ctlnet_format_mac(mac, text), "02:ab:cd:ef:00:01");
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(ctlnet_parse_mac(bad[i], mac), -EINVAL);
}

static void rates_have_units(void **state)
{
        static const char *const bad[] = {"",
                                          "bit",
                                          "10",
                                          "10mb",
                                          "10 mbit",
                                          "-1bit",
                                          "010bit",
                                          "18446744073709551616bit",
                                          "18446744073709551615kbit"};
        uint64_t rate;

        (void)state;
        assert_int_equal(ctlnet_parse_rate("100mbit", &rate), 0);
        assert_true(rate == 100000000);
        assert_int_equal(ctlnet_parse_rate("1bit", &rate), 0);
        assert_true(rate == 1);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(ctlnet_parse_rate(bad[i], &rate), -EINVAL);
}

static void published_ports_are_read_and_written(void **state)
{
        static const struct {
                const char *text, *whole;
        } good[] = {
                {"8080:80", "8080:80/tcp"},
                {"80", "80:80/tcp"},
                {"53:53/udp", "53:53/udp"},
                {"127.0.0.1:8080:80/tcp", "127.0.0.1:8080:80/tcp"},
                {"[fd00::1]:53:54/udp", "[fd00::1]:53:54/udp"},
                {"8000-8009:80-89", "8000-8009:80-89/tcp"},
                {"1-65535", "1-65535:1-65535/tcp"},
        };
        char text[CTLNET_PUBLISH_TEXT];
        struct ctlnet_publish p, again;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(good); i++) {
                assert_int_equal(ctlnet_parse_publish(good[i].text, &p), 0);
                assert_string_equal(ctlnet_format_publish(&p, text), good[i].whole);
                assert_int_equal(ctlnet_parse_publish(text, &again), 0);
                assert_memory_equal(&p, &again, sizeof(p));
        }
}

static void published_ports_collide_where_they_are_the_same(void **state)
{
        static const struct {
                const char *a, *b;
                bool collide;
        } pairs[] = {
                {"80", "80:81", true},
                {"80", "0.0.0.0:80:81", true},
                {"80", "[::]:80:81", true},
                {"8000-8009", "8009:80", true},
                {"192.0.2.1:80:80", "192.0.2.1:80:81", true},
                {"8000-8009", "8010:80", false},
                {"80", "80/udp", false},
                {"80", "192.0.2.1:80:81", false},
                {"0.0.0.0:80:80", "[::]:80:80", false},
                {"192.0.2.1:80:80", "192.0.2.2:80:80", false},
        };
        struct ctlnet_publish a, b;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                assert_int_equal(ctlnet_parse_publish(pairs[i].a, &a), 0);
                assert_int_equal(ctlnet_parse_publish(pairs[i].b, &b), 0);
                assert_int_equal(ctlnet_publish_collide(&a, &b), pairs[i].collide);
                assert_int_equal(ctlnet_publish_collide(&b, &a), pairs[i].collide);
        }
}

static void wrong_published_ports_are_refused(void **state)
{
        static const struct {
                const char *text, *says;
        } bad[] = {
                {"", "no port of the host"},
                {"0:80", "no port of the host"},
                {"65536:80", "no port of the host"},
                {"80:", "no port of the container"},
                {"80:0", "no port of the container"},
                {"80:http", "no port of the container"},
                {"80:80/sctp", "neither tcp nor udp"},
                {"10.0.0:80:80", "no address of the host"},
                {"10.0.0.1/24:80:80", "neither tcp nor udp"},
                {"[fd00::1:80:80", "no address of the host"},
                {"8000-8009:80", "10 ports of the host for 1"},
                {"89-80", "no port of the host"},
        };
        struct ctlnet_publish p;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                assert_int_equal(ctlnet_parse_publish(bad[i].text, &p), -EINVAL);
                assert_non_null(strstr(error_message(), bad[i].says));
        }
}

static void subnets_hold_and_overlap(void **state)
{
        struct ctlnet_address big = address("10.0.0.0/8"), small = address("10.1.2.0/23"),
                              other = address("10.1.4.0/23"), v6 = address("fd00::/64"), in = address("10.1.3.255"),
                              any = address("0.0.0.0/0");

        (void)state;
        assert_true(subnet_holds(&small, &in));
        assert_false(subnet_holds(&other, &in));
        assert_true(subnet_overlaps(&big, &small));
        assert_true(subnet_overlaps(&small, &big));
        assert_false(subnet_overlaps(&small, &other));
        assert_false(subnet_overlaps(&any, &v6));
        assert_true(subnet_overlaps(&any, &small));
}

static void subnets_count_their_hosts(void **state)
{
        struct ctlnet_address small = address("10.0.0.0/29"), one = address("10.0.0.0/32"), v6 = address("fd00::/64"),
                              first = address("10.0.0.0"), last = address("10.0.0.7"), host;

        (void)state;
        assert_int_equal(subnet_hosts(&small), 6);
        assert_int_equal(subnet_hosts(&one), 0);
        assert_int_equal(subnet_hosts(&v6), SUBNET_HOSTS_MAX - 1);
        assert_false(subnet_is_host(&small, &first));
        assert_false(subnet_is_host(&small, &last));
        host = subnet_host(&small, 6);
        assert_true(subnet_is_host(&small, &host));
        host = subnet_host(&v6, 0x12345);
        assert_int_equal(host.bytes[13], 1);
        assert_int_equal(host.bytes[15], 0x45);
}

static void candidates_for_subnets_differ_and_stay_in_their_range(void **state)
{
        struct ctlnet_address range = address("10.64.0.0/10"), first = subnet_candidate4("berth0", 0), candidate;

        (void)state;
        for (unsigned n = 1; n < SUBNET_CANDIDATES; n++) {
                candidate = subnet_candidate4("berth0", n);
                assert_true(subnet_holds(&range, &candidate));
                assert_false(subnet_overlaps(&first, &candidate));
        }
        candidate = subnet_candidate4("berth0", SUBNET_CANDIDATES);
        assert_true(subnet_overlaps(&first, &candidate));
}

static void names_of_links_follow_from_owners(void **state)
{
        char a[CTLNET_LINK_SIZE], again[CTLNET_LINK_SIZE], other[CTLNET_LINK_SIZE], next[CTLNET_LINK_SIZE];

        (void)state;
        names_link("bt", "web.0", 0, a);
        names_link("bt", "web.0", 0, again);
        names_link("bt", "web.1", 0, other);
        names_link("bt", "web.0", 1, next);
        assert_string_equal(a, again);
        assert_string_not_equal(a, other);
        assert_string_not_equal(a, next);
        assert_int_equal(strlen(a), 12);
        assert_memory_equal(a, next, 11);
}

static void names_are_checked(void **state)
{
        static const char *const bad[] = {"", ".", "..", "-a", "a/b", "a b", "a\n", ".new-x"};
        char longest[CTLNET_CONTAINER_MAX + 2];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                assert_false(names_container_is_good(bad[i]));
                assert_false(names_network_is_good(bad[i]));
        }
        memset(longest, 'a', sizeof(longest));
        longest[CTLNET_CONTAINER_MAX + 1] = '\0';
        assert_false(names_container_is_good(longest));
        longest[CTLNET_CONTAINER_MAX] = '\0';
        assert_true(names_container_is_good(longest));
        assert_false(names_network_is_good("lo"));
        assert_false(names_network_is_good("sixteen-letters."));
        assert_true(names_network_is_good("berth0"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_read_and_written),
                cmocka_unit_test(macs_are_read_and_written),
                cmocka_unit_test(rates_have_units),
                cmocka_unit_test(published_ports_are_read_and_written),
                cmocka_unit_test(published_ports_collide_where_they_are_the_same),
                cmocka_unit_test(wrong_published_ports_are_refused),
                cmocka_unit_test(subnets_hold_and_overlap),
                cmocka_unit_test(subnets_count_their_hosts),
                cmocka_unit_test(candidates_for_subnets_differ_and_stay_in_their_range),
                cmocka_unit_test(names_of_links_follow_from_owners),
                cmocka_unit_test(names_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
