/* What networks and containers are in the nftables tables, and the files that say what they are. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is another */

#include "base/cleanup.h"
#include "base/error.h"
#include "netdev/ctl/elements.h"
#include "netdev/ctl/keys.h"

static struct ctlnet_address address(const char *text)
{
        struct ctlnet_address a;

        assert_int_equal(ctlnet_parse_address(text, &a), 0);
        return a;
}

static struct ctlnet_network a_network(enum ctlnet_mode mode)
{
        return (struct ctlnet_network){
                .name = "net", .mode = mode, .subnet4 = address("10.1.0.0/16"), .subnet6 = address("fd00::/64")};
}

static struct interface an_interface(enum ctlnet_mode mode)
{
        return (struct interface){
                .owner = "web.0",
                .mode = mode,
                .link = "btabc0",
                .mac = {2, 1, 2, 3, 4, 5},
                .ipv4 = address("10.1.0.5/16"),
                .ipv6 = address("fd00::5/64"),
        };
}

static size_t count(const struct nft_elements *elements, enum nft_set set)
{
        size_t n = 0;

        for (size_t i = 0; i < elements->n; i++)
                n += elements->v[i].set == set;
        return n;
}

static const struct nft_element *find(const struct nft_elements *elements, enum nft_set set)
{
        for (size_t i = 0; i < elements->n; i++)
                if (elements->v[i].set == set)
                        return &elements->v[i];
        assert_int_equal(set, NFT_SETS); /* there is none */
        return NULL;
}

static void a_network_is_its_ranges(void **state)
{
        static const uint8_t first[] = {10, 1, 0, 0}, last[] = {10, 1, 255, 255};
        struct ctlnet_network network = a_network(CTLNET_BRIDGE);
        struct nft_elements elements = {0};
        const struct nft_element *pair;

        (void)state;
        elements_of_network(&network, &elements);
        pair = find(&elements, NFT_SET_SAME4);
        assert_memory_equal(pair->key, first, 4);
        assert_memory_equal(pair->key + 4, first, 4);
        assert_memory_equal(pair->key_end, last, 4);
        assert_memory_equal(pair->key_end + 4, last, 4);
        assert_memory_equal(find(&elements, NFT_SET_NAT4)->key_end, last, 4);
        assert_string_equal((const char *)find(&elements, NFT_SET_INSIDE)->key, "net");
        assert_int_equal(count(&elements, NFT_SET_INTERNAL), 0);
        nft_elements_free(&elements);
}

static void what_has_no_way_out_has_no_nat(void **state)
{
        struct ctlnet_network internal = a_network(CTLNET_BRIDGE), open = a_network(CTLNET_ROUTED);
        struct nft_elements elements = {0};

        (void)state;
        internal.internal = true;
        elements_of_network(&internal, &elements);
        assert_int_equal(count(&elements, NFT_SET_NAT4) + count(&elements, NFT_SET_NAT6), 0);
        assert_int_equal(count(&elements, NFT_SET_INTERNAL), 1);
        nft_elements_free(&elements);
        open.no_nat = true;
        elements_of_network(&open, &elements);
        assert_int_equal(count(&elements, NFT_SET_NAT4), 0);
        assert_int_equal(count(&elements, NFT_SET_SUBNETS4), 1);
        nft_elements_free(&elements);
}

static void a_bridged_interface_is_guarded_unless_it_may_spoof(void **state)
{
        struct ctlnet_network network = a_network(CTLNET_BRIDGE);
        struct interface interface = an_interface(CTLNET_BRIDGE);
        struct nft_elements elements = {0};
        const uint8_t link_local[] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0xff, 0xfe, 3, 4, 5};
        const struct nft_element *sender;

        (void)state;
        elements_of_interface(&network, &interface, &elements);
        assert_int_equal(elements.n, 4);
        nft_elements_free(&elements);
        interface.ipv6.family = 0;
        elements_of_interface(&network, &interface, &elements);
        assert_int_equal(elements.n, 3);
        sender = find(&elements, NFT_SET_L3V4);
        assert_string_equal((const char *)sender->key, "btabc0");
        assert_memory_equal(sender->key + 16, interface.mac, 6);
        assert_int_equal(sender->key[22] | sender->key[23], 0);
        assert_memory_equal(sender->key + 24, interface.ipv4.bytes, 4);
        assert_string_equal(sender->owner, "web.0");
        /* The one that its MAC makes. */
        sender = find(&elements, NFT_SET_L3V6);
        assert_memory_equal(sender->key + 16, interface.mac, 6);
        assert_memory_equal(sender->key + 24, link_local, sizeof(link_local));
        nft_elements_free(&elements);
        interface.allow_spoofing = true;
        elements_of_interface(&network, &interface, &elements);
        assert_int_equal(elements.n, 1);
        assert_string_equal((const char *)find(&elements, NFT_SET_FREE)->key, "btabc0");
        nft_elements_free(&elements);
}

static void a_published_range_is_an_element_for_each_port_and_family(void **state)
{
        struct interface interface = an_interface(CTLNET_BRIDGE);
        struct ctlnet_publish publish[2];
        struct nft_elements elements = {0};
        const struct nft_element *one;
        uint16_t port;

        (void)state;
        assert_int_equal(ctlnet_parse_publish("8000-8002:80-82", &publish[0]), 0);
        assert_int_equal(ctlnet_parse_publish("192.0.2.1:53:54/udp", &publish[1]), 0);
        interface.publish = publish;
        interface.n_publish = 2;
        elements_of_publish(&interface, &elements);
        assert_int_equal(count(&elements, NFT_SET_DNAT4_ANY), 3);
        assert_int_equal(count(&elements, NFT_SET_DNAT6_ANY), 3);
        assert_int_equal(count(&elements, NFT_SET_DNAT6), 0);
        one = find(&elements, NFT_SET_DNAT4);
        assert_int_equal(one->key[0], IPPROTO_UDP);
        assert_memory_equal(one->key + 4, publish[1].host.bytes, 4);
        memcpy(&port, one->key + 8, 2);
        assert_int_equal(ntohs(port), 53);
        memcpy(&port, one->data + 4, 2);
        assert_int_equal(ntohs(port), 54);
        assert_memory_equal(one->data, interface.ipv4.bytes, 4);
        nft_elements_free(&elements);
}

static void all_addresses_of_a_family_are_any_address(void **state)
{
        struct interface interface = an_interface(CTLNET_BRIDGE);
        struct ctlnet_publish publish[2];
        struct nft_elements elements = {0};

        (void)state;
        assert_int_equal(ctlnet_parse_publish("0.0.0.0:8080:80", &publish[0]), 0);
        assert_int_equal(ctlnet_parse_publish("[::]:8081:80", &publish[1]), 0);
        interface.publish = publish;
        interface.n_publish = 2;
        elements_of_publish(&interface, &elements);
        assert_int_equal(count(&elements, NFT_SET_DNAT4), 0);
        assert_int_equal(count(&elements, NFT_SET_DNAT6), 0);
        assert_int_equal(count(&elements, NFT_SET_DNAT4_ANY), 1);
        assert_int_equal(count(&elements, NFT_SET_DNAT6_ANY), 1);
        nft_elements_free(&elements);
}

/* ---- files ---- */

struct thing {
        char name[8];
        struct ctlnet_address where;
        unsigned number;
        bool yes;
};

static const struct key keys[] = {
        {"name", KEY_TEXT, offsetof(struct thing, name), 8},
        {"where", KEY_ADDRESS, offsetof(struct thing, where), 0},
        {"number", KEY_UNSIGNED, offsetof(struct thing, number), 0},
        {"yes", KEY_BOOL, offsetof(struct thing, yes), 0},
};

static void files_are_read_as_they_were_written(void **state)
{
        struct thing thing = {"seven77", address("10.0.0.1/8"), 42, true}, again = {0};
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        (void)state;
        assert_non_null(file);
        keys_print(keys, ELEMENTS(keys), &thing, file);
        fclose(file);
        assert_string_equal(text, "name = seven77\nwhere = 10.0.0.1/8\nnumber = 42\nyes = yes\n");
        assert_int_equal(keys_parse(keys, ELEMENTS(keys), text, NULL, &again), 0);
        assert_memory_equal(&thing.where, &again.where, sizeof(thing.where));
        assert_string_equal(again.name, "seven77");
        assert_true(again.yes && again.number == 42);
        free(text);
}

static void wrong_lines_are_named(void **state)
{
        static const char *const bad[] = {"name = eight888", "what = 1",    "where = 10.0.0",
                                          "number = -1",     "yes = maybe", "name"};
        struct thing thing;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                char text[64];

                snprintf(text, sizeof(text), "# a comment\n\n%s\n", bad[i]);
                assert_int_equal(keys_parse(keys, ELEMENTS(keys), text, NULL, &thing), -EINVAL);
                assert_non_null(strstr(error_message(), "line 3"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_network_is_its_ranges),
                cmocka_unit_test(what_has_no_way_out_has_no_nat),
                cmocka_unit_test(a_bridged_interface_is_guarded_unless_it_may_spoof),
                cmocka_unit_test(a_published_range_is_an_element_for_each_port_and_family),
                cmocka_unit_test(all_addresses_of_a_family_are_any_address),
                cmocka_unit_test(files_are_read_as_they_were_written),
                cmocka_unit_test(wrong_lines_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
