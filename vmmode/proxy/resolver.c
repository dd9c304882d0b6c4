/* Docker's resolver of names for a machine (protocol/resolver.h): a helper in the container's network namespace passes
 * the guest's questions to it. It hears the guest without capabilities or files. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/protocol/question.h"
#include "vmmode/protocol/resolver.h"
#include "vmmode/proxy/helper.h"

#define BEGIN_DEADLINE_MS  30000
#define ANSWER_DEADLINE_MS 10000

/* /proc/net/udp has addresses as the kernel has them in memory, in hexadecimal digits. */
#define SOCKETS      "/proc/self/net/udp"
#define SOCKETS_MOST ((size_t)1024 * 1024)

/* ---- is there one? ---- */

/* It listens at its address, at any port, which a rule of the namespace's firewall leads to. */
static bool is_there(int sockets)
{
        _cleanup_free_ char *text = NULL;
        char wanted[16];
        size_t size;

        snprintf(wanted, sizeof(wanted), ": %08X:", (unsigned)htonl(RESOLVER_ADDRESS));
        return read_all(sockets, SOCKETS_MOST, &text, &size) == 0 && strstr(text, wanted);
}

bool resolver_listens(void)
{
        _cleanup_close_ int sockets = open(SOCKETS, O_RDONLY | O_CLOEXEC);

        return sockets >= 0 && is_there(sockets);
}

/* ---- the helper ---- */

struct question {
        int64_t id;
        int fd; /* -EBADF: none */
        bool by_tcp, asked;
        struct tcp_text text;
        int64_t deadline;
};

struct forwarder {
        int guest;
        struct message_reader reader;
        struct question questions[RESOLVER_QUESTIONS_MAX];
};

static void forget(struct question *question)
{
        replace_fd(&question->fd, -EBADF);
        tcp_text_free(&question->text);
}

/* The oldest one has to go when all places are taken. */
static struct question *new_question(struct forwarder *forwarder)
{
        struct question *chosen = &forwarder->questions[0];

        for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX && chosen->fd >= 0; i++)
                if (forwarder->questions[i].fd < 0 || forwarder->questions[i].deadline < chosen->deadline)
                        chosen = &forwarder->questions[i];
        forget(chosen);
        return chosen;
}

static int connect_resolver(bool by_tcp)
{
        const struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(RESOLVER_ADDRESS), .sin_port = htons(RESOLVER_PORT)};
        _cleanup_close_ int fd = socket(AF_INET, (by_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS))
                return -errno;
        return take_fd(&fd);
}

/* What cannot be asked is not answered: whoever asked asks again. */
static void ask(struct forwarder *forwarder, int64_t id, bool by_tcp, const struct message_part *bytes)
{
        struct question *question = new_question(forwarder);

        *question = (struct question){.id = id,
                                      .fd = connect_resolver(by_tcp),
                                      .by_tcp = by_tcp,
                                      .asked = !by_tcp,
                                      .deadline = now_ms() + RESOLVER_PATIENCE_MS};
        if (question->fd < 0)
                return;
        if (by_tcp ? tcp_text_set(&question->text, bytes->data, bytes->size) < 0
                   : send(question->fd, bytes->data, bytes->size, MSG_NOSIGNAL) < 0)
                forget(question);
}

static int answer(const struct forwarder *forwarder, int64_t id, const void *bytes, size_t size)
{
        struct message_builder message;

        message_begin(&message, MESSAGE_ANSWER);
        message_put_number(&message, PART_NUMBER, id);
        message_put(&message, PART_BYTES, bytes, size);
        return message_send(forwarder->guest, &message, now_ms() + ANSWER_DEADLINE_MS);
}

static int serve_datagram(struct forwarder *forwarder, struct question *question)
{
        static char bytes[RESOLVER_BYTES_MAX];
        ssize_t n = recv(question->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        int r = n > 0 ? answer(forwarder, question->id, bytes, (size_t)n) : 0;

        forget(question);
        return r;
}

static int serve_connection(struct forwarder *forwarder, struct question *question)
{
        struct tcp_text *text = &question->text;
        int r = question->asked ? tcp_text_receive(text, question->fd) : tcp_text_send(text, question->fd);

        if (r == 0)
                return 0;
        if (r > 0 && !question->asked) {
                question->asked = true;
                tcp_text_free(text);
                return 0;
        }
        r = r > 0 ? answer(forwarder, question->id, text->bytes + TCP_LENGTH_SIZE, text->used - TCP_LENGTH_SIZE) : 0;
        forget(question);
        return r;
}

/* A guest that says anything else is not listened to any more. */
static int hear_guest(struct forwarder *forwarder)
{
        struct message message;
        struct message_part bytes;
        int64_t id = 0, flags = 0;
        int r = message_read_some(&forwarder->reader, forwarder->guest, RESOLVER_MESSAGE_MAX, &message);

        if (r <= 0)
                return r;
        if (message.kind != MESSAGE_QUESTION || !message_number(&message, PART_NUMBER, &id) ||
            !message_part(&message, PART_BYTES, &bytes) || bytes.size > RESOLVER_BYTES_MAX)
                r = -EBADMSG;
        (void)message_number(&message, PART_FLAGS, &flags);
        if (r > 0)
                ask(forwarder, id, flags & MESSAGE_BY_TCP, &bytes);
        message_free(&message);
        return r < 0 ? r : 0;
}

/* Returns how long to wait at most, in milliseconds. */
static int watch(struct forwarder *forwarder, struct pollfd *fds)
{
        int64_t now = now_ms(), next = -1;

        for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++) {
                struct question *question = &forwarder->questions[i];

                if (question->fd >= 0 && question->deadline <= now)
                        forget(question);
                fds[i] = (struct pollfd){.fd = question->fd, .events = question->asked ? POLLIN : POLLOUT};
                if (question->fd >= 0 && (next < 0 || question->deadline < next))
                        next = question->deadline;
        }
        fds[RESOLVER_QUESTIONS_MAX] = (struct pollfd){.fd = forwarder->guest, .events = POLLIN};
        return next < 0 ? -1 : until_ms(next);
}

static int turn(struct forwarder *forwarder)
{
        struct pollfd fds[RESOLVER_QUESTIONS_MAX + 1];
        int timeout = watch(forwarder, fds), r = 0;

        if (poll(fds, ELEMENTS(fds), timeout) < 0)
                return errno == EINTR ? 0 : -errno;
        for (size_t i = 0; r == 0 && i < RESOLVER_QUESTIONS_MAX; i++)
                if (fds[i].revents)
                        r = forwarder->questions[i].by_tcp ? serve_connection(forwarder, &forwarder->questions[i])
                                                           : serve_datagram(forwarder, &forwarder->questions[i]);
        return r == 0 && fds[RESOLVER_QUESTIONS_MAX].revents ? hear_guest(forwarder) : r;
}

/* HELLO, then DONE. */
static int begin(int guest)
{
        static const enum message_kind expected[] = {MESSAGE_HELLO, MESSAGE_DONE};
        int64_t deadline = now_ms() + BEGIN_DEADLINE_MS;
        struct message_builder request;

        message_begin(&request, MESSAGE_RESOLVE);
        if (message_send(guest, &request, deadline) < 0)
                return refuse(ECONNRESET, "the guest's agent does not listen");
        for (size_t i = 0; i < ELEMENTS(expected); i++) {
                struct message message;
                const char *text;
                int r = message_receive(guest, MESSAGE_SMALL_MAX, &message, deadline);

                if (r < 0)
                        return fail(-r, "listen to the guest's agent");
                text = message.kind == MESSAGE_ERROR ? message_text(&message, PART_TEXT) : NULL;
                if (message.kind != expected[i])
                        r = refuse(EBADMSG, "%s", text ? text : "the guest's agent does not understand");
                message_free(&message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int forward_questions(const struct proxy *proxy)
{
        static struct forwarder forwarder;
        /* Read later, when there are no files any more. */
        int sockets = open(SOCKETS, O_RDONLY | O_CLOEXEC), r = jail_drop_capabilities();
        char word;

        (void)proxy;
        if (r == 0)
                r = jail_enter_resolver();
        if (r < 0 || receive_message(HELPER_SOCKET, &word, sizeof(word), NULL, 0, -1) <= 0 ||
            helper_answer(sockets >= 0 && is_there(sockets), NULL, 0) < 0)
                return EXIT_FAILURE;
        replace_fd(&sockets, -EBADF);
        if (receive_message(HELPER_SOCKET, &word, sizeof(word), &forwarder.guest, 1, -1) <= 0 || forwarder.guest < 0)
                return EXIT_FAILURE;
        for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++)
                forwarder.questions[i].fd = -EBADF;
        r = begin(forwarder.guest);
        if (helper_answer(r, NULL, 0) < 0)
                return EXIT_FAILURE;
        while (r == 0)
                r = turn(&forwarder);
        return EXIT_FAILURE;
}

/* ---- the box ---- */

int resolver_prepare(struct proxy *proxy)
{
        return helper_start(proxy, "berth-resolver", forward_questions, -EBADF, &proxy->resolver);
}

static int serve_guest(struct proxy *proxy, int64_t deadline)
{
        _cleanup_close_ int guest = -EBADF;
        int r = guest_connect(proxy, AGENT_PORT, deadline, &guest);

        if (r < 0)
                return r;
        r = send_message(proxy->resolver, "r", 1, &guest, 1);
        return r < 0 ? fail(-r, "hand the guest over")
                     : helper_hear(proxy, proxy->resolver, "begin", NULL, 0, deadline);
}

int resolver_connect(struct proxy *proxy)
{
        int64_t deadline = now_ms() + BEGIN_DEADLINE_MS;
        int r = send_message(proxy->resolver, "?", 1, NULL, 0);

        if (r < 0)
                return fail(-r, "ask for the resolver at 127.0.0.11");
        r = helper_hear(proxy, proxy->resolver, "look for it", NULL, 0, deadline);
        if (r > 0)
                r = serve_guest(proxy, deadline);
        /* Without a guest, the helper ends with this. */
        replace_fd(&proxy->resolver, -EBADF);
        return r < 0 ? fail_in(r, "the resolver at 127.0.0.11") : 0;
}
