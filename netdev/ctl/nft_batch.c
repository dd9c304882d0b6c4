#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "netdev/ctl/nft.h"

/* The kernel answers at once; this only bounds a bug. */
#define ANSWER_SECONDS 10

/* Of what is read at once. */
#define ANSWER_SIZE 32768 /* MNL_SOCKET_DUMP_SIZE */

/* A transaction is one send. */
#define SEND_BUFFER (8 << 20)

void nft_close(struct nft *nft)
{
        if (nft->socket)
                mnl_socket_close(nft->socket);
        nft->socket = NULL;
}

int nft_open(struct nft *nft)
{
        struct timeval limit = {.tv_sec = ANSWER_SECONDS};
        int size = SEND_BUFFER, fd;

        if (nft->socket)
                return 0;
        nft->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        if (!nft->socket)
                return -errno;
        fd = mnl_socket_get_fd(nft->socket);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
            mnl_socket_bind(nft->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
                int r = -errno;

                nft_close(nft);
                return r;
        }
        return 0;
}

/* ---- one transaction ---- */

static bool make_room(struct nft_batch *batch)
{
        size_t room = batch->room ? batch->room : NFT_MESSAGE_MAX;
        char *bigger;

        while (room - batch->used < NFT_MESSAGE_MAX)
                room *= 2;
        if (room == batch->room || batch->failed)
                return !batch->failed;
        bigger = realloc(batch->data, room);
        if (!bigger) {
                batch->failed = true;
                return false;
        }
        batch->data = bigger;
        batch->room = room;
        return true;
}

void nft_batch_begin(struct nft *nft, struct nft_batch *batch)
{
        *batch = (struct nft_batch){.nft = nft, .first = ++nft->sequence};
        if (make_room(batch))
                batch->used = nftnl_batch_begin(batch->data, batch->first)->nlmsg_len;
}

struct nlmsghdr *nft_batch_message(struct nft_batch *batch, int type, int family, int flags)
{
        if (!make_room(batch))
                return NULL;
        return nftnl_nlmsg_build_hdr(batch->data + batch->used, (uint16_t)type, (uint16_t)family,
                                     (uint16_t)(flags | NLM_F_ACK), ++batch->nft->sequence);
}

void nft_batch_add(struct nft_batch *batch, const struct nlmsghdr *message)
{
        batch->used += MNL_ALIGN(message->nlmsg_len);
        batch->messages++;
}

/* The first error counts; those behind it follow from it. */
static int read_answers(struct nft_batch *batch)
{
        char buffer[ANSWER_SIZE];
        unsigned answers = 0;
        int result = 0;

        while (answers < batch->messages) {
                ssize_t size = mnl_socket_recvfrom(batch->nft->socket, buffer, sizeof(buffer));
                int left = (int)size;

                if (size < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                for (struct nlmsghdr *h = (void *)buffer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
                        const struct nlmsgerr *error = mnl_nlmsg_get_payload(h);

                        if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq < batch->first)
                                continue;
                        if (result == 0)
                                result = error->error;
                        /* The transaction as a whole was refused: no other answer follows. */
                        if (h->nlmsg_seq == batch->first || h->nlmsg_seq == batch->nft->sequence)
                                return result;
                        answers++;
                }
        }
        return result;
}

int nft_batch_send(struct nft_batch *batch)
{
        _cleanup_free_ char *data = batch->data;
        int r = nft_open(batch->nft);

        if (batch->failed || !make_room(batch))
                return -ENOMEM;
        data = batch->data;
        if (r < 0 || !batch->messages)
                return r;
        batch->used += nftnl_batch_end(batch->data + batch->used, ++batch->nft->sequence)->nlmsg_len;
        if (mnl_socket_sendto(batch->nft->socket, batch->data, batch->used) < 0)
                r = -errno;
        else
                r = read_answers(batch);
        /* What was left unread would be taken for answers to the next one. */
        if (r < 0)
                nft_close(batch->nft);
        return r;
}

/* ---- one question ---- */

static int ask(const struct nft *nft, const struct nlmsghdr *question, mnl_cb_t on_answer, void *data)
{
        char buffer[ANSWER_SIZE];
        uint32_t port = mnl_socket_get_portid(nft->socket);
        int r = MNL_CB_OK;

        if (mnl_socket_sendto(nft->socket, question, question->nlmsg_len) < 0)
                return -errno;
        while (r > MNL_CB_STOP) {
                ssize_t size = mnl_socket_recvfrom(nft->socket, buffer, sizeof(buffer));

                if (size < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                r = mnl_cb_run(buffer, (size_t)size, question->nlmsg_seq, port, on_answer, data);
        }
        return r < 0 ? -errno : 0;
}

int nft_ask(struct nft *nft, const struct nlmsghdr *question, mnl_cb_t on_answer, void *data)
{
        int r = nft_open(nft);

        if (r < 0)
                return r;
        r = ask(nft, question, on_answer, data);
        /* As in nft_batch_send; that there is no such thing is a whole answer. */
        if (r < 0 && r != -ENOENT)
                nft_close(nft);
        return r;
}
