#include "netdev/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The kernel answers at once; this only bounds a bug. */
#define ANSWER_SECONDS 10

void netlink_close(struct netlink *netlink)
{
        if (netlink->socket)
                nl_socket_free(netlink->socket);
        netlink->socket = NULL;
}

static int connect_here(struct netlink *netlink)
{
        struct timeval limit = {.tv_sec = ANSWER_SECONDS};
        int on = 1, fd;

        netlink->socket = nl_socket_alloc();
        if (!netlink->socket)
                return fail(ENOMEM, "open a netlink socket");
        if (nl_connect(netlink->socket, NETLINK_ROUTE) < 0)
                return fail(errno, "open a netlink socket");
        fd = nl_socket_get_fd(netlink->socket);
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
                return fail(errno, "bound the wait on a netlink socket");
        return 0;
}

int netlink_open(int namespace, struct netlink *netlink)
{
        _cleanup_close_ int home = -EBADF;
        int r;

        *netlink = (struct netlink){0};
        if (namespace < 0)
                return connect_here(netlink);
        home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (home < 0)
                return fail(errno, "open the own network namespace");
        if (setns(namespace, CLONE_NEWNET) < 0)
                return fail(errno, "enter the container's network namespace");
        r = connect_here(netlink);
        if (setns(home, CLONE_NEWNET) < 0)
                r = fail(errno, "return to the own network namespace");
        if (r < 0)
                netlink_close(netlink);
        return r;
}

struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size)
{
        struct nl_msg *message = nlmsg_alloc_simple(type, flags);

        /* libnl takes no pointer to const and only reads. */
        if (message && nlmsg_append(message, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

void netlink_put(struct nl_msg **message, int type, const void *data, size_t size)
{
        if (*message && nla_put(*message, type, (int)size, data) < 0) {
                nlmsg_free(*message);
                *message = NULL;
        }
}

void netlink_put_u32(struct nl_msg **message, int type, uint32_t value)
{
        netlink_put(message, type, &value, sizeof(value));
}

void netlink_put_string(struct nl_msg **message, int type, const char *text)
{
        netlink_put(message, type, text, strlen(text) + 1);
}

struct nlattr *netlink_nest(struct nl_msg **message, int type)
{
        struct nlattr *nest = *message ? nla_nest_start(*message, type) : NULL;

        if (*message && !nest) {
                nlmsg_free(*message);
                *message = NULL;
        }
        return nest;
}

void netlink_nest_end(struct nl_msg *message, struct nlattr *nest)
{
        if (message)
                nla_nest_end(message, nest);
}

int netlink_fail(int r, const struct netlink *netlink, const char *format, ...)
{
        char text[512];
        const char *reason = netlink->reason;
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        return fail(-r, "%s%s%s%s", text, *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* ---- answers ---- */

struct answers {
        struct netlink *netlink;
        netlink_visitor visit;
        void *data;
        int result;
        int finished;
};

/* The text behind an error message: struct nlmsgerr, the request (only its header with NLM_F_CAPPED), then attributes.
 */
static void keep_reason(struct netlink *netlink, struct nlmsghdr *header, const struct nlmsgerr *error)
{
        size_t skip = sizeof(*error);
        struct nlattr *text;

        if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
                return;
        if (!(header->nlmsg_flags & NLM_F_CAPPED))
                skip += error->msg.nlmsg_len - sizeof(error->msg);
        text = nlmsg_find_attr(header, (int)skip, NLMSGERR_ATTR_MSG);
        if (text)
                snprintf(netlink->reason, sizeof(netlink->reason), "%.*s", (int)nla_len(text),
                         (const char *)nla_data(text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *data)
{
        struct answers *answers = data;
        /* libnl hands out the payload; the header stands right before it. */
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)((char *)error - NLMSG_HDRLEN);

        (void)from;
        answers->result = error->error;
        answers->finished = 1;
        keep_reason(answers->netlink, header, error);
        return NL_STOP;
}

static int on_acknowledged(struct nl_msg *message, void *data)
{
        struct answers *answers = data;

        (void)message;
        answers->finished = 1;
        return NL_STOP;
}

static int on_valid(struct nl_msg *message, void *data)
{
        struct answers *answers = data;
        struct nlmsghdr *header = nlmsg_hdr(message);

        if (answers->visit && answers->result == 0)
                answers->result = answers->visit(header, answers->data);
        return NL_OK;
}

static int exchange(struct netlink *netlink, struct nl_msg *message, struct answers *answers)
{
        struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
        int r = callbacks ? nl_send_auto(netlink->socket, message) : -NLE_NOMEM;

        netlink->reason[0] = '\0';
        nlmsg_free(message);
        if (r < 0) {
                int err = r == -NLE_NOMEM ? ENOMEM : errno ? errno : EIO;

                nl_cb_put(callbacks);
                return -err;
        }
        nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, answers);
        nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_acknowledged, answers);
        nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_acknowledged, answers);
        nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answers);
        while (!answers->finished) {
                r = nl_recvmsgs(netlink->socket, callbacks);
                /* A listing that changed while it was given comes to its end all the same. */
                if (r == -NLE_DUMP_INTR && answers->finished && answers->result == 0)
                        answers->result = -EAGAIN;
                if (r < 0 && !answers->finished) {
                        answers->result = r == -NLE_AGAIN ? -ETIMEDOUT : r == -NLE_DUMP_INTR ? -EAGAIN : -EIO;
                        break;
                }
        }
        nl_cb_put(callbacks);
        netlink->error = -answers->result;
        return answers->result;
}

int netlink_request(struct netlink *netlink, struct nl_msg *message)
{
        struct answers answers = {.netlink = netlink};

        if (!message)
                return -ENOMEM;
        nlmsg_hdr(message)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
        return exchange(netlink, message, &answers);
}

int netlink_query(struct netlink *netlink, struct nl_msg *message, netlink_visitor visit, void *data)
{
        struct answers answers = {.netlink = netlink, .visit = visit, .data = data};

        if (!message)
                return -ENOMEM;
        /* A dump ends with NLMSG_DONE; a single answer is followed by an acknowledgement when one is asked for. */
        nlmsg_hdr(message)->nlmsg_flags |= NLM_F_REQUEST;
        if (!(nlmsg_hdr(message)->nlmsg_flags & NLM_F_DUMP))
                nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK;
        return exchange(netlink, message, &answers);
}
