#include <netinet/icmp6.h> /* before those of the kernel, which know of it and not the other way */

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "netdev/ctl/host.h"
#include "netdev/ctl/nft.h"

/* linux/netfilter_bridge.h, which does not go with the C library's headers. */
#define BRIDGE_PRE_ROUTING 0

/* ---- sets ---- */

/* nft(8)'s numbers of types. */
enum { T_IP4 = 7, T_IP6 = 8, T_ETHER = 9, T_PROTOCOL = 12, T_PORT = 13, T_NAME = 41 };
#define T2(a, b)    ((uint32_t)(a) << 6 | (b))
#define T3(a, b, c) (T2(a, b) << 6 | (c))

const struct nft_kind nft_kinds[NFT_SETS] = {
        [NFT_SET_SUBNETS4] = {"subnets4", NFPROTO_INET, true, 0, T_IP4, 0, {4}},
        [NFT_SET_SUBNETS6] = {"subnets6", NFPROTO_INET, true, 0, T_IP6, 0, {16}},
        [NFT_SET_NAT4] = {"nat4", NFPROTO_INET, true, 0, T_IP4, 0, {4}},
        [NFT_SET_NAT6] = {"nat6", NFPROTO_INET, true, 0, T_IP6, 0, {16}},
        [NFT_SET_SAME4] = {"same4", NFPROTO_INET, true, 0, T2(T_IP4, T_IP4), 0, {4, 4}},
        [NFT_SET_SAME6] = {"same6", NFPROTO_INET, true, 0, T2(T_IP6, T_IP6), 0, {16, 16}},
        [NFT_SET_INSIDE] = {"inside", NFPROTO_INET, false, 0, T_NAME, 0, {16}},
        [NFT_SET_ROUTED] = {"routed", NFPROTO_INET, false, 0, T_NAME, 0, {16}},
        [NFT_SET_INTERNAL] = {"internal", NFPROTO_INET, false, 0, T_NAME, 0, {16}},
        [NFT_SET_DNAT4] =
                {"dnat4", NFPROTO_INET, false, 8, T3(T_PROTOCOL, T_IP4, T_PORT), T2(T_IP4, T_PORT), {4, 4, 4}},
        [NFT_SET_DNAT4_ANY] = {"dnat4_any", NFPROTO_INET, false, 8, T2(T_PROTOCOL, T_PORT), T2(T_IP4, T_PORT), {4, 4}},
        [NFT_SET_DNAT6] =
                {"dnat6", NFPROTO_INET, false, 20, T3(T_PROTOCOL, T_IP6, T_PORT), T2(T_IP6, T_PORT), {4, 16, 4}},
        [NFT_SET_DNAT6_ANY] = {"dnat6_any", NFPROTO_INET, false, 20, T2(T_PROTOCOL, T_PORT), T2(T_IP6, T_PORT), {4, 4}},
        [NFT_SET_FREE] = {"free", NFPROTO_BRIDGE, false, 0, T_NAME, 0, {16}},
        [NFT_SET_L2] = {"frames", NFPROTO_BRIDGE, false, 0, T2(T_NAME, T_ETHER), 0, {16, 8}},
        [NFT_SET_L3V4] = {"l3v4", NFPROTO_BRIDGE, false, 0, T3(T_NAME, T_ETHER, T_IP4), 0, {16, 8, 4}},
        [NFT_SET_L3V6] = {"l3v6", NFPROTO_BRIDGE, false, 0, T3(T_NAME, T_ETHER, T_IP6), 0, {16, 8, 16}},
};

/* ---- chains ---- */

enum chain { RAW, PRE, OUT, POST, INPUT, FORWARD, GUARD, CHAINS };

static const struct {
        const char *name, *type;
        uint8_t family;
        uint32_t hook;
        int32_t priority;
} chains[CHAINS] = {
        [RAW] = {"raw", "filter", NFPROTO_INET, NF_INET_PRE_ROUTING, -300},
        [PRE] = {"pre", "nat", NFPROTO_INET, NF_INET_PRE_ROUTING, -100},
        [OUT] = {"out", "nat", NFPROTO_INET, NF_INET_LOCAL_OUT, -100},
        [POST] = {"post", "nat", NFPROTO_INET, NF_INET_POST_ROUTING, 100},
        [INPUT] = {"input", "filter", NFPROTO_INET, NF_INET_LOCAL_IN, 0},
        [FORWARD] = {"forward", "filter", NFPROTO_INET, NF_INET_FORWARD, 0},
        [GUARD] = {"guard", "filter", NFPROTO_BRIDGE, BRIDGE_PRE_ROUTING, -300},
};

/* ---- rules ---- */

/* One step of a rule. Registers are counted in words of four bytes. */
struct step {
        enum { END, META, PAYLOAD, IS, IS_NOT, BITS, IN, NOT_IN, MAP, CT, FIB, DNAT, MASQUERADE, VERDICT } kind;
        uint32_t a, b, c;     /* what, offset, size...: see the macros */
        uint32_t reg, result; /* words */
        uint32_t value;       /* compared: the first `size` bytes of it, in the order of the wire */
};

#define RULE_STEPS 18

struct rule {
        enum chain chain;
        struct step steps[RULE_STEPS];
};

#define BYTES1(x) ((uint32_t)(x))
#define BYTES2(x) ((uint32_t)((x) >> 8 | ((x)&0xff) << 8))
#define M(what, word)                                                                                                  \
        {                                                                                                              \
                .kind = META, .a = NFT_META_##what, .reg = word                                                        \
        }
#define LINK_PART(offset, size, word)                                                                                  \
        {                                                                                                              \
                .kind = PAYLOAD, .a = NFT_PAYLOAD_LL_HEADER, .b = offset, .c = size, .reg = word                       \
        }
#define NET_PART(offset, size, word)                                                                                   \
        {                                                                                                              \
                .kind = PAYLOAD, .a = NFT_PAYLOAD_NETWORK_HEADER, .b = offset, .c = size, .reg = word                  \
        }
#define TRANSPORT_PART(offset, size, word)                                                                             \
        {                                                                                                              \
                .kind = PAYLOAD, .a = NFT_PAYLOAD_TRANSPORT_HEADER, .b = offset, .c = size, .reg = word                \
        }
#define EQUALS(word, size, bytes)                                                                                      \
        {                                                                                                              \
                .kind = IS, .c = size, .reg = word, .value = bytes                                                     \
        }
#define DIFFERS(word, size, bytes)                                                                                     \
        {                                                                                                              \
                .kind = IS_NOT, .c = size, .reg = word, .value = bytes                                                 \
        }
#define MEMBER(set)                                                                                                    \
        {                                                                                                              \
                .kind = IN, .a = NFT_SET_##set                                                                         \
        }
#define NO_MEMBER(set)                                                                                                 \
        {                                                                                                              \
                .kind = NOT_IN, .a = NFT_SET_##set                                                                     \
        }
#define ANY_BIT(mask)                                                                                                  \
        {.kind = BITS, .value = mask},                                                                                 \
        {                                                                                                              \
                .kind = IS_NOT, .c = 4                                                                                 \
        }
#define CONNECTION(what)                                                                                               \
        {                                                                                                              \
                .kind = CT, .a = NFT_CT_##what                                                                         \
        }
#define ACCEPT                                                                                                         \
        {                                                                                                              \
                .kind = VERDICT, .a = NF_ACCEPT                                                                        \
        }
#define DROP                                                                                                           \
        {                                                                                                              \
                .kind = VERDICT, .a = NF_DROP                                                                          \
        }

#define IPV4         M(NFPROTO, 0), EQUALS(0, 1, NFPROTO_IPV4)
#define IPV6         M(NFPROTO, 0), EQUALS(0, 1, NFPROTO_IPV6)
#define TO_THIS_HOST {.kind = FIB, .a = NFT_FIB_RESULT_ADDRTYPE, .b = NFTA_FIB_F_DADDR}, EQUALS(0, 4, RTN_LOCAL)
#define NO_WAY_BACK  {.kind = FIB, .a = NFT_FIB_RESULT_OIF, .b = NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF}, EQUALS(0, 4, 0)
#define NOT_OF_LINK                                                                                                    \
        {.kind = FIB, .a = NFT_FIB_RESULT_ADDRTYPE, .b = NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF}, DIFFERS(0, 4, RTN_LOCAL)
/* HOST_GROUP, in the order of this host. */
#define LINK_OF_OURS    M(IIFGROUP, 0), EQUALS(0, 4, HOST_GROUP)
#define NO_LINK_OF_OURS M(IIFGROUP, 0), DIFFERS(0, 4, HOST_GROUP)
/* By a link that is neither a container's nor the loopback. */
#define FROM_OUTSIDE M(IIFNAME, 0), NO_MEMBER(INSIDE), M(IIFTYPE, 0), DIFFERS(0, 2, ARPHRD_LOOPBACK)
#define DNS_PORT     EQUALS(0, 2, BYTES2(CTLNET_DNS_PORT))
#define TO_CONTAINER4(w)                                                                                               \
        {                                                                                                              \
                .kind = DNAT, .a = NFPROTO_IPV4, .reg = w, .result = w + 1                                             \
        }
#define TO_CONTAINER6(w)                                                                                               \
        {                                                                                                              \
                .kind = DNAT, .a = NFPROTO_IPV6, .reg = w, .result = w + 4                                             \
        }
#define FOUND_IN(set, w)                                                                                               \
        {                                                                                                              \
                .kind = MAP, .a = NFT_SET_##set, .result = w                                                           \
        }
#define PUBLISHED CONNECTION(STATUS), ANY_BIT(IPS_DST_NAT)
#define KNOWN     CONNECTION(STATE), ANY_BIT(2 | 4) /* NF_CT_STATE_BIT of IP_CT_ESTABLISHED and _RELATED */
#define UNTRACED  CONNECTION(STATE), ANY_BIT(1)     /* NF_CT_STATE_INVALID_BIT */

/* The sender of a frame: port and MAC, in words 0 to 5. */
#define PORT_AND_MAC   M(IIFNAME, 0), LINK_PART(6, 6, 4)
#define ETHER_IS(type) M(PROTOCOL, 0), EQUALS(0, 2, BYTES2(type))
#define ICMPV6         M(L4PROTO, 0), EQUALS(0, 1, IPPROTO_ICMPV6)
#define ICMPV6_TYPE(t) ICMPV6, TRANSPORT_PART(0, 1, 0), EQUALS(0, 1, BYTES1(t))

/* Whether an address, `offset` bytes behind, is one that IPv6 makes of a MAC (RFC 4291, appendix A). */
#define MADE_OF_MAC(part, offset) part((offset) + 11, 2, 0), EQUALS(0, 2, BYTES2(0xfffe))

/* A report of that many groups (RFC 3810, 5.2), and that one of them, from 0 on, is ff02::1:ffXX:XXXX. */
#define MLD2_REPORT(groups) ICMPV6_TYPE(143), TRANSPORT_PART(6, 2, 0), EQUALS(0, 2, BYTES2(groups))
#define SOLICITED_NODE(group)                                                                                          \
        TRANSPORT_PART(12 + 20 * (group), 2, 0), EQUALS(0, 2, BYTES2(0xff02)),                                         \
                TRANSPORT_PART(22 + 20 * (group), 3, 0), EQUALS(0, 3, 0xff0100)

/* The published ports, for what comes in and what this host sends itself. */
#define PUBLISHING(chain)                                                                                              \
        {chain,                                                                                                        \
         {IPV4, M(L4PROTO, 0), NET_PART(16, 4, 1), TRANSPORT_PART(2, 2, 2), FOUND_IN(DNAT4, 8), TO_CONTAINER4(8)}},    \
                {chain,                                                                                                \
                 {IPV4, TO_THIS_HOST, M(L4PROTO, 0), TRANSPORT_PART(2, 2, 1), FOUND_IN(DNAT4_ANY, 8),                  \
                  TO_CONTAINER4(8)}},                                                                                  \
                {chain,                                                                                                \
                 {IPV6, M(L4PROTO, 0), NET_PART(24, 16, 1), TRANSPORT_PART(2, 2, 5), FOUND_IN(DNAT6, 8),               \
                  TO_CONTAINER6(8)}},                                                                                  \
        {                                                                                                              \
                chain,                                                                                                 \
                {                                                                                                      \
                        IPV6, TO_THIS_HOST, M(L4PROTO, 0), TRANSPORT_PART(2, 2, 1), FOUND_IN(DNAT6_ANY, 8),            \
                                TO_CONTAINER6(8)                                                                       \
                }                                                                                                      \
        }

static const struct rule rules[] = {
        /* The link of a routed container that has ended, while something holds its namespace. And a port of a bridge,
         * which takes up what is sent to the addresses that bridges keep for themselves (01:80:c2:00:00:0X) past the
         * chain guard. */
        {RAW, {LINK_OF_OURS, M(IIFNAME, 0), NO_MEMBER(INSIDE), DROP}},
        /* route_localnet, which publishing on 127.0.0.1 needs, would let containers reach what listens there
         * (CVE-2020-8558), and those that may spoof say that they are there. */
        {RAW, {M(IIFNAME, 0), MEMBER(INSIDE), IPV4, NET_PART(16, 1, 0), EQUALS(0, 1, 127), DROP}},
        {RAW, {M(IIFNAME, 0), MEMBER(INSIDE), IPV4, NET_PART(12, 1, 0), EQUALS(0, 1, 127), DROP}},
        /* A sender to whom no route leads by that link. */
        {RAW, {M(IIFNAME, 0), MEMBER(ROUTED), NO_WAY_BACK, DROP}},
        /* Who comes from outside is no container, whatever address it says. */
        {RAW, {M(IIFNAME, 0), NO_MEMBER(INSIDE), IPV4, NET_PART(12, 4, 0), MEMBER(SUBNETS4), NO_WAY_BACK, DROP}},
        {RAW, {M(IIFNAME, 0), NO_MEMBER(INSIDE), IPV6, NET_PART(8, 16, 0), MEMBER(SUBNETS6), NO_WAY_BACK, DROP}},

        /* 127.0.0.1 is this host's own, which the kernel would find out only with the address replaced. */
        {PRE, {IPV4, NET_PART(16, 1, 0), EQUALS(0, 1, 127), ACCEPT}},
        PUBLISHING(PRE),
        PUBLISHING(OUT),

        /* A container that calls its own network by a published port: the answer must come back this way. */
        {POST, {PUBLISHED, IPV4, NET_PART(12, 4, 0), NET_PART(16, 4, 1), MEMBER(SAME4), {.kind = MASQUERADE}}},
        {POST, {PUBLISHED, IPV6, NET_PART(8, 16, 0), NET_PART(24, 16, 4), MEMBER(SAME6), {.kind = MASQUERADE}}},
        {POST, {PUBLISHED, IPV4, NET_PART(12, 1, 0), EQUALS(0, 1, 127), {.kind = MASQUERADE}}},
        {POST, {IPV4, NET_PART(12, 4, 0), MEMBER(NAT4), NET_PART(16, 4, 0), NO_MEMBER(SUBNETS4), {.kind = MASQUERADE}}},
        {POST,
         {IPV6, NET_PART(8, 16, 0), MEMBER(NAT6), NET_PART(24, 16, 0), NO_MEMBER(SUBNETS6), {.kind = MASQUERADE}}},

        {INPUT, {KNOWN, ACCEPT}},
        /* The world is told no names: who asks with a false address would have the answers sent there (CVE-2012-3411).
         */
        {INPUT, {FROM_OUTSIDE, IPV4, NET_PART(16, 4, 0), MEMBER(SUBNETS4), TRANSPORT_PART(2, 2, 0), DNS_PORT, DROP}},
        {INPUT, {FROM_OUTSIDE, IPV6, NET_PART(24, 16, 0), MEMBER(SUBNETS6), TRANSPORT_PART(2, 2, 0), DNS_PORT, DROP}},
        /* This host's address in a network, where its DNS answers, is of that network. */
        {INPUT, {IPV4, NET_PART(12, 4, 0), NET_PART(16, 4, 1), MEMBER(SAME4), ACCEPT}},
        {INPUT, {IPV6, NET_PART(8, 16, 0), NET_PART(24, 16, 4), MEMBER(SAME6), ACCEPT}},
        {INPUT, {IPV4, NET_PART(12, 4, 0), MEMBER(SUBNETS4), NET_PART(16, 4, 0), MEMBER(SUBNETS4), DROP}},
        {INPUT, {IPV6, NET_PART(8, 16, 0), MEMBER(SUBNETS6), NET_PART(24, 16, 0), MEMBER(SUBNETS6), DROP}},
        /* Of which network a link-local sender is says only the link. */
        {INPUT,
         {M(IIFNAME, 0), MEMBER(INSIDE), IPV6, NET_PART(8, 2, 0), EQUALS(0, 2, BYTES2(0xfe80)), NET_PART(24, 16, 0),
          MEMBER(SUBNETS6), NOT_OF_LINK, DROP}},

        {FORWARD, {KNOWN, ACCEPT}},
        {FORWARD, {IPV4, NET_PART(12, 4, 0), NET_PART(16, 4, 1), MEMBER(SAME4), ACCEPT}},
        {FORWARD, {IPV6, NET_PART(8, 16, 0), NET_PART(24, 16, 4), MEMBER(SAME6), ACCEPT}},
        /* What belongs to no connection would leave with the container's own address: NAT knows connections only. */
        {FORWARD, {UNTRACED, IPV4, NET_PART(12, 4, 0), MEMBER(NAT4), DROP}},
        {FORWARD, {UNTRACED, IPV6, NET_PART(8, 16, 0), MEMBER(NAT6), DROP}},
        {FORWARD, {M(IIFNAME, 0), MEMBER(INTERNAL), DROP}},
        {FORWARD, {M(OIFNAME, 0), MEMBER(INTERNAL), DROP}},
        {FORWARD, {PUBLISHED, ACCEPT}},
        {FORWARD, {IPV4, NET_PART(12, 4, 0), MEMBER(SUBNETS4), NET_PART(16, 4, 0), MEMBER(SUBNETS4), DROP}},
        {FORWARD, {IPV6, NET_PART(8, 16, 0), MEMBER(SUBNETS6), NET_PART(24, 16, 0), MEMBER(SUBNETS6), DROP}},
        /* Nobody outside comes to a network behind NAT but by a published port. */
        {FORWARD, {IPV4, NET_PART(16, 4, 0), MEMBER(NAT4), DROP}},
        {FORWARD, {IPV6, NET_PART(24, 16, 0), MEMBER(NAT6), DROP}},

        /* What is no container's is somebody else's business. A link with which nothing in the sets goes (any more,
         * while something holds its namespace) lets nothing pass. */
        {GUARD, {NO_LINK_OF_OURS, ACCEPT}},
        {GUARD, {M(IIFNAME, 0), MEMBER(FREE), ACCEPT}},
        {GUARD, {PORT_AND_MAC, NO_MEMBER(L2), DROP}},
        /* ARP: what it says of its sender; a probe before an address is taken says none (RFC 5227). */
        {GUARD, {ETHER_IS(0x0806), M(IIFNAME, 0), NET_PART(8, 6, 4), NET_PART(14, 4, 6), MEMBER(L3V4), ACCEPT}},
        {GUARD, {ETHER_IS(0x0806), NET_PART(14, 4, 0), EQUALS(0, 4, 0), ACCEPT}},
        {GUARD, {ETHER_IS(0x0800), PORT_AND_MAC, NET_PART(12, 4, 6), MEMBER(L3V4), ACCEPT}},
        {GUARD, {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_ROUTER_ADVERT), DROP}},
        {GUARD, {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_REDIRECT), DROP}},
        /* What Linux says of itself when an interface comes up, and what each port of the bridge would have to hear, so
         * that a thousand containers that start hear a million of it: a question for routers, of which there are none
         * here but those that may spoof, and these are heard unasked; which of IPv6's own groups it listens to
         * (ff02::1:ffXX:XXXX), where no bridge of ours looks (multicast snooping) and no router passes them on; and
         * whether anybody has the link-local address that its MAC makes, which is its own. */
        {GUARD, {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_ROUTER_SOLICIT), DROP}},
        {GUARD, {ETHER_IS(0x86dd), MLD2_REPORT(1), SOLICITED_NODE(0), DROP}},
        {GUARD, {ETHER_IS(0x86dd), MLD2_REPORT(2), SOLICITED_NODE(0), SOLICITED_NODE(1), DROP}},
        {GUARD,
         {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_NEIGHBOR_SOLICIT), NET_PART(8, 4, 0), EQUALS(0, 4, 0),
          TRANSPORT_PART(8, 2, 0), EQUALS(0, 2, BYTES2(0xfe80)), MADE_OF_MAC(TRANSPORT_PART, 8), DROP}},
        /* Neighbour advertisements for addresses of others. A link-local address that no MAC has made is nobody's. */
        {GUARD,
         {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_NEIGHBOR_ADVERT), TRANSPORT_PART(8, 2, 0), DIFFERS(0, 2, BYTES2(0xfe80)),
          PORT_AND_MAC, TRANSPORT_PART(8, 16, 6), NO_MEMBER(L3V6), DROP}},
        {GUARD,
         {ETHER_IS(0x86dd), ICMPV6_TYPE(ND_NEIGHBOR_ADVERT), MADE_OF_MAC(TRANSPORT_PART, 8), PORT_AND_MAC,
          TRANSPORT_PART(8, 16, 6), NO_MEMBER(L3V6), DROP}},
        {GUARD, {ETHER_IS(0x86dd), PORT_AND_MAC, NET_PART(8, 16, 6), MEMBER(L3V6), ACCEPT}},
        {GUARD, {ETHER_IS(0x86dd), MADE_OF_MAC(NET_PART, 8), DROP}},
        {GUARD, {ETHER_IS(0x86dd), NET_PART(8, 2, 0), EQUALS(0, 2, BYTES2(0xfe80)), ACCEPT}},
        /* Before an address is one's own it is looked for with none. */
        {GUARD,
         {ETHER_IS(0x86dd), ICMPV6, NET_PART(8, 4, 0), EQUALS(0, 4, 0), NET_PART(12, 4, 0), EQUALS(0, 4, 0), ACCEPT}},
        {GUARD, {DROP}},
};

/* ---- into messages ---- */

static void put_u32(struct nftnl_expr *expr, uint16_t attribute, uint32_t value)
{
        nftnl_expr_set_u32(expr, attribute, value);
}

static uint32_t word(uint32_t reg)
{
        return NFT_REG32_00 + reg;
}

static void put_load(struct nftnl_expr *expr, const struct step *s)
{
        if (s->kind == META) {
                put_u32(expr, NFTNL_EXPR_META_KEY, s->a);
                put_u32(expr, NFTNL_EXPR_META_DREG, word(s->reg));
        } else if (s->kind == CT) {
                put_u32(expr, NFTNL_EXPR_CT_KEY, s->a);
                put_u32(expr, NFTNL_EXPR_CT_DREG, word(s->reg));
        } else if (s->kind == FIB) {
                put_u32(expr, NFTNL_EXPR_FIB_RESULT, s->a);
                put_u32(expr, NFTNL_EXPR_FIB_FLAGS, s->b);
                put_u32(expr, NFTNL_EXPR_FIB_DREG, word(s->reg));
        } else {
                put_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, s->a);
                put_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, s->b);
                put_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, s->c);
                put_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, word(s->reg));
        }
}

static void put_test(struct nftnl_expr *expr, const struct step *s)
{
        const uint32_t nothing = 0;

        if (s->kind == BITS) {
                put_u32(expr, NFTNL_EXPR_BITWISE_SREG, word(s->reg));
                put_u32(expr, NFTNL_EXPR_BITWISE_DREG, word(s->reg));
                put_u32(expr, NFTNL_EXPR_BITWISE_LEN, sizeof(s->value));
                nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, &s->value, sizeof(s->value));
                nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, &nothing, sizeof(nothing));
        } else if (s->kind == IS || s->kind == IS_NOT) {
                put_u32(expr, NFTNL_EXPR_CMP_SREG, word(s->reg));
                put_u32(expr, NFTNL_EXPR_CMP_OP, s->kind == IS ? NFT_CMP_EQ : NFT_CMP_NEQ);
                nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, &s->value, s->c);
        } else {
                put_u32(expr, NFTNL_EXPR_LOOKUP_SREG, word(s->reg));
                nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, nft_kinds[s->a].name);
                put_u32(expr, NFTNL_EXPR_LOOKUP_SET_ID, s->a + 1);
                if (s->kind == MAP)
                        put_u32(expr, NFTNL_EXPR_LOOKUP_DREG, word(s->result));
                if (s->kind == NOT_IN)
                        put_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        }
}

static void put_action(struct nftnl_expr *expr, const struct step *s)
{
        if (s->kind == VERDICT) {
                put_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
                put_u32(expr, NFTNL_EXPR_IMM_VERDICT, s->a);
        } else if (s->kind == DNAT) {
                put_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
                put_u32(expr, NFTNL_EXPR_NAT_FAMILY, s->a);
                put_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, word(s->reg));
                put_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, word(s->result));
        }
}

static const struct {
        const char *name;
        void (*put)(struct nftnl_expr *, const struct step *);
} expressions[] = {
        [META] = {"meta", put_load},
        [PAYLOAD] = {"payload", put_load},
        [IS] = {"cmp", put_test},
        [IS_NOT] = {"cmp", put_test},
        [BITS] = {"bitwise", put_test},
        [IN] = {"lookup", put_test},
        [NOT_IN] = {"lookup", put_test},
        [MAP] = {"lookup", put_test},
        [CT] = {"ct", put_load},
        [FIB] = {"fib", put_load},
        [DNAT] = {"nat", put_action},
        [MASQUERADE] = {"masq", put_action},
        [VERDICT] = {"immediate", put_action},
};

static void add_rule(struct nft_batch *batch, const struct rule *from)
{
        struct nftnl_rule *rule = nftnl_rule_alloc();
        struct nlmsghdr *message;

        batch->failed |= !rule;
        if (!rule)
                return;
        nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE);
        nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chains[from->chain].name);
        for (size_t i = 0; i < RULE_STEPS && from->steps[i].kind != END; i++) {
                struct nftnl_expr *expr = nftnl_expr_alloc(expressions[from->steps[i].kind].name);

                batch->failed |= !expr;
                if (!expr)
                        break;
                expressions[from->steps[i].kind].put(expr, &from->steps[i]);
                nftnl_rule_add_expr(rule, expr);
        }
        message = nft_batch_message(batch, NFT_MSG_NEWRULE, chains[from->chain].family, NLM_F_CREATE | NLM_F_APPEND);
        if (message) {
                nftnl_rule_nlmsg_build_payload(message, rule);
                nft_batch_add(batch, message);
        }
        nftnl_rule_free(rule);
}

static void add_chain(struct nft_batch *batch, enum chain which)
{
        struct nftnl_chain *chain = nftnl_chain_alloc();
        struct nlmsghdr *message = NULL;

        batch->failed |= !chain;
        if (!chain)
                return;
        nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFT_TABLE);
        nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, chains[which].name);
        nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, chains[which].type);
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, chains[which].hook);
        nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, chains[which].priority);
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
        message = nft_batch_message(batch, NFT_MSG_NEWCHAIN, chains[which].family, NLM_F_CREATE);
        if (message) {
                nftnl_chain_nlmsg_build_payload(message, chain);
                nft_batch_add(batch, message);
        }
        nftnl_chain_free(chain);
}

/* nft(8) takes a key for big-endian, and shows no names of links, unless told otherwise. */
static void say_byte_order(struct nftnl_set *set)
{
        struct nftnl_udata_buf *words = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

        if (!words)
                return;
        if (nftnl_udata_put_u32(words, NFTNL_UDATA_SET_KEYBYTEORDER, 1))
                nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(words), nftnl_udata_buf_len(words));
        nftnl_udata_buf_free(words);
}

static void add_set(struct nft_batch *batch, enum nft_set which)
{
        const struct nft_kind *kind = &nft_kinds[which];
        bool parts = kind->parts[1];
        uint32_t flags = (kind->interval ? NFT_SET_INTERVAL : 0) | (kind->data_size ? NFT_SET_MAP : 0) |
                         (kind->interval && parts ? NFT_SET_CONCAT : 0);
        struct nftnl_set *set = nftnl_set_alloc();
        struct nlmsghdr *message;

        batch->failed |= !set;
        if (!set)
                return;
        nftnl_set_set_str(set, NFTNL_SET_TABLE, NFT_TABLE);
        nftnl_set_set_str(set, NFTNL_SET_NAME, kind->name);
        nftnl_set_set_u32(set, NFTNL_SET_ID, which + 1);
        nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
        nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, kind->key_type);
        nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)nft_key_size(which));
        if (kind->data_size) {
                nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, kind->data_type);
                nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, kind->data_size);
        }
        if (kind->interval && parts)
                nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, kind->parts,
                                   (uint32_t)strlen((const char *)kind->parts));
        if (kind->key_type == T_NAME)
                say_byte_order(set);
        message = nft_batch_message(batch, NFT_MSG_NEWSET, kind->family, NLM_F_CREATE);
        if (message) {
                nftnl_set_nlmsg_build_payload(message, set);
                nft_batch_add(batch, message);
        }
        nftnl_set_free(set);
}

static void add_table(struct nft_batch *batch, int type, int family)
{
        struct nftnl_table *table = nftnl_table_alloc();
        struct nlmsghdr *message;

        batch->failed |= !table;
        if (!table)
                return;
        nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_TABLE);
        message = nft_batch_message(batch, type, family, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
        if (message) {
                nftnl_table_nlmsg_build_payload(message, table);
                nft_batch_add(batch, message);
        }
        nftnl_table_free(table);
}

static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};

/* Added first, so that there is one to take away. */
static void drop_tables(struct nft_batch *batch)
{
        for (size_t i = 0; i < ELEMENTS(families); i++) {
                add_table(batch, NFT_MSG_NEWTABLE, families[i]);
                add_table(batch, NFT_MSG_DELTABLE, families[i]);
        }
}

/* Tables, chains, sets and rules. */
static void add_tables(struct nft_batch *batch)
{
        drop_tables(batch);
        for (size_t i = 0; i < ELEMENTS(families); i++)
                add_table(batch, NFT_MSG_NEWTABLE, families[i]);
        for (enum chain chain = 0; chain < CHAINS; chain++)
                add_chain(batch, chain);
        for (enum nft_set set = 0; set < NFT_SETS; set++)
                add_set(batch, set);
        for (size_t i = 0; i < ELEMENTS(rules); i++)
                add_rule(batch, &rules[i]);
}

int nft_build(struct nft *nft, const struct nft_elements *elements)
{
        struct nft_batch batch;

        nft_batch_begin(nft, &batch);
        add_tables(&batch);
        nft_batch_elements(&batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, elements);
        return nft_batch_send(&batch);
}
