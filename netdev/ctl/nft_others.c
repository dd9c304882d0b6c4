#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "netdev/ctl/nft.h"

#define ANSWER_SIZE 32768

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
        char buffer[ANSWER_SIZE];
        struct nlmsghdr *message;
        int r = nft_open(nft);

        chain[0] = '\0';
        if (r < 0)
                return r;
        message = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NLM_F_DUMP, ++nft->sequence);
        if (mnl_socket_sendto(nft->socket, message, message->nlmsg_len) < 0)
                return -errno;
        for (r = MNL_CB_OK; r > MNL_CB_STOP;) {
                ssize_t got = mnl_socket_recvfrom(nft->socket, buffer, sizeof(buffer));

                if (got < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                r = mnl_cb_run(buffer, (size_t)got, nft->sequence, mnl_socket_get_portid(nft->socket), on_chain,
                               &search);
        }
        return r < 0 ? -errno : 0;
}
