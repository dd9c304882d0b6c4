/* What the host and the agent in the guest say to each other: messages over a stream (a vsock connection to
 * AGENT_PORT). Both sides cap every length: the guest is hostile to the host, and a stream may be cut anywhere.
 *
 * A message is a header and a row of parts, each a kind, a size and bytes, padded to 8. A part that appears several
 * times is a list. Numbers are native-endian: both sides are the same kind of machine. Host and agent come from one
 * build; the first message of the agent on every connection (MESSAGE_HELLO) carries the version, and so does a launch,
 * which may not wait for that. Another one is refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1

/* vsock port of the agent. */
#define AGENT_PORT 1024

/* Largest message, header included: a plan is at most as large as a configuration, everything else is small. */
#define MESSAGE_MAX       ((size_t)16 * 1024 * 1024)
#define MESSAGE_SMALL_MAX ((size_t)512 * 1024)

/* The first message after HELLO, from the host, says what the connection is for. Where nothing else is said the agent
 * answers DONE or ERROR and closes. */
enum message_kind {
        MESSAGE_END, /* not sent: the other side has closed */

        MESSAGE_HELLO, /* agent: VERSION, TEXT (uname -r) */
        MESSAGE_DONE,  /* agent; parts as the request says */
        MESSAGE_ERROR, /* agent: NUMBER (errno), TEXT (the message chain) */

        /* Builds a process in the guest: the container's first one, or (FLAGS) an exec. Parts: VERSION, ID, FLAGS,
         * PLAN, SLOTS, CGROUP, NAMESPACES, CONTROLLERS, WRITE..., DEVICE_PROGRAM, OWNER, AFFINITY. The agent says LOG,
         * POINT..., STREAMS, EXECUTED, EXIT or ERROR; the host CONTINUE, NETWORK (answered with DONE or ERROR), WINDOW,
         * SIGNAL (NUMBER: to the process that was launched; not answered). The end of the connection kills an exec's
         * process and a container that was not started; of one that runs it kills nothing (its VM goes with it). */
        MESSAGE_LAUNCH,
        MESSAGE_LOG,      /* agent: NUMBER (enum log_level), TEXT */
        MESSAGE_POINT,    /* agent: NUMBER (enum plan_point): waits for CONTINUE. Not POINT_READY when that is there */
        MESSAGE_CONTINUE, /* host: perhaps TEXT: the state for hooks, JSON */
        MESSAGE_STREAMS,  /* agent, before the first POINT: NUMBER, the vsock port on which it waits for the streams
                             (below) */
        MESSAGE_WINDOW,   /* host: ROWS, COLUMNS of the terminal */
        MESSAGE_EXECUTED, /* agent: the program runs */
        MESSAGE_EXIT,     /* agent: NUMBER, exit status or 128 + signal; every byte of output is in the streams */

        /* Interfaces and routes of the container (netdev/network.h): NETWORK. After the devices are there, before the
         * container starts. */
        MESSAGE_NETWORK,
        MESSAGE_SIGNAL,     /* ID, NUMBER (the signal), FLAGS (MESSAGE_TO_ALL). -ESRCH when nobody is left */
        MESSAGE_PROCESSES,  /* ID; answer: PROCESS..., a line each as of `ps -ef`, without the heading: UID PID PPID C
                               STIME TTY TIME CMD */
        MESSAGE_STATISTICS, /* ID; answer: FILE..., the group's files: name, NUL, content */
        MESSAGE_UPDATE,     /* ID, CONTROLLERS, WRITE... */
        MESSAGE_EVENTS,     /* ID; answers, until the container ends: OOM each time, then DONE */
        MESSAGE_OOM, /* agent, of events, and of a container's launch: NUMBER, how many were killed since the last time
                      */
        MESSAGE_POWER_OFF, /* ends the machine: DONE, then it is gone */

        /* Docker's resolver (protocol/resolver.h): DONE when the agent listens in its place; then, as long as the
         * machine lives, questions and their answers, not all of which come, nor in order. */
        MESSAGE_RESOLVE,
        MESSAGE_QUESTION, /* agent: NUMBER (which), FLAGS (MESSAGE_BY_TCP), BYTES */
        MESSAGE_ANSWER,   /* host: NUMBER, BYTES */
        MESSAGE_KINDS,
};

enum part_kind {
        PART_NONE,
        PART_NUMBER,         /* int64_t */
        PART_TEXT,           /* with its NUL */
        PART_VERSION,        /* int64_t */
        PART_ID,             /* text: the container's */
        PART_FLAGS,          /* int64_t, MESSAGE_* bits below */
        PART_PLAN,           /* a plan's block (runtime/core/plan.h) */
        PART_SLOTS,          /* uint8_t of each of the plan's slots: enum slot_source */
        PART_CGROUP,         /* text: below the container's group, "/" or "/inner" (exec, when one was asked for) */
        PART_NAMESPACES,     /* int64_t: struct launch's namespaces; PLAN is staged when FLAGS say so */
        PART_CONTROLLERS,    /* int64_t: bits of enum cgroup_controller that the writes need */
        PART_WRITE,          /* one of cgroups/cgroup.h's writes: struct message_write, below */
        PART_DEVICE_PROGRAM, /* struct bpf_insn[] */
        PART_ROWS,
        PART_COLUMNS,
        PART_NETWORK,  /* netdev/network.h writes and reads it */
        PART_PROCESS,  /* text */
        PART_FILE,     /* name, NUL, content */
        PART_OWNER,    /* int64_t: the user to whom the container's group is delegated; absent: root */
        PART_AFFINITY, /* text: process.execCPUAffinity.initial */
        PART_BYTES,
        PART_KINDS,
};

/* FLAGS */
#define MESSAGE_IS_EXEC  1  /* LAUNCH: into the running container */
#define MESSAGE_TERMINAL 2  /* LAUNCH: the plan makes a terminal; its one stream is STREAM_IN, both ways */
#define MESSAGE_STAGED   4  /* LAUNCH: the plan has a STEP_CLONE */
#define MESSAGE_TO_ALL   8  /* SIGNAL */
#define MESSAGE_BY_TCP   16 /* QUESTION */

/* One write into a file of a group (cgroups/cgroup.h has the same fields). In a part: the numbers, then the texts, each
 * with its NUL. */
struct message_write {
        uint32_t controller; /* enum cgroup_controller, 0 for the core's files */
        uint32_t bits;       /* MESSAGE_WRITE_* */
        const char *file, *value, *field;
};
#define MESSAGE_WRITE_MAY_BE_MISSING 1
#define MESSAGE_WRITE_UNLESS_BEFORE  2

/* Where a slot's descriptor comes from in the guest. */
enum slot_source {
        SLOT_NOTHING,    /* the plan does not use it here */
        SLOT_TREE,       /* a detached copy of the mount at <share>/<number of the slot> */
        SLOT_TREE_ALL,   /* with everything mounted below */
        SLOT_FIRST_INIT, /* the pidfd of the container's first process */
};

/* Where the agent mounts the file system with tag SHARE_TAG. Entry "0", "1"... is the tree of that slot. */
#define SHARE_TAG   "berth"
#define SHARE_MOUNT "/run/berth/share"

/* The streams: after STREAMS the host connects once for each to that port and sends one byte. A stream is plain bytes
 * in one direction (both for a terminal) and its end; back-pressure is the stream's own. Each that the process is to
 * have must be connected before CONTINUE; what is not connected is /dev/null. */
#define STREAM_IN  '0'
#define STREAM_OUT '1'
#define STREAM_ERR '2'

/* ---- making ---- */

struct message_builder {
        char *bytes;
        size_t size, room;
        bool failed; /* memory ran out; message_send says so */
};

void message_begin(struct message_builder *builder, enum message_kind kind);
void message_put(struct message_builder *builder, enum part_kind kind, const void *data, size_t size);
void message_put_text(struct message_builder *builder, enum part_kind kind, const char *text); /* NULL: nothing */
void message_put_number(struct message_builder *builder, enum part_kind kind, int64_t number);
void message_put_write(struct message_builder *builder, const struct message_write *write);
void message_put_file(struct message_builder *builder, const char *name, const void *content, size_t size);
void message_drop(struct message_builder *builder);

/* Sends it whole and frees it, whatever comes. deadline: now_ms() units. A bare negative errno: -ETIMEDOUT, -EPIPE,
 * -ENOMEM, -EMSGSIZE. */
int message_send(int fd, struct message_builder *builder, int64_t deadline);

/* Instead of sending: the whole message as a sealed memfd of that name, to be sent as it is. Frees it. Returns the
 * descriptor, or a bare negative errno. */
int message_file(struct message_builder *builder, const char *name);

/* Begin, put, send in one. text NULL: the number alone. */
int message_send_text(int fd, enum message_kind kind, int64_t number, const char *text, int64_t deadline);

/* ---- reading ---- */

struct message {
        enum message_kind kind;
        char *bytes; /* the parts; the owner's (message_free) */
        size_t size;
};

struct message_part {
        enum part_kind kind;
        const char *data; /* aligned to 8 */
        size_t size;
};

/* Receives one, at most `most` bytes large; the parts are checked to lie inside. 0 with kind MESSAGE_END at the end of
 * the stream between two messages. A bare negative errno: -EBADMSG for what is no message, -EMSGSIZE, -ETIMEDOUT,
 * -ECONNRESET for an end in the middle. */
int message_receive(int fd, size_t most, struct message *message, int64_t deadline);
void message_free(struct message *message);

/* Like receive, but only what has come already: 1 a message is complete, 0 not yet. For loops; state is kept in the
 * reader, which starts zeroed. */
struct message_reader {
        char header[16];
        size_t header_size; /* of it that have come */
        struct message message;
        size_t used;
};
int message_read_some(struct message_reader *reader, int fd, size_t most, struct message *message);
void message_reader_free(struct message_reader *reader);

/* Steps through the parts: fills *part with the one behind it (start: a zeroed one); false at the end. */
bool message_next(const struct message *message, struct message_part *part);

/* The first part of a kind. message_part: false when there is none. message_text: NULL when there is none, or it is
 * not one NUL-terminated string. message_number: false when there is none. */
bool message_part(const struct message *message, enum part_kind kind, struct message_part *part);
const char *message_text(const struct message *message, enum part_kind kind);
bool message_number(const struct message *message, enum part_kind kind, int64_t *number);

/* Reads a WRITE; its texts lie in the part. false: it is none. */
bool message_read_write(const struct message_part *part, struct message_write *write);

/* Reads a FILE; name and content lie in the part. false: it is none. */
bool message_read_file(const struct message_part *part, const char **name, const char **content, size_t *size);
