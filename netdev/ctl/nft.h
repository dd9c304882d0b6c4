/* The tables "inet berth" and "bridge berth". Their rules never change (netdev/ctl/nft_tables.c); what changes are the
 * elements of their sets and maps, which are found by hashing, so that a container costs the same whatever there is. */
#pragma once

#include <libmnl/libmnl.h>

#include "netdev/ctl/names.h"

#define NFT_TABLE "berth"

enum nft_set {
        NFT_SET_SUBNETS4, /* of every network */
        NFT_SET_SUBNETS6,
        NFT_SET_NAT4, /* of those that speak to the world with the host's address */
        NFT_SET_NAT6,
        NFT_SET_SAME4, /* pairs of subnets that may speak with each other: each with itself */
        NFT_SET_SAME6,
        NFT_SET_INSIDE,    /* links by which containers come in */
        NFT_SET_ROUTED,    /* those of single containers without a bridge */
        NFT_SET_INTERNAL,  /* those that lead nowhere */
        NFT_SET_DNAT4,     /* protocol, address and port of the host: address and port of a container */
        NFT_SET_DNAT4_ANY, /* protocol and port, whatever address of the host */
        NFT_SET_DNAT6,
        NFT_SET_DNAT6_ANY,
        NFT_SET_FREE, /* ports of bridges whose source addresses are not checked */
        NFT_SET_L2,   /* port and MAC */
        NFT_SET_L3V4, /* port, MAC and address */
        NFT_SET_L3V6,
        NFT_SETS
};

/* Sizes in a key: each part is padded to four bytes. */
#define NFT_KEY_MAX  40
#define NFT_DATA_MAX 20

struct nft_kind {
        const char *name;
        uint8_t family;    /* of the table: NFPROTO_INET, NFPROTO_BRIDGE */
        bool interval;     /* keys are ranges */
        uint8_t data_size; /* of a map; 0 for a set */
        uint32_t key_type; /* nft(8)'s numbers, six bits a part: what `nft list` shows */
        uint32_t data_type;
        uint8_t parts[4]; /* sizes of the key's parts, padded; 0 ends */
};

extern const struct nft_kind nft_kinds[NFT_SETS];

size_t nft_key_size(enum nft_set set);

struct nft_element {
        enum nft_set set;
        uint8_t key[NFT_KEY_MAX];
        uint8_t key_end[NFT_KEY_MAX]; /* of an interval: the last one that belongs to it */
        uint8_t data[NFT_DATA_MAX];
        char owner[NAMES_OWNER_SIZE]; /* for people, and to tell whose a published port is */
};

struct nft_elements {
        size_t n;
        struct nft_element *v; /* malloc'ed */
        bool failed;           /* memory was short for one */
        struct nft_element spare;
};

/* A new one to fill in; a place that does not count when memory is short (elements->failed). */
struct nft_element *nft_elements_add(struct nft_elements *elements, enum nft_set set, const char *owner);
void nft_elements_free(struct nft_elements *elements);

/* Two parts of a key from `from` on; what follows. */
uint8_t *nft_put(uint8_t *key, const void *part, size_t size);
uint8_t *nft_put_name(uint8_t *key, const char *link);

struct nft {
        struct mnl_socket *socket; /* NULL: not open */
        uint32_t sequence;
};

/* Bare negative errno. Those below open it when it is not. */
int nft_open(struct nft *nft);
void nft_close(struct nft *nft);

/* One transaction: takes away the elements of `old` (may be NULL) and adds those of `new` (may be NULL), or does
 * nothing. exclusive: one that is there already is -EEXIST. -ENOENT: the tables, or one of old, are not there. Negative
 * errno without a message. */
int nft_change(struct nft *nft, const struct nft_elements *old, const struct nft_elements *new, bool exclusive);

/* Takes away what is there of them, whatever is not; of published ports only those of their owner. Negative errno
 * without a message. */
int nft_remove(struct nft *nft, const struct nft_elements *elements);

/* Whose the element with this key is: 0 and the owner, "" when it says none; -ENOENT. */
int nft_owner(struct nft *nft, const struct nft_element *element, char owner[NAMES_OWNER_SIZE]);

/* Makes both tables anew with their rules and these elements, in one transaction. Negative errno without a message. */
int nft_build(struct nft *nft, const struct nft_elements *elements);

/* The first base chain of others on the forward hook with the policy drop, for IPv4 or IPv6: "ip filter FORWARD"; ""
 * for none. Negative errno without a message. */
int nft_find_forward_drop(struct nft *nft, char *chain, size_t size);

/* ---- between netdev/ctl/nft*.c ---- */

/* A transaction on its way: messages one after another, each acknowledged. */
struct nft_batch {
        struct nft *nft;
        char *data; /* malloc'ed */
        size_t used, room;
        uint32_t first; /* sequence number of the beginning */
        unsigned messages;
        bool failed; /* memory was short: nft_batch_send says so */
};

void nft_batch_begin(struct nft *nft, struct nft_batch *batch);

/* Where the next message is to be written, and after it was: NFT_MESSAGE_MAX bytes of room. NULL when memory is short.
 */
#define NFT_MESSAGE_MAX 65536
struct nlmsghdr *nft_batch_message(struct nft_batch *batch, int type, int family, int flags);
void nft_batch_add(struct nft_batch *batch, const struct nlmsghdr *message);

/* Adds or takes away elements, as many messages as they need. */
void nft_batch_elements(struct nft_batch *batch, int type, int flags, const struct nft_elements *elements);

/* Sends, frees, and gives the kernel's first error. */
int nft_batch_send(struct nft_batch *batch);

/* One question outside of transactions, numbered nft->sequence; each message of the answer goes to on_answer (NULL:
 * none is wanted). Bare negative errno, that of the kernel's answer or of what on_answer gave up for. */
int nft_ask(struct nft *nft, const struct nlmsghdr *question, mnl_cb_t on_answer, void *data);
