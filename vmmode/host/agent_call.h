/* Speaking with the agent of a running VM: a connection through the VMM's socket in the container's state directory,
 * one request, its answer. Every wait has a deadline (base/io.h's now_ms units); a guest that does not answer is
 * -ETIMEDOUT and nothing else happens. */
#pragma once

#include <stdint.h>

#include "vmmode/protocol/message.h"

/* The VMM's socket in a container's state directory. */
#define VSOCK_SOCKET "vsock.sock"

#define AGENT_DEADLINE_MS 10000

/* A listening socket of that name. Returns the descriptor. */
int agent_socket_make(int state_dir);

/* Connects to a port of the guest and, for the agent's, reads its hello. Returns the descriptor. -ECONNREFUSED when no
 * VMM listens, or nobody in the guest. */
int agent_connect(int state_dir, int64_t deadline);

/* What the agent says in an ERROR: its errno, with its message. */
int agent_error(const struct message *answer);

/* Sends the request (freed) and waits for DONE, which becomes *answer (the caller's, message_free). What the agent
 * answers with ERROR is returned as its errno with its message; -ECONNRESET when the machine goes away meanwhile. */
int agent_call(int state_dir, struct message_builder *request, struct message *answer, int64_t deadline);
