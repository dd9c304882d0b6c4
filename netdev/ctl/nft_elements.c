#include <errno.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netdev/ctl/nft.h"

/* Of one message, so that it stays below NFT_MESSAGE_MAX and the acknowledgements fit into the socket's buffer. */
#define ELEMENTS_PER_MESSAGE 200

/* ---- elements ---- */

struct nft_element *nft_elements_add(struct nft_elements *elements, enum nft_set set, const char *owner)
{
        struct nft_element *bigger = reallocarray(elements->v, elements->n + 1, sizeof(*elements->v)), *element;

        if (!bigger) {
                elements->failed = true;
                return &elements->spare;
        }
        elements->v = bigger;
        element = &bigger[elements->n++];
        *element = (struct nft_element){.set = set};
        strncpy(element->owner, owner, sizeof(element->owner) - 1);
        return element;
}

void nft_elements_free(struct nft_elements *elements)
{
        free(elements->v);
        *elements = (struct nft_elements){0};
}

uint8_t *nft_put(uint8_t *key, const void *part, size_t size)
{
        memcpy(key, part, size);
        return key + (size + 3) / 4 * 4;
}

uint8_t *nft_put_name(uint8_t *key, const char *link)
{
        memcpy(key, link, strnlen(link, CTLNET_LINK_SIZE));
        return key + CTLNET_LINK_SIZE;
}

size_t nft_key_size(enum nft_set set)
{
        size_t size = 0;

        for (const uint8_t *part = nft_kinds[set].parts; *part; part++)
                size += *part;
        return size;
}

/* What `nft list` shows as its comment. */
static void put_owner(struct nftnl_set_elem *elem, const char *owner)
{
        struct nftnl_udata_buf *comment = *owner ? nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN) : NULL;

        if (!comment)
                return;
        if (nftnl_udata_put_strz(comment, NFTNL_UDATA_SET_ELEM_COMMENT, owner))
                nftnl_set_elem_set(elem, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(comment),
                                   nftnl_udata_buf_len(comment));
        nftnl_udata_buf_free(comment);
}

static struct nftnl_set_elem *add_elem(struct nftnl_set *list, const void *key, size_t size)
{
        struct nftnl_set_elem *elem = nftnl_set_elem_alloc();

        if (elem) {
                nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, key, (uint32_t)size);
                nftnl_set_elem_add(list, elem);
        }
        return elem;
}

/* The end of an interval of one part is an element of its own, behind the last one; the last of all has none. */
static bool add_end(struct nftnl_set *list, const struct nft_element *element, size_t size)
{
        uint8_t end[NFT_KEY_MAX];
        struct nftnl_set_elem *elem;
        size_t i = size;

        memcpy(end, element->key_end, size);
        while (i > 0 && ++end[i - 1] == 0)
                i--;
        if (i == 0)
                return true;
        elem = add_elem(list, end, size);
        if (elem)
                nftnl_set_elem_set_u32(elem, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
        return elem;
}

static bool add_element(struct nftnl_set *list, const struct nft_element *element, bool whole)
{
        const struct nft_kind *kind = &nft_kinds[element->set];
        size_t size = nft_key_size(element->set);
        struct nftnl_set_elem *elem = add_elem(list, element->key, size);

        if (!elem)
                return false;
        if (kind->interval && kind->parts[1])
                nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY_END, element->key_end, (uint32_t)size);
        if (whole && kind->data_size)
                nftnl_set_elem_set(elem, NFTNL_SET_ELEM_DATA, element->data, kind->data_size);
        if (whole)
                put_owner(elem, element->owner);
        return !kind->interval || kind->parts[1] || add_end(list, element, size);
}

static struct nftnl_set *set_named(enum nft_set set)
{
        struct nftnl_set *list = nftnl_set_alloc();

        if (list) {
                nftnl_set_set_str(list, NFTNL_SET_TABLE, NFT_TABLE);
                nftnl_set_set_str(list, NFTNL_SET_NAME, nft_kinds[set].name);
        }
        return list;
}

/* Those of one set from *next on; *next: where to go on. */
static void put_elements(struct nft_batch *batch, int type, int flags, const struct nft_elements *elements,
                         enum nft_set set, size_t *next)
{
        struct nftnl_set *list = set_named(set);
        struct nlmsghdr *message;
        size_t n = 0;

        batch->failed |= !list;
        for (; list && *next < elements->n && n < ELEMENTS_PER_MESSAGE; ++*next) {
                if (elements->v[*next].set != set)
                        continue;
                batch->failed |= !add_element(list, &elements->v[*next], type == NFT_MSG_NEWSETELEM);
                n++;
        }
        message = list && n ? nft_batch_message(batch, type, nft_kinds[set].family, flags) : NULL;
        if (message) {
                nftnl_set_elems_nlmsg_build_payload(message, list);
                nft_batch_add(batch, message);
        }
        if (list)
                nftnl_set_free(list);
}

void nft_batch_elements(struct nft_batch *batch, int type, int flags, const struct nft_elements *elements)
{
        batch->failed |= elements->failed;
        for (enum nft_set set = 0; set < NFT_SETS; set++)
                for (size_t next = 0; next < elements->n && !batch->failed;)
                        put_elements(batch, type, flags, elements, set, &next);
}

int nft_change(struct nft *nft, const struct nft_elements *old, const struct nft_elements *new, bool exclusive)
{
        struct nft_batch batch;

        nft_batch_begin(nft, &batch);
        if (old)
                nft_batch_elements(&batch, NFT_MSG_DELSETELEM, 0, old);
        if (new)
                nft_batch_elements(&batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0), new);
        return nft_batch_send(&batch);
}

/* ---- asking ---- */

struct asked {
        char *owner;
        bool found;
};

static int on_comment(const struct nftnl_udata *attribute, void *data)
{
        struct asked *asked = data;

        if (nftnl_udata_type(attribute) == NFTNL_UDATA_SET_ELEM_COMMENT && nftnl_udata_len(attribute) > 0)
                snprintf(asked->owner, NAMES_OWNER_SIZE, "%.*s", nftnl_udata_len(attribute) - 1,
                         (const char *)nftnl_udata_get(attribute));
        return 0;
}

static int on_elem(struct nftnl_set_elem *elem, void *data)
{
        struct asked *asked = data;
        uint32_t size;
        const void *comment = nftnl_set_elem_get(elem, NFTNL_SET_ELEM_USERDATA, &size);

        asked->found = true;
        if (comment)
                nftnl_udata_parse(comment, size, on_comment, asked);
        return 0;
}

static int on_answer(const struct nlmsghdr *message, void *data)
{
        struct nftnl_set *set = nftnl_set_alloc();

        if (set && nftnl_set_elems_nlmsg_parse(message, set) == 0)
                nftnl_set_elem_foreach(set, on_elem, data);
        if (set)
                nftnl_set_free(set);
        return MNL_CB_OK;
}

int nft_owner(struct nft *nft, const struct nft_element *element, char owner[NAMES_OWNER_SIZE])
{
        struct nftnl_set *list = set_named(element->set);
        struct asked asked = {.owner = owner};
        char buffer[4096];
        struct nlmsghdr *message;
        int r = -ENOMEM;

        owner[0] = '\0';
        if (list && add_element(list, element, false)) {
                message = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETSETELEM, nft_kinds[element->set].family, NLM_F_ACK,
                                                ++nft->sequence);
                nftnl_set_elems_nlmsg_build_payload(message, list);
                r = nft_ask(nft, message, on_answer, &asked);
                if (r == 0 && !asked.found)
                        r = -ENOENT;
        }
        if (list)
                nftnl_set_free(list);
        return r;
}

/* The key of a published port may be another container's meanwhile. */
static int keep_own(struct nft *nft, const struct nft_elements *elements, struct nft_elements *own)
{
        for (size_t i = 0; i < elements->n; i++) {
                const struct nft_element *element = &elements->v[i];
                char owner[NAMES_OWNER_SIZE];

                if (nft_kinds[element->set].data_size) {
                        int r = nft_owner(nft, element, owner);

                        if (r < 0 && r != -ENOENT)
                                return r;
                        if (r < 0 || strcmp(owner, element->owner) != 0)
                                continue;
                }
                *nft_elements_add(own, element->set, "") = *element;
        }
        return own->failed ? -ENOMEM : 0;
}

int nft_remove(struct nft *nft, const struct nft_elements *elements)
{
        _cleanup_(nft_elements_free) struct nft_elements own = {0};
        int first = keep_own(nft, elements, &own);

        if (first == 0)
                first = nft_change(nft, &own, NULL, false);
        if (first != -ENOENT)
                return first;
        first = 0;
        for (size_t i = 0; i < own.n; i++) {
                const struct nft_elements one = {.n = 1, .v = &own.v[i]};
                int r = nft_change(nft, &one, NULL, false);

                if (r < 0 && r != -ENOENT && first == 0)
                        first = r;
        }
        return first;
}
