/* Connections with the guest: the machine's vsock socket on this host, and the agent behind it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/unix_address.h"
#include "vmmode/proxy/proxy.h"

/* While the guest boots nobody listens, and nothing tells when somebody does: a connection that is refused is tried
 * again after this time. */
#define RETRY_MS 5

#define SAY_DEADLINE_MS 30000

/* An agent that speaks more than this about one launch is not ours. */
#define WORDS_MAX 4096

static int no_answer(const struct proxy *proxy)
{
        return refuse(ETIMEDOUT, "the guest's agent did not answer within %llu seconds",
                      (unsigned long long)proxy->options.deadline);
}

static int connect_machine(const struct proxy *proxy)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        /* A magic link leads to the socket itself, whatever lies above it. */
        const struct sockaddr_un address = unix_address_at(proxy->options.agent, "");

        if (fd < 0)
                return fail(errno, "make a socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return errno == EAGAIN ? -EAGAIN : fail(errno, "reach the virtual machine");
        return take_fd(&fd);
}

/* The machine answers "OK\n" once a program of the guest listens, and ends the connection when none does. Read to the
 * byte: what follows is the stream. -EAGAIN: nobody listens. */
static int await_ok(struct proxy *proxy, int fd, int64_t deadline)
{
        char answer[3];
        size_t used = 0;

        while (used < sizeof(answer)) {
                int r = proxy_wait(proxy, fd, POLLIN, deadline);
                ssize_t n;

                if (r < 0)
                        return r;
                n = recv(fd, answer + used, sizeof(answer) - used, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        return -EAGAIN;
                if (n > 0)
                        used += (size_t)n;
        }
        return memcmp(answer, "OK\n", sizeof(answer)) == 0 ? 0
                                                           : refuse(EPROTO, "the machine's socket answers nonsense");
}

/* One that was made in advance, or a new one. */
static int next_connection(struct proxy *proxy)
{
        return proxy->n_spares ? take_fd(&proxy->spares[--proxy->n_spares]) : connect_machine(proxy);
}

static int connect_once(struct proxy *proxy, uint32_t port, int64_t deadline)
{
        _cleanup_close_ int fd = next_connection(proxy);
        char line[32];
        int n = snprintf(line, sizeof(line), "CONNECT %u\n", port), r;

        if (fd < 0)
                return fd;
        if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
                return -EAGAIN;
        r = await_ok(proxy, fd, deadline);
        return r < 0 ? r : take_fd(&fd);
}

int guest_connect(struct proxy *proxy, uint32_t port, int64_t deadline, int *fd)
{
        for (;;) {
                int r = connect_once(proxy, port, deadline);

                if (r >= 0) {
                        *fd = r;
                        return 0;
                }
                if (r == -ETIMEDOUT || (r == -EAGAIN && now_ms() >= deadline))
                        return no_answer(proxy);
                if (r != -EAGAIN)
                        return r;
                r = proxy_wait(proxy, -EBADF, 0, now_ms() + RETRY_MS);
                if (r != -ETIMEDOUT)
                        return r;
        }
}

int guest_count_word(struct proxy *proxy)
{
        return proxy->words++ < WORDS_MAX ? 0 : refuse(EBADMSG, "the guest's agent speaks without end");
}

int guest_receive(struct proxy *proxy, struct message *message, int64_t deadline)
{
        int r;

        while ((r = message_read_some(&proxy->reader, proxy->session, WORD_MAX, message)) == 0) {
                r = proxy_wait(proxy, proxy->session, POLLIN, deadline);
                if (r == -ETIMEDOUT)
                        return no_answer(proxy);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return fail(-r, "listen to the guest's agent");
        if (message->kind == MESSAGE_END)
                return refuse(ECONNRESET, "the guest's agent ended the connection");
        r = guest_count_word(proxy);
        if (r < 0)
                message_free(message);
        return r;
}

int guest_say(struct proxy *proxy, enum message_kind kind, int64_t number, const char *text)
{
        int r = message_send_text(proxy->session, kind, number, text, now_ms() + SAY_DEADLINE_MS);

        return r < 0 ? fail(-r, "speak to the guest's agent") : 0;
}

static int check_hello(const struct message *hello)
{
        int64_t version;

        if (hello->kind != MESSAGE_HELLO || !message_number(hello, PART_VERSION, &version))
                return refuse(EPROTO, "what listens in the guest is not berth's agent");
        if (version != PROTOCOL_VERSION)
                return refuse(EPROTO,
                              "the guest's agent speaks version %lld of the protocol, not %d (is its image of another "
                              "berth?)",
                              (long long)version, PROTOCOL_VERSION);
        return 0;
}

int guest_reach(struct proxy *proxy)
{
        return guest_connect(proxy, AGENT_PORT, now_ms() + (int64_t)proxy->options.deadline * 1000, &proxy->session);
}

int guest_reserve(struct proxy *proxy, size_t n)
{
        while (proxy->n_spares < n) {
                int fd = connect_machine(proxy);

                if (fd < 0)
                        return fd == -EAGAIN ? fail(EAGAIN, "reach the virtual machine") : fd;
                proxy->spares[proxy->n_spares++] = fd;
        }
        return 0;
}

void guest_end_reserve(struct proxy *proxy)
{
        while (proxy->n_spares)
                close(proxy->spares[--proxy->n_spares]);
}

int guest_hear(struct proxy *proxy)
{
        struct message hello;
        int r = guest_receive(proxy, &hello, now_ms() + (int64_t)proxy->options.deadline * 1000);

        if (r < 0)
                return r;
        r = check_hello(&hello);
        message_free(&hello);
        return r;
}
