#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "netdev/ctl/nft.h"

struct search {
        char *chain;
        size_t size;
};

static const char *family_name(uint32_t family)
{
        return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : family == NFPROTO_INET ? "inet" : NULL;
}

static void look_at(const struct nftnl_chain *chain, struct search *search)
{
        const char *table = nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE);
        const char *family = family_name(nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY));

        if (!family || !table || strcmp(table, NFT_TABLE) == 0 || search->chain[0] ||
            !nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) || !nftnl_chain_is_set(chain, NFTNL_CHAIN_POLICY) ||
            nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) != NF_INET_FORWARD ||
            nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) != NF_DROP)
                return;
        snprintf(search->chain, search->size, "%s %s %s", family, table, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
}

static int on_chain(const struct nlmsghdr *message, void *data)
{
        struct nftnl_chain *chain = nftnl_chain_alloc();

        if (chain && nftnl_chain_nlmsg_parse(message, chain) == 0)
                look_at(chain, data);
        if (chain)
                nftnl_chain_free(chain);
        return MNL_CB_OK;
}

int nft_find_forward_drop(struct nft *nft, char *chain, size_t size)
{
        struct search search = {chain, size};
        char buffer[4096];
        struct nlmsghdr *message =
                nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NLM_F_DUMP, ++nft->sequence);

        chain[0] = '\0';
        return nft_ask(nft, message, on_chain, &search);
}
