/* While the program runs: its bytes, its signals, its terminal's size, its end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/proxy/child.h"
#include "vmmode/proxy/flow.h"
#include "vmmode/proxy/proxy.h"

/* All output is on its way when the program's end is told. How long the guest may take from one piece to the next. */
#define DRAIN_DEADLINE_MS 10000

/* For what is in the streams of a machine that is lost. */
#define SAVE_DEADLINE_MS 1000

/* Between the end of a machine's connections and its own. */
#define SILENCE_MS 2000

#define WORDS_AT_ONCE 16

#define FLOWS 3

struct running {
        struct proxy *proxy;
        struct flow flows[FLOWS]; /* to the program, from it, its errors; of a terminal the first two */
        int status;               /* -1: it runs */
        bool lost;                /* nothing more comes but what has come already */
        int64_t deadline;         /* for its output, once it has ended */
};

/* The buffers are large for what is usually there: they are touched only when they are used. */
static struct running the_running;

/* A terminal's one stream goes both ways, and each way has its own descriptors. */
static void begin_flows(struct running *running)
{
        int *streams = running->proxy->streams;
        struct flow *flows = running->flows;

        for (int i = 0; i < FLOWS; i++)
                flow_begin(&flows[i], -EBADF, -EBADF, i == 0);
        if (running->proxy->options.terminal) {
                flow_begin(&flows[1], dup(streams[0]), STDOUT_FILENO, false);
                flow_begin(&flows[0], STDIN_FILENO, take_fd(&streams[0]), true);
                return;
        }
        if (streams[0] >= 0)
                flow_begin(&flows[0], STDIN_FILENO, take_fd(&streams[0]), true);
        for (int i = 1; i < FLOWS; i++)
                if (streams[i] >= 0)
                        flow_begin(&flows[i], take_fd(&streams[i]), i, false);
}

static bool output_has_ended(const struct running *running)
{
        return flow_has_ended(&running->flows[1]) && flow_has_ended(&running->flows[2]);
}

/* Milliseconds for poll(). */
static int patience(const struct running *running)
{
        for (int i = 1; i < FLOWS && !running->lost; i++)
                if (flow_waits_for_host(&running->flows[i]))
                        return -1;
        return running->status < 0 ? -1 : until_ms(running->deadline);
}

static void note_end(struct running *running, int status)
{
        running->status = status;
        running->deadline = now_ms() + DRAIN_DEADLINE_MS;
        replace_fd(&running->proxy->session, -EBADF);
}

/* Without a word about the program's end. The machine's own end, which comes after that of its connections, says more
 * than they do. Who is killed with its machine (an exec) ends as it would with its container. */
static int explain_silence(struct proxy *proxy)
{
        const struct pollfd nothing[WATCHES] = {{0}};
        int r;

        if (!proxy->options.is_box)
                return 0;
        replace_fd(&proxy->session, -EBADF);
        r = proxy_watched(proxy, nothing);
        if (r == 0)
                r = proxy_wait(proxy, -EBADF, 0, now_ms() + SILENCE_MS);
        return r == -ETIMEDOUT ? refuse(ECONNRESET, "the guest's agent ended") : r;
}

static int take_exit(struct running *running, const struct message *message)
{
        int64_t status;

        if (!message_number(message, PART_NUMBER, &status) || status < 0 || status > 255)
                return refuse(EBADMSG, "the guest's agent tells an impossible exit status");
        note_end(running, (int)status);
        return 0;
}

/* The connection has ended, without an exit status. */
static int take_silence(struct running *running)
{
        int r = explain_silence(running->proxy);

        if (r == 0)
                note_end(running, 128 + SIGKILL);
        return r;
}

static int take_word(struct running *running, const struct message *message)
{
        switch (message->kind) {
        case MESSAGE_END:
                return take_silence(running);
        case MESSAGE_EXIT:
                return take_exit(running, message);
        case MESSAGE_OOM:
                oom_count(running->proxy);
                return 0;
        case MESSAGE_LOG:
                /* Nobody listens any more. */
                return guest_count_word(running->proxy);
        default:
                return refuse(EBADMSG, "the guest's agent sent an unexpected message %d", (int)message->kind);
        }
}

/* Reads what the agent has said. Not all at once: signals and streams have their turn beside one that never stops. */
static int listen(struct running *running)
{
        struct proxy *proxy = running->proxy;

        for (int words = 0; words < WORDS_AT_ONCE && proxy->session >= 0; words++) {
                struct message message;
                int r = message_read_some(&proxy->reader, proxy->session, WORD_MAX, &message);

                if (r == 0)
                        return 0;
                if (r == -ECONNRESET)
                        return take_silence(running);
                if (r < 0)
                        return fail(-r, "listen to the guest's agent");
                r = take_word(running, &message);
                message_free(&message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void move(struct running *running, const struct pollfd *fds)
{
        for (size_t i = 0; i < FLOWS; i++)
                if (flow_move(&running->flows[i], &fds[2 * i]) && running->status >= 0 && !running->lost)
                        running->deadline = now_ms() + DRAIN_DEADLINE_MS;
}

/* One round. The agent's words come before the machine's end, which may follow at once. */
static int turn(struct running *running)
{
        struct proxy *proxy = running->proxy;
        struct pollfd fds[WATCHES + 2 + 2 * FLOWS];
        int r;

        proxy_watch(proxy, fds);
        fds[WATCHES] = (struct pollfd){.fd = proxy->session, .events = POLLIN};
        fds[WATCHES + 1] = (struct pollfd){.fd = proxy->oom, .events = POLLIN};
        for (int i = 0; i < FLOWS; i++)
                flow_watch(&running->flows[i], &fds[WATCHES + 2 + 2 * i]);
        r = poll(fds, ELEMENTS(fds), patience(running));
        if (r < 0)
                return errno == EINTR ? 0 : fail(errno, "wait");
        if (r == 0)
                return -ETIMEDOUT;
        move(running, &fds[WATCHES + 2]);
        if (fds[WATCHES + 1].revents)
                oom_counted(proxy);
        r = fds[WATCHES].revents ? listen(running) : 0;
        if (r == 0) {
                r = proxy_watched(proxy, fds);
                /* What the agent has said between the poll and the machine's end counts. */
                if (r < 0 && running->status < 0)
                        r = listen(running) < 0 || running->status < 0 ? r : 0;
        }
        return running->status >= 0 ? 0 : r;
}

/* What came before the machine was lost is still the engine's. Keeps the message of what has happened. */
static int save_output(struct running *running, int r)
{
        _cleanup_free_ char *reason = strdup(error_message());

        running->lost = true;
        note_end(running, 255);
        running->deadline = now_ms() + SAVE_DEADLINE_MS;
        while (!output_has_ended(running) && now_ms() < running->deadline && turn(running) == 0)
                continue;
        return refuse(-r, "%s", reason ? reason : strerror(-r));
}

int proxy_run(struct proxy *proxy)
{
        struct running *running = &the_running;
        int r = 0;

        running->proxy = proxy;
        running->status = -1;
        begin_flows(running);
        while (r == 0 && (running->status < 0 || !output_has_ended(running)))
                r = turn(running);
        return running->status >= 0 ? running->status : save_output(running, r);
}
