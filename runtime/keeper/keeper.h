/* berth-keeper: the one small process that stands behind a running container of berthctl. It holds the container's
 * console or output, writes and rotates its log, reaps it, starts it again by its policy, and has the end tidied up.
 * Nothing else needs it: a container whose keeper was killed goes on, and berthctl starts another. A terminal must not
 * go with it: hold.c.
 *
 *      berth-keeper POLICY MOST LOG-SIZE TERMINAL NAME PROGRAM [ARGUMENT...]
 *
 * POLICY is a number of enum keeper_policy, MOST how often on-failure starts again (0: without end), LOG-SIZE in bytes,
 * TERMINAL 0 or 1. PROGRAM and its arguments are berthctl up to its sub-command; the keeper calls
 *      PROGRAM... keeper-launch NAME [RESTARTS]
 *              starts the container as a child of its own, which the keeper inherits; says "pid N" or an error on
 *              descriptor 3. RESTARTS: how often in a row its policy has had it started, with this time
 *      PROGRAM... keeper-oom NAME KILLS
 *              processes of it were killed because its memory was used up
 *      PROGRAM... keeper-ended NAME STATUS SIGNAL KILLS
 *              SIGNAL 0: it ended by itself
 * and has descriptors of its own for what it works on (enum keeper_descriptor). Its working directory is
 * RUN/keepers/NAME, which it holds locked (flock) as long as it lives. It allocates no memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum keeper_policy { KEEPER_NO, KEEPER_ON_FAILURE, KEEPER_ALWAYS };

/* What the keeper is started with. */
enum keeper_descriptor {
        KEEPER_STATUS = 3,    /* gets "ok" or an error when the first start is over, then the end of the stream */
        KEEPER_DIRECTORY = 4, /* the container's, for its log */
        KEEPER_ADOPTED = 5,   /* a pidfd of a container that runs already, or not there */
        KEEPER_LAUNCHER =
                6, /* a socket of a child that starts the container instead of keeper-launch, or not there: its
                    * pid is the first packet, it waits for KEEPER_GO with the output, and reports on it */
};

#define KEEPER_SOCKET          "keeper.sock"
#define KEEPER_CONSOLE_SOCKET  "console.sock"
#define KEEPER_TERMINAL_SOCKET "terminal.sock" /* the holder's (hold.c) */
#define KEEPER_OUTPUT          "output"
#define KEEPER_GROUP           "group" /* a link to the container's cgroup, made by berthctl at each start */
#define KEEPER_LOG             "log"
#define KEEPER_LOG_OLD         "log.1"

/* Packets on its socket (SOCK_SEQPACKET): a letter and what belongs to it. */
#define KEEPER_PACKET_MOST 4097
enum keeper_packet {
        KEEPER_ATTACH = 'a', /* to it: send what the container says */
        KEEPER_DATA = 'd',   /* both ways: bytes */
        KEEPER_WINDOW = 'w', /* to it: rows and columns, two uint16_t */
        KEEPER_GO = 'g',     /* from it to the child that starts the container */
        KEEPER_STOP = 's',   /* to it: do not start it again; answered with the same, when it is not just starting it */
        KEEPER_LATER = 'l',  /* from it: it is, and the answer comes when that is over */
        KEEPER_FULL = 'f',   /* from it: too many are attached */
};

#define KEEPER_CLIENTS 8
#define KEEPER_BUFFER  4096

enum keeper_state { KEEPER_LAUNCHING, KEEPER_RUNNING, KEEPER_ENDING, KEEPER_WAITING, KEEPER_DONE };

struct keeper {
        /* What it was told. */
        enum keeper_policy policy;
        uint32_t most;
        int64_t log_most;
        bool terminal;
        char **program;
        int n_program;
        const char *name;
        char *title; /* its own name on the command line */
        /* What it holds; -1: not there. */
        int signals, listener, console_listener, console, console_peer, hold, output, log, adopted, report, memory;
        int clients[KEEPER_CLIENTS];
        bool attached[KEEPER_CLIENTS]; /* all but one at most: who wants it stopped finds a place */
        bool asked[KEEPER_CLIENTS];    /* to stop, while it was being started */
        /* What goes on. */
        enum keeper_state state;
        pid_t helper, init;     /* 0: none. helper: the program that starts it or tidies up */
        pid_t teller;           /* keeper-oom; 0: none */
        uint64_t kills, untold; /* of memory.events: all that were seen, and those nobody has been told of */
        bool stopping, told;
        uint32_t restarts;
        int64_t started, wake, log_size; /* ms, ms, bytes; started: the program, not the work for it */
        int64_t ran;                     /* ms, until the last end */
        int status, signal;              /* of the last end; signal 0: none */
        char message[1024];              /* what the program that starts it says */
        size_t message_size;
        char typed[KEEPER_BUFFER]; /* what the container's terminal has not taken yet */
        size_t typed_size, typed_at;
};

/* helper.c: the programs. */
void keeper_launch(struct keeper *keeper);
void keeper_let_launch(struct keeper *keeper);  /* by the child behind KEEPER_LAUNCHER */
void keeper_hear_report(struct keeper *keeper); /* what it says may be that the container runs */
void keeper_reap(struct keeper *keeper);
void keeper_ended(struct keeper *keeper, int status, int signal);
void keeper_tell(struct keeper *keeper, const char *text);

/* memory.c: processes that are killed because the container's memory is used up. */
void keeper_watch_memory(struct keeper *keeper);
void keeper_count_kills(struct keeper *keeper);            /* into `untold` */
bool keeper_find_kills(const char *text, uint64_t *kills); /* in the text of memory.events; pure */
void keeper_tell_kills(struct keeper *keeper);

/* A socket at this path of the working directory, listening; -1. */
int keeper_listen(const char *path, int type);

/* hold.c: who holds the terminal beside the keeper. */
void keeper_hold(struct keeper *keeper);
void keeper_regain(struct keeper *keeper); /* of a container that runs already */
void keeper_hear_holder(struct keeper *keeper, int deadline_ms);
void keeper_await_holder(struct keeper *keeper); /* its end, after the container's */
void keeper_take_terminal(struct keeper *keeper, int fd);

/* stream.c: what the container says and is told. */
int keeper_open_log(struct keeper *keeper);
/* The pipe into which the container writes; flags: 0 or O_NONBLOCK. Each of the two has it opened for himself: flags
 * belong to what was opened, and a container that takes the keeper's O_NONBLOCK away and what is in the pipe, too,
 * would have it wait for ever. -1 for an error. */
int keeper_open_output(int flags);
/* Another pipe for another start: of an ordinary user's container the old one is its own, who may have closed it to him
 * (chmod). Without success there is none. */
void keeper_make_output(struct keeper *keeper);
void keeper_take_console(struct keeper *keeper);
void keeper_pump(struct keeper *keeper, int *from);
void keeper_drain(struct keeper *keeper);
void keeper_accept(struct keeper *keeper);
void keeper_serve(struct keeper *keeper, size_t client);
void keeper_answer(struct keeper *keeper);
void keeper_write_typed(struct keeper *keeper);

/* decide.c, pure: whether to start again after an end, and after how many milliseconds (*delay). status as waitid gives
 * it: 128 + signal. A container whose init calls reboot(2) ends by SIGHUP, and by SIGINT when it powers off
 * (pid_namespaces(7)); neither signal can end it otherwise, because an init gets only those that it handles. */
bool keeper_decide(enum keeper_policy policy, uint32_t most, uint32_t restarts, int status, int64_t ran_ms,
                   int64_t *delay, uint32_t *count);
