#include "netdev/ctl/flows.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Whereto the first packet of a connection went. */
struct flow {
        const void *to;
        uint8_t protocol;
        uint16_t port; /* in network order */
};

struct search {
        const struct nft_elements *ports;
        bool v4;
        char *found; /* their attributes CTA_TUPLE_ORIG, malloc'ed */
        size_t used;
};

static bool is_port(enum nft_set set, bool v4)
{
        return v4 ? set == NFT_SET_DNAT4 || set == NFT_SET_DNAT4_ANY : set == NFT_SET_DNAT6 || set == NFT_SET_DNAT6_ANY;
}

static bool is_to(const struct nft_element *element, const struct flow *flow, bool v4)
{
        const uint8_t *key = element->key + 4; /* behind the protocol */
        bool any = element->set == NFT_SET_DNAT4_ANY || element->set == NFT_SET_DNAT6_ANY;
        size_t size = v4 ? 4 : 16;

        if (!is_port(element->set, v4) || element->key[0] != flow->protocol)
                return false;
        if (!any && memcmp(key, flow->to, size) != 0)
                return false;
        return memcmp(any ? key : key + size, &flow->port, sizeof(flow->port)) == 0;
}

static const struct nlattr *find(const struct nlattr *nest, uint16_t type)
{
        const struct nlattr *attribute;

        mnl_attr_for_each_nested(attribute, nest) if (mnl_attr_get_type(attribute) == type) return attribute;
        return NULL;
}

static bool read_flow(const struct nlattr *tuple, bool v4, struct flow *flow)
{
        const struct nlattr *ip = find(tuple, CTA_TUPLE_IP), *proto = find(tuple, CTA_TUPLE_PROTO);
        const struct nlattr *to = ip ? find(ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST) : NULL;
        const struct nlattr *number = proto ? find(proto, CTA_PROTO_NUM) : NULL;
        const struct nlattr *port = proto ? find(proto, CTA_PROTO_DST_PORT) : NULL;

        if (!to || !number || !port)
                return false;
        *flow = (struct flow){mnl_attr_get_payload(to), mnl_attr_get_u8(number), mnl_attr_get_u16(port)};
        return true;
}

static int on_flow(const struct nlmsghdr *message, void *data)
{
        struct search *search = data;
        const struct nlattr *tuple = NULL, *attribute;
        struct flow flow;
        bool wanted = false;
        char *bigger;

        mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(attribute) ==
                                                                           CTA_TUPLE_ORIG) tuple = attribute;
        if (!tuple || !read_flow(tuple, search->v4, &flow) || flow.protocol != IPPROTO_UDP)
                return MNL_CB_OK;
        for (size_t i = 0; i < search->ports->n && !wanted; i++)
                wanted = is_to(&search->ports->v[i], &flow, search->v4);
        bigger = wanted ? realloc(search->found, search->used + MNL_ALIGN(tuple->nla_len)) : NULL;
        if (!bigger)
                return wanted ? MNL_CB_ERROR : MNL_CB_OK;
        search->found = bigger;
        memcpy(bigger + search->used, tuple, tuple->nla_len);
        search->used += MNL_ALIGN(tuple->nla_len);
        return MNL_CB_OK;
}

static struct nlmsghdr *request(struct nft *nft, char *buffer, uint16_t type, uint16_t flags, bool v4)
{
        struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *header;

        message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
        message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
        message->nlmsg_seq = ++nft->sequence;
        header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        header->nfgen_family = v4 ? AF_INET : AF_INET6;
        header->version = NFNETLINK_V0;
        return message;
}

static void forget(struct nft *nft, const struct nft_elements *ports, bool v4)
{
        struct search search = {.ports = ports, .v4 = v4};
        char buffer[1024];

        if (nft_ask(nft, request(nft, buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, v4), on_flow, &search) < 0)
                search.used = 0;
        for (size_t at = 0; at < search.used;) {
                const struct nlattr *tuple = (const void *)(search.found + at);
                struct nlmsghdr *message = request(nft, buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, v4);

                mnl_attr_put(message, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(tuple),
                             mnl_attr_get_payload(tuple));
                (void)nft_ask(nft, message, NULL, NULL);
                at += MNL_ALIGN(tuple->nla_len);
        }
        free(search.found);
}

void flows_forget(struct nft *nft, const struct nft_elements *elements)
{
        bool v4 = false, v6 = false;

        for (size_t i = 0; i < elements->n; i++) {
                const struct nft_element *element = &elements->v[i];

                v4 |= is_port(element->set, true) && element->key[0] == IPPROTO_UDP;
                v6 |= is_port(element->set, false) && element->key[0] == IPPROTO_UDP;
        }
        if (v4)
                forget(nft, elements, true);
        if (v6)
                forget(nft, elements, false);
}
