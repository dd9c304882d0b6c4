/* berth-proxy: the host's side of a process in a virtual machine, and what engines see of it: a host process that owns
 * the descriptors, takes the signals, and ends with the program's status.
 *
 * "box" is the container's first process: process 1 of a new pid namespace, in the container's cgroup and network
 * namespace. It starts the file server and the machine, which end with it, has the agent in the guest build the
 * container, and parks until start as berth-init does. "exec" is one more process in a machine that runs.
 *
 * Towards berth it speaks the protocol of berth-init (runtime/core/channel.h), towards the agent that of
 * vmmode/protocol. What comes from the guest is hostile: it is bounded, checked, and made printable. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmmode/protocol/message.h"
#include "vmmode/proxy/options.h"

#define PROXY_NAME "berth-proxy" /* its comm, once it is not parked */

/* One word of the agent after the launch is small. */
#define WORD_MAX ((size_t)64 * 1024)

#define STREAMS_MOST 3

/* A program of ours beside us. */
struct child {
        const char *name;
        pid_t pid;  /* 0: none, or it has ended */
        int output; /* what it writes, -EBADF at its end */
        bool has_ended;
        int status; /* as waitpid(2) has it */
        size_t used;
        char tail[512]; /* the last of its output */
};

struct proxy {
        struct proxy_options options;
        int channel;   /* to berth; later of `start`; -EBADF when nobody listens */
        bool let_go;   /* the guest has the word to go on already */
        bool executed; /* it has said that the program runs */
        bool held;     /* whoever made us has not let us go yet: his end is ours */
        bool started;  /* the program runs: signals are its, and not ours */
        int signals;   /* signalfd with all that can be caught */
        int ended_by;  /* a signal that ended us before the start */
        struct child vmm, file_server;
        int vmm_control;
        int network;                  /* the helper that reads the container's network, until it has */
        int resolver;                 /* the helper that passes questions to Docker's resolver (resolver.c) */
        int oom;                      /* the helper that counts kills of the guest's (oom.c) */
        bool oom_under_way;           /* it has not answered yet */
        int64_t oom_next;             /* when the next is counted, as now_ms() */
        int share;                    /* the root of what the file server serves */
        int session;                  /* the connection to the agent */
        struct message_reader reader; /* of the session */
        unsigned words;               /* that the agent has said */
        int spares[STREAMS_MOST + 1]; /* connections with the machine for which no port is asked yet */
        size_t n_spares;
        bool has_streams;          /* they were connected */
        int streams[STREAMS_MOST]; /* to the guest's stdin, stdout, stderr; -EBADF: none */
        char *hook_state;          /* JSON for hooks, or NULL */
};

/* ---- waiting (wait.c) ---- */

/* What is looked at in every wait: signals, the children's output, and berth while it holds us. */
#define WATCHES 4

void proxy_watch(const struct proxy *proxy, struct pollfd fds[WATCHES]);

/* Deals with what happened there. A negative errno with the reason when it is the end of everything: the machine or the
 * file server has ended, berth went away (-ECONNRESET), a signal before the start (-EINTR). */
int proxy_watched(struct proxy *proxy, const struct pollfd fds[WATCHES]);

/* Waits for `events` on fd (-EBADF: only for the time to pass) until the deadline (now_ms() units, -1: none). Returns
 * revents; a bare -ETIMEDOUT; else as proxy_watched. */
int proxy_wait(struct proxy *proxy, int fd, short events, int64_t deadline);

/* Receives a packet of berth, who must say CONTINUE; keeps the state for hooks that may come with it. */
int proxy_await_continue(struct proxy *proxy);

/* ---- the parts of a box ---- */

/* Where the share lies in our mount namespace. */
#define SHARE_PLACE "/sys"

/* A file system of our own, and a mount at each entry (share.c). */
int share_make(struct proxy *proxy);
int share_fill(struct proxy *proxy);

/* *connection is a vhost-user connection with who will accept it at *listener: the file server, which is started on the
 * share (file_server.c). */
int file_server_listen(const struct proxy *proxy, int *listener, int *connection);
int file_server_start(struct proxy *proxy, int listener);

/* Starts the machine (machine.c). */
int machine_start(struct proxy *proxy, int file_server);

/* Gives the machine's network device `index` its tap, and vhost-net where there is one for it, before the guest's
 * driver sees it. */
int machine_plug(struct proxy *proxy, unsigned index, const uint8_t mac[6], uint16_t mtu, int tap);

/* Starts the helper that keeps the privileges for the network namespace (network.c). */
int network_open(struct proxy *proxy);

/* The network namespace as it is now: taps into the machine, addresses to the agent. */
int network_connect(struct proxy *proxy);

/* ---- the agent ---- */

/* Connects with a port of the guest, for as long as it takes it to listen, until the deadline. Gives a non-blocking
 * descriptor (guest.c). */
int guest_connect(struct proxy *proxy, uint32_t port, int64_t deadline, int *fd);

/* Connects the session: no word of the agent's has been read after it. */
int guest_reach(struct proxy *proxy);

/* Reads the agent's HELLO. */
int guest_hear(struct proxy *proxy);

/* Makes n connections with the machine in advance, for a box that cannot reach its socket any more; guest_connect takes
 * them. A machine that has nobody who listens at a port ends one, so that none of them can be tried twice: the agent
 * names only ports at which it listens. */
int guest_reserve(struct proxy *proxy, size_t n);

/* No more connections: gives up what is left of those. */
void guest_end_reserve(struct proxy *proxy);

/* The next message of the agent. deadline as proxy_wait. Anything but a whole message is an error. */
int guest_receive(struct proxy *proxy, struct message *message, int64_t deadline);

/* Of each message that was read from the session: -EBADMSG when the agent says more than any launch gives reason to. */
int guest_count_word(struct proxy *proxy);

/* Sends a number, and perhaps a text. */
int guest_say(struct proxy *proxy, enum message_kind kind, int64_t number, const char *text);

/* How many streams connect the program with our stdio: what is /dev/null here is none (session.c). */
size_t session_streams(const struct proxy *proxy);

/* The conversation about a launch: hears HELLO and sends the launch, a small one without waiting for that, and serves
 * the agent until it is ready; then lets it execute the program, and serves until that has happened. */
int session_begin(struct proxy *proxy);
int session_start(struct proxy *proxy);

/* Between the two the agent says nothing but LOG or ERROR, or it goes away: deals with one message. */
int session_overhear(struct proxy *proxy);

/* Asks for something beside a launch and waits for DONE. The builder is sent and freed. */
int session_request(struct proxy *proxy, struct message_builder *request, const char *what);

/* ---- the rest ---- */

/* Makes a terminal, gives berth its master and becomes its session's leader; stdio is it then (terminal.c). */
int terminal_make(struct proxy *proxy);

/* Parks until `start` comes, whose connection becomes the channel (park.c). */
int proxy_park(struct proxy *proxy);

/* Passes bytes, signals and window sizes until the program has ended and all its output is written. Returns its exit
 * status (0 to 255) or a negative errno with a message (run.c). */
int proxy_run(struct proxy *proxy);

/* Docker's resolver (resolver.c): whether it listens in our network namespace, while we have files; starts the helper,
 * which waits; gives it a connection with the agent, after which it serves, when such a resolver listens in our network
 * namespace. */
bool resolver_listens(void);
int resolver_prepare(struct proxy *proxy);
int resolver_connect(struct proxy *proxy);

/* A kill for want of memory in the guest is to be seen in the container's group here (oom.c): starts the helper; tells
 * it of one; takes its answer when proxy->oom is readable; waits for the last, until a deadline. */
int oom_prepare(struct proxy *proxy);
void oom_count(struct proxy *proxy);
void oom_counted(struct proxy *proxy);
void oom_finish(struct proxy *proxy);

/* Gives up the capabilities and the host's files (jail.c), before the first word of the guest is heard. */
int jail_drop_privileges(struct proxy *proxy);

/* The filter of system calls, once the program runs. */
int jail_enter(void);

/* Capabilities alone, and new privileges; the filter of the helper that counts kills. */
int jail_drop_capabilities(void);
int jail_enter_counting(void);
int jail_enter_resolver(void);
