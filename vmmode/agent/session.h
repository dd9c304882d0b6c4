/* One connection of the host, served by a process of its own: HELLO, one request, its answer. */
#pragma once

#include "vmmode/agent/agent.h"
#include "vmmode/protocol/message.h"

/* How long the host may take to take what is sent, and to say what it wants. */
#define SESSION_SEND_DEADLINE_MS    30000
#define SESSION_REQUEST_DEADLINE_MS 30000

struct session {
        const struct agent *agent;
        int connection;
};

/* Serves the connection to its end. Returns the exit status for the process. */
int session_serve(const struct agent *agent, int connection);

/* Sends; a failure has a message. */
int session_say(const struct session *session, enum message_kind kind, int64_t number, const char *text);

/* What the requests do. `answer` is begun as DONE: they add the parts. */
typedef int (*session_request)(const struct session *session, const struct message *request,
                               struct message_builder *answer);

int request_network(const struct session *session, const struct message *request, struct message_builder *answer);
int request_signal(const struct session *session, const struct message *request, struct message_builder *answer);
int request_processes(const struct session *session, const struct message *request, struct message_builder *answer);
int request_statistics(const struct session *session, const struct message *request, struct message_builder *answer);
int request_update(const struct session *session, const struct message *request, struct message_builder *answer);

/* Says OOM each time, until the container ends. 0: DONE is to be said. */
int request_events(const struct session *session, const struct message *request, struct message_builder *answer);

/* Serves questions of the guest's programs to the host's resolver, to the end of the connection. */
int request_resolve(const struct session *session, const struct message *request, struct message_builder *answer);

/* Serves a launch to the end of its process, or says why there is none. */
void serve_launch(const struct session *session, const struct message *request);
