/* What is said about a launch: its request, the agent's words until the program runs. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/printable.h"
#include "runtime/core/channel.h"
#include "runtime/core/plan.h"
#include "vmmode/proxy/child.h"
#include "vmmode/proxy/proxy.h"

#define SEND_DEADLINE_MS 30000
#define AT_ONCE_MAX      (16 * 1024)
/* A request beside the launch is a matter of system calls in the guest. */
#define REQUEST_DEADLINE_MS 30000
/* For the rest of a message that has begun. */
#define WORD_DEADLINE_MS 10000

/* While the agent works, nobody but berth knows how long that may take (hooks): it has deadlines, and its going away
 * ends us. */
#define AS_LONG_AS_BERTH_WAITS (-1)

/* ---- the launch ---- */

static int send_bytes(struct proxy *proxy, const char *bytes, size_t size, int64_t deadline)
{
        while (size) {
                ssize_t n = send(proxy->session, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
                int r;

                if (n > 0) {
                        bytes += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return fail(errno, "send the launch to the guest's agent");
                r = proxy_wait(proxy, proxy->session, POLLOUT, deadline);
                if (r == -ETIMEDOUT)
                        return refuse(ETIMEDOUT, "the guest's agent does not take the launch");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int send_launch(struct proxy *proxy)
{
        int64_t deadline = now_ms() + SEND_DEADLINE_MS;
        char bytes[4096];

        for (off_t at = 0;;) {
                ssize_t n = pread(proxy->options.launch, bytes, sizeof(bytes), at);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(errno, "read the launch");
                if (n == 0)
                        return at ? 0 : refuse(EINVAL, "the launch is empty");
                r = send_bytes(proxy, bytes, (size_t)n, deadline);
                if (r < 0)
                        return r;
                at += n;
        }
}

/* What is taken from us before anybody reads it: that of an exec usually is. */
static bool is_small(int launch)
{
        struct stat st;

        return fstat(launch, &st) == 0 && st.st_size <= AT_ONCE_MAX;
}

/* ---- streams ---- */

static bool is_null(int fd)
{
        struct stat st;

        return fstat(fd, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

size_t session_streams(const struct proxy *proxy)
{
        size_t n = 0;

        for (int i = 0; i < (proxy->options.terminal ? 1 : STREAMS_MOST); i++)
                n += !is_null(i);
        return n;
}

/* What is /dev/null here is not connected, and is /dev/null there. */
static int connect_streams(struct proxy *proxy, const struct message *message)
{
        static const char names[] = {STREAM_IN, STREAM_OUT, STREAM_ERR};
        int64_t port, deadline = now_ms() + (int64_t)proxy->options.deadline * 1000;

        if (!message_number(message, PART_NUMBER, &port) || port <= 0 || port >= UINT32_MAX || proxy->has_streams)
                return refuse(EBADMSG, "the guest's agent names no port for the streams");
        proxy->has_streams = true;
        for (int i = 0; i < (proxy->options.terminal ? 1 : STREAMS_MOST); i++) {
                int r;

                if (is_null(i))
                        continue;
                r = guest_connect(proxy, (uint32_t)port, deadline, &proxy->streams[i]);
                if (r < 0)
                        return r;
                if (send(proxy->streams[i], &names[i], 1, MSG_NOSIGNAL) != 1)
                        return fail(errno, "connect a stream of the program");
        }
        return 0;
}

/* ---- words ---- */

/* Text of the guest, as it may appear in a terminal: one line. */
static void take_text(const struct message *message, char *text, size_t size)
{
        const char *given = message_text(message, PART_TEXT);

        snprintf(text, size, "%s", given ? given : "");
        text_make_printable(text, "\n", '?');
        for (char *end = text; (end = strchr(end, '\n'));)
                *end = ' ';
}

static int pass_log(struct proxy *proxy, const struct message *message)
{
        char text[CHANNEL_TEXT_MAX];
        int64_t level;

        if (!message_number(message, PART_NUMBER, &level) || level < LOG_LEVEL_ERROR || level > LOG_LEVEL_DEBUG)
                level = LOG_LEVEL_WARNING;
        take_text(message, text, sizeof(text));
        if (proxy->channel >= 0)
                (void)channel_send(proxy->channel, CHANNEL_LOG, (int32_t)level, text, -EBADF);
        return 0;
}

/* The agent's error becomes ours. */
static int take_error(const struct message *message)
{
        char text[ERROR_MESSAGE_MAX];
        int64_t number;

        if (!message_number(message, PART_NUMBER, &number) || number <= 0 || number > 4095)
                number = EIO;
        take_text(message, text, sizeof(text));
        return refuse((int)number, "%s", *text ? text : "the guest's agent gives no reason");
}

/* What may come at any time. 0: it was; 1: it is something else. */
static int take_common(struct proxy *proxy, const struct message *message)
{
        if (message->kind == MESSAGE_LOG)
                return pass_log(proxy, message);
        return message->kind == MESSAGE_ERROR ? take_error(message) : 1;
}

static int unexpected(const struct message *message)
{
        return refuse(EBADMSG, "the guest's agent sent an unexpected message %d", (int)message->kind);
}

/* Where nobody has to act before the program of an exec, berth has said already that it may go on: the guest then finds
 * that word when it is ready, and need not ask for it. Not before the streams, which must be there by then. */
static int go_ahead(struct proxy *proxy)
{
        struct pollfd channel = {.fd = proxy->channel, .events = POLLIN};
        int r;

        if (proxy->options.is_box || proxy->let_go || poll(&channel, 1, 0) <= 0)
                return 0;
        r = proxy_await_continue(proxy);
        if (r == 0)
                r = guest_say(proxy, MESSAGE_CONTINUE, 0, proxy->hook_state);
        proxy->let_go = r == 0;
        return r;
}

/* 1: it is ready. */
static int take_point(struct proxy *proxy, const struct message *message)
{
        int64_t point;

        if (!message_number(message, PART_NUMBER, &point))
                return unexpected(message);
        if (point == POINT_READY)
                return 1;
        return guest_say(proxy, MESSAGE_CONTINUE, 0, proxy->hook_state);
}

static int take_streams(struct proxy *proxy, const struct message *message)
{
        int r = connect_streams(proxy, message);

        return r == 0 ? go_ahead(proxy) : r;
}

/* Serves one word. 1: `until` has come, or the program runs, which says as much. */
static int serve(struct proxy *proxy, enum message_kind until)
{
        struct message message;
        int r = guest_receive(proxy, &message, AS_LONG_AS_BERTH_WAITS);

        if (r < 0)
                return r;
        r = take_common(proxy, &message);
        if (r == 1) {
                if (message.kind == MESSAGE_POINT && until == MESSAGE_POINT)
                        r = take_point(proxy, &message);
                else if (message.kind == MESSAGE_STREAMS && until == MESSAGE_POINT)
                        r = take_streams(proxy, &message);
                else if (message.kind == MESSAGE_EXECUTED && (until == MESSAGE_EXECUTED || proxy->let_go))
                        r = proxy->executed = true;
                else
                        r = unexpected(&message);
        }
        message_free(&message);
        return r;
}

static int serve_until(struct proxy *proxy, enum message_kind until)
{
        int r;

        do
                r = serve(proxy, until);
        while (r == 0);
        return r < 0 ? r : 0;
}

int session_overhear(struct proxy *proxy)
{
        struct message message;
        int r = guest_receive(proxy, &message, now_ms() + WORD_DEADLINE_MS);

        if (r < 0)
                return r;
        r = take_common(proxy, &message);
        if (r == 1)
                r = unexpected(&message);
        message_free(&message);
        return r;
}

int session_begin(struct proxy *proxy)
{
        bool ahead = is_small(proxy->options.launch);
        int r = ahead ? send_launch(proxy) : 0;

        if (r == 0)
                r = guest_hear(proxy);
        if (r == 0 && !ahead)
                r = send_launch(proxy);
        replace_fd(&proxy->options.launch, -EBADF);
        if (r == 0 && session_streams(proxy) == 0)
                r = go_ahead(proxy);
        return r < 0 ? r : serve_until(proxy, MESSAGE_POINT);
}

int session_start(struct proxy *proxy)
{
        int r = proxy->let_go ? 0 : guest_say(proxy, MESSAGE_CONTINUE, 0, proxy->hook_state);

        return r < 0 || proxy->executed ? r : serve_until(proxy, MESSAGE_EXECUTED);
}

int session_request(struct proxy *proxy, struct message_builder *request, const char *what)
{
        int64_t deadline = now_ms() + REQUEST_DEADLINE_MS;
        int r = message_send(proxy->session, request, deadline);

        if (r < 0)
                return fail(-r, "%s", what);
        do {
                struct message message;

                r = guest_receive(proxy, &message, deadline);
                if (r < 0)
                        return fail_in(r, "%s", what);
                r = take_common(proxy, &message);
                if (r == 1)
                        r = message.kind == MESSAGE_DONE ? 1 : unexpected(&message);
                message_free(&message);
        } while (r == 0);
        return r < 0 ? fail_in(r, "%s", what) : 0;
}
