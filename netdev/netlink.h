/* A route netlink socket with exact errors: libnl builds and checks the messages, the kernel's own errno and its
 * extended message come through. */
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

struct netlink {
        struct nl_sock *socket;
        int error;        /* of the last answer: positive errno, 0 */
        char reason[160]; /* what the kernel said beside it (NETLINK_EXT_ACK, Linux 4.12), "" */
};

/* Opens a socket in the network namespace of `namespace`, a descriptor, or in the caller's for -EBADF. The calling
 * thread is in that namespace for a moment and back when the call returns; nothing else may run in it meanwhile.
 * Messages. The socket is the caller's (netlink_close). */
int netlink_open(int namespace, struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/* A message of `type` with room for attributes; NULL when memory is short. The caller's until netlink_request. */
struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size);

/* Adds an attribute. *message may be NULL; it is freed and becomes NULL when memory is short, and netlink_request says
 * so: a row of these needs no checks between. */
void netlink_put(struct nl_msg **message, int type, const void *data, size_t size);
void netlink_put_u32(struct nl_msg **message, int type, uint32_t value);
void netlink_put_string(struct nl_msg **message, int type, const char *text);

/* Begins an attribute that holds others; NULL with *message. */
struct nlattr *netlink_nest(struct nl_msg **message, int type);
void netlink_nest_end(struct nl_msg *message, struct nlattr *nest);

/* Sends, frees the message and waits for the acknowledgement. Negative errno without a message; netlink->reason. */
int netlink_request(struct netlink *netlink, struct nl_msg *message);

/* Sends, frees the message and gives each answer to `visit` (0, or a negative errno that ends it). Negative errno
 * without a message; -EAGAIN when what is listed changed meanwhile. */
typedef int (*netlink_visitor)(struct nlmsghdr *header, void *data);
int netlink_query(struct netlink *netlink, struct nl_msg *message, netlink_visitor visit, void *data);

/* Starts the error chain with what failed and what the kernel said beside the errno: "set eth0 up (reason): strerror".
 * r: what netlink_request gave. Returns r. */
int netlink_fail(int r, const struct netlink *netlink, const char *format, ...) __attribute__((format(printf, 3, 4)));
