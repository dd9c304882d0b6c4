/* RESOLVE: listens where programs of the guest expect the resolver (protocol/resolver.h), and asks the host. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/agent/session.h"
#include "vmmode/protocol/question.h"
#include "vmmode/protocol/resolver.h"

/* Who asked, and waits. */
struct asker {
        int64_t id; /* 0: nobody */
        int client; /* a TCP connection, -EBADF: by UDP, from `address` */
        struct sockaddr_in address;
        struct tcp_text text; /* the question as it comes, then the answer as it goes */
        bool asked, answered;
        int64_t deadline;
};

enum { POLL_SESSION, POLL_UDP, POLL_TCP, POLL_ASKERS };

struct resolver {
        const struct session *session;
        struct message_reader reader;
        int udp, tcp;
        int64_t last_id;
        struct asker askers[RESOLVER_QUESTIONS_MAX];
};

static int listen_at(int type)
{
        const struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(RESOLVER_ADDRESS), .sin_port = htons(RESOLVER_PORT)};
        _cleanup_close_ int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int on = 1;

        if (fd < 0)
                return fail(errno, "make a socket for the resolver");
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            (type == SOCK_STREAM && listen(fd, 16) < 0))
                return fail(errno, "listen at 127.0.0.11 for questions to the host's resolver");
        return take_fd(&fd);
}

static void forget(struct asker *asker)
{
        tcp_text_free(&asker->text);
        replace_fd(&asker->client, -EBADF);
        asker->id = 0;
}

/* The longest waiting one has to go when all places are taken. */
static struct asker *new_asker(struct resolver *resolver)
{
        struct asker *chosen = &resolver->askers[0];

        for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX && chosen->id; i++)
                if (!resolver->askers[i].id || resolver->askers[i].id < chosen->id)
                        chosen = &resolver->askers[i];
        if (chosen->id)
                forget(chosen);
        *chosen = (struct asker){
                .id = ++resolver->last_id, .client = -EBADF, .deadline = now_ms() + RESOLVER_PATIENCE_MS};
        return chosen;
}

static int ask(struct resolver *resolver, struct asker *asker, const void *bytes, size_t size)
{
        struct message_builder question;
        int r;

        message_begin(&question, MESSAGE_QUESTION);
        message_put_number(&question, PART_NUMBER, asker->id);
        message_put_number(&question, PART_FLAGS, asker->client >= 0 ? MESSAGE_BY_TCP : 0);
        message_put(&question, PART_BYTES, bytes, size);
        r = message_send(resolver->session->connection, &question, now_ms() + SESSION_SEND_DEADLINE_MS);
        return r < 0 ? fail(-r, "ask the host's resolver") : 0;
}

static int take_datagram(struct resolver *resolver)
{
        static char bytes[RESOLVER_BYTES_MAX];
        struct sockaddr_in address;
        socklen_t length = sizeof(address);
        ssize_t n = recvfrom(resolver->udp, bytes, sizeof(bytes), 0, (struct sockaddr *)&address, &length);
        struct asker *asker;

        if (n <= 0)
                return 0;
        asker = new_asker(resolver);
        asker->address = address;
        return ask(resolver, asker, bytes, (size_t)n);
}

static void take_client(struct resolver *resolver)
{
        int client = accept4(resolver->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (client >= 0)
                new_asker(resolver)->client = client;
}

/* One question a connection: resolvers that would ask more connect again. */
static int serve_client(struct resolver *resolver, struct asker *asker)
{
        int r = asker->answered ? tcp_text_send(&asker->text, asker->client)
                                : tcp_text_receive(&asker->text, asker->client);

        if (r < 0 || (r > 0 && asker->answered))
                forget(asker);
        if (r <= 0 || !asker->id)
                return 0;
        asker->asked = true;
        return ask(resolver, asker, asker->text.bytes + TCP_LENGTH_SIZE, asker->text.used - TCP_LENGTH_SIZE);
}

static void pass_answer(struct resolver *resolver, struct asker *asker, const struct message_part *bytes)
{
        if (asker->client < 0) {
                (void)sendto(resolver->udp, bytes->data, bytes->size, MSG_NOSIGNAL, (struct sockaddr *)&asker->address,
                             sizeof(asker->address));
                forget(asker);
                return;
        }
        asker->answered = true;
        if (tcp_text_set(&asker->text, bytes->data, bytes->size) < 0)
                forget(asker);
}

/* 0, or the end. */
static int hear_host(struct resolver *resolver)
{
        struct message message;
        struct message_part bytes;
        int64_t id;
        int r = message_read_some(&resolver->reader, resolver->session->connection, RESOLVER_MESSAGE_MAX, &message);

        if (r <= 0)
                return r < 0 ? fail(-r, "listen to the host") : 0;
        if (message.kind != MESSAGE_ANSWER || !message_number(&message, PART_NUMBER, &id) || id <= 0 ||
            !message_part(&message, PART_BYTES, &bytes))
                r = refuse(ECONNRESET, "nobody answers questions any more");
        for (size_t i = 0; r > 0 && i < RESOLVER_QUESTIONS_MAX; i++)
                if (resolver->askers[i].id == id)
                        pass_answer(resolver, &resolver->askers[i], &bytes);
        message_free(&message);
        return r < 0 ? r : 0;
}

/* Returns for how long, in milliseconds, nothing has to be given up. */
static int watch(struct resolver *resolver, struct pollfd *fds)
{
        int64_t now = now_ms(), next = -1;

        fds[POLL_SESSION] = (struct pollfd){.fd = resolver->session->connection, .events = POLLIN};
        fds[POLL_UDP] = (struct pollfd){.fd = resolver->udp, .events = POLLIN};
        fds[POLL_TCP] = (struct pollfd){.fd = resolver->tcp, .events = POLLIN};
        for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++) {
                struct asker *asker = &resolver->askers[i];

                if (asker->id && asker->deadline <= now)
                        forget(asker);
                fds[POLL_ASKERS + i] =
                        (struct pollfd){.fd = asker->id && (asker->answered || !asker->asked) ? asker->client : -EBADF,
                                        .events = asker->answered ? POLLOUT : POLLIN};
                if (asker->id && (next < 0 || asker->deadline < next))
                        next = asker->deadline;
        }
        return next < 0 ? -1 : until_ms(next);
}

static int turn(struct resolver *resolver)
{
        struct pollfd fds[POLL_ASKERS + RESOLVER_QUESTIONS_MAX];
        int timeout = watch(resolver, fds), r = 0;

        if (poll(fds, ELEMENTS(fds), timeout) < 0)
                return errno == EINTR ? 0 : fail(errno, "wait for questions");
        for (size_t i = 0; r == 0 && i < RESOLVER_QUESTIONS_MAX; i++)
                if (fds[POLL_ASKERS + i].revents)
                        r = serve_client(resolver, &resolver->askers[i]);
        if (r == 0 && fds[POLL_UDP].revents)
                r = take_datagram(resolver);
        if (fds[POLL_TCP].revents)
                take_client(resolver);
        return r == 0 && fds[POLL_SESSION].revents ? hear_host(resolver) : r;
}

int request_resolve(const struct session *session, const struct message *request, struct message_builder *answer)
{
        static struct resolver resolver;
        int r;

        (void)request;
        (void)answer;
        resolver = (struct resolver){.session = session, .udp = listen_at(SOCK_DGRAM), .tcp = -EBADF};
        r = resolver.udp < 0 ? resolver.udp : 0;
        if (r == 0)
                r = resolver.tcp = listen_at(SOCK_STREAM);
        if (r >= 0)
                r = session_say(session, MESSAGE_DONE, 0, NULL);
        /* As long as the machine lives. */
        while (r == 0)
                r = turn(&resolver);
        return r;
}
