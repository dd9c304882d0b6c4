#include "vmmode/agent/session.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

/* Whom the log lines of this process go to. */
static const struct session *listener;

static void send_log(enum log_level level, const char *message)
{
        (void)message_send_text(listener->connection, MESSAGE_LOG, (int64_t)level, message,
                                now_ms() + SESSION_SEND_DEADLINE_MS);
}

int session_say(const struct session *session, enum message_kind kind, int64_t number, const char *text)
{
        int r = message_send_text(session->connection, kind, number, text, now_ms() + SESSION_SEND_DEADLINE_MS);

        return r < 0 ? fail(-r, "speak to the host") : 0;
}

static int say_hello(const struct session *session)
{
        struct message_builder builder;
        struct utsname names;

        if (uname(&names) < 0)
                return -errno;
        message_begin(&builder, MESSAGE_HELLO);
        message_put_number(&builder, PART_VERSION, PROTOCOL_VERSION);
        message_put_text(&builder, PART_TEXT, names.release);
        return message_send(session->connection, &builder, now_ms() + SESSION_SEND_DEADLINE_MS);
}

static session_request request_for(enum message_kind kind)
{
        switch (kind) {
        case MESSAGE_NETWORK:
                return request_network;
        case MESSAGE_SIGNAL:
                return request_signal;
        case MESSAGE_PROCESSES:
                return request_processes;
        case MESSAGE_STATISTICS:
                return request_statistics;
        case MESSAGE_UPDATE:
                return request_update;
        case MESSAGE_EVENTS:
                return request_events;
        case MESSAGE_RESOLVE:
                return request_resolve;
        default:
                return NULL;
        }
}

static int answer(const struct session *session, const struct message *request)
{
        session_request carry_out = request_for(request->kind);
        struct message_builder done;
        int r;

        if (!carry_out)
                return refuse(EBADMSG, "the agent does not know request %d", (int)request->kind);
        message_begin(&done, MESSAGE_DONE);
        r = carry_out(session, request, &done);
        if (r < 0) {
                message_drop(&done);
                return r;
        }
        r = message_send(session->connection, &done, now_ms() + SESSION_SEND_DEADLINE_MS);
        return r < 0 ? fail(-r, "answer the host") : 0;
}

/* Returns the exit status. */
static int serve(const struct session *session, const struct message *request)
{
        int r;

        switch (request->kind) {
        case MESSAGE_END:
                return 0;
        case MESSAGE_POWER_OFF:
                (void)session_say(session, MESSAGE_DONE, 0, NULL);
                return SESSION_POWER_OFF;
        case MESSAGE_LAUNCH:
                serve_launch(session, request);
                return 0;
        default:
                r = answer(session, request);
                if (r < 0)
                        (void)session_say(session, MESSAGE_ERROR, -r, error_message());
                return 0;
        }
}

int session_serve(const struct agent *agent, int connection)
{
        const struct session session = {agent, connection};
        struct message request;
        int r = say_hello(&session), status;

        if (r < 0)
                return 1;
        r = message_receive(connection, MESSAGE_MAX, &request, now_ms() + SESSION_REQUEST_DEADLINE_MS);
        if (r < 0) {
                (void)session_say(&session, MESSAGE_ERROR, -r, "the agent understands nothing of this");
                return 1;
        }
        listener = &session;
        log_set_sink(send_log, LOG_LEVEL_DEBUG);
        status = serve(&session, &request);
        message_free(&request);
        return status;
}
