/* A launch: from the request to the exit status. The plan is carried out by berth-init as on any host
 * (runtime/core/launch.h); here its questions and its streams go through to the host. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "cgroups/devices.h"
#include "cgroups/events.h"
#include "runtime/core/launch.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/launch_cgroup.h"
#include "vmmode/agent/launch_request.h"
#include "vmmode/agent/network.h"
#include "vmmode/agent/oom_score.h"
#include "vmmode/agent/session.h"
#include "vmmode/agent/slots.h"
#include "vmmode/agent/streams.h"

#define REAP_DEADLINE_MS 10000
#define FAREWELL_MS      5000

struct serving {
        const struct session *session;
        struct launch_request request;
        struct slots slots;
        struct streams streams;
        struct launched launched;
        int cgroup;                /* where the process begins */
        struct cgroup_watch group; /* of a container: what is killed in it for want of memory is told */
        int hangup;                /* readable when the host has closed the connection */
        bool noted;                /* as the container's first process */
        bool made_cgroup;
        struct message_reader reader;
};

/* ---- the host ---- */

/* The connection is at its end; what it says otherwise is for somebody else. */
static int watch_hangup(int connection)
{
        _cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = {.events = EPOLLRDHUP};

        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) < 0)
                return fail(errno, "watch the connection");
        return take_fd(&epoll);
}

/* While the plan is carried out: NETWORK, WINDOW, SIGNAL. */
static int serve_aside(struct serving *serving, const struct message *message)
{
        int64_t number = 0, columns = 0;
        int r;

        switch (message->kind) {
        case MESSAGE_NETWORK:
                r = network_bring_up(serving->session->agent, message);
                return session_say(serving->session, r < 0 ? MESSAGE_ERROR : MESSAGE_DONE, -r,
                                   r < 0 ? error_message() : NULL);
        case MESSAGE_WINDOW:
                if (message_number(message, PART_ROWS, &number) && message_number(message, PART_COLUMNS, &columns))
                        streams_resize(&serving->streams, number, columns);
                return 0;
        case MESSAGE_SIGNAL:
                if (message_number(message, PART_NUMBER, &number) && number > 0 && number < _NSIG)
                        (void)sys_pidfd_send_signal(serving->launched.pidfd, (int)number);
                return 0;
        default:
                return refuse(EBADMSG, "the host said %d in the middle of a launch", (int)message->kind);
        }
}

/* 1 with a message, 0 not yet. */
static int read_host(struct serving *serving, struct message *message)
{
        int r = message_read_some(&serving->reader, serving->session->connection, MESSAGE_MAX, message);

        return r < 0 ? fail(-r, "listen to the host") : r;
}

/* The state for hooks, which may come with CONTINUE. -EBADF: none. */
static int state_of(const struct message *message)
{
        const char *text = message_text(message, PART_TEXT);
        int fd;

        if (!text)
                return -EBADF;
        fd = memfd_sealed("berth-state", text, strlen(text), false);
        return fd < 0 ? fail(-fd, "store the state for hooks") : fd;
}

/* What came before CONTINUE is served, too. 1: CONTINUE, with the state in *state. */
static int serve_word(struct serving *serving, int *state)
{
        struct message message;
        int r = read_host(serving, &message);

        if (r <= 0)
                return r;
        if (message.kind == MESSAGE_END) {
                r = refuse(ECONNRESET, "the host went away");
        } else if (message.kind == MESSAGE_CONTINUE) {
                *state = state_of(&message);
                r = *state < 0 && *state != -EBADF ? *state : 1;
        } else {
                r = serve_aside(serving, &message);
        }
        message_free(&message);
        return r;
}

/* Waits for CONTINUE for as long as the host takes: a created container waits until somebody starts it. 1: the process
 * has ended meanwhile (pidfd -EBADF: nobody asks). */
static int wait_for_continue(struct serving *serving, int pidfd, int *state)
{
        struct pollfd fds[] = {{.fd = serving->session->connection, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

        for (;;) {
                int r = serve_word(serving, state);

                if (r != 0)
                        return r < 0 ? r : 0;
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return fail(errno, "wait for the host");
                if (fds[1].revents)
                        return 1;
        }
}

/* ---- building ---- */

static int on_point(void *data, enum plan_point point, const struct launched *launched, int *state)
{
        struct serving *serving = data;
        int r = session_say(serving->session, MESSAGE_POINT, (int64_t)point, NULL);

        (void)launched;
        return r == 0 ? wait_for_continue(serving, -EBADF, state) : r;
}

static int begin(struct serving *serving)
{
        const struct launch_request *request = &serving->request;
        const struct launch launch = {
                .plan = request->block,
                .plan_size = request->block_size,
                .slots = serving->slots.fds,
                .n_slots = serving->slots.n,
                .procfs = -EBADF, /* for the maps of a user namespace, which no plan of a machine makes */
                .cgroup = serving->cgroup,
                .staged = request->staged,
                .namespaces = request->namespaces,
                .affinity = request->affinity,
                .privileged = true,
                .step_deadline_ms = launch_request_deadline_ms(request),
                .interrupt = serving->hangup,
                .on_point = on_point,
                .data = serving,
        };
        int r;

        oom_score_expose(serving->session->agent);
        r = launch_begin(&launch, &serving->launched);
        oom_score_protect(serving->session->agent);
        return r;
}

/* A container with systemd inside has turned its group into a parent, which may hold no process: then to where its
 * first process is. */
static int begin_in_cgroup(struct serving *serving)
{
        int r = begin(serving);

        if (r != -EBUSY || serving->launched.born || !serving->request.exec)
                return r;
        if (!launch_cgroup_may_differ(&serving->request))
                return launch_cgroup_refuse(&serving->request, EBUSY);
        error_clear();
        replace_fd(&serving->cgroup, launch_cgroup_of_first(serving->session->agent, &serving->request));
        return serving->cgroup < 0 ? serving->cgroup : begin(serving);
}

/* Everything that must hold before the program runs. */
static int settle(struct serving *serving)
{
        const struct launch_request *request = &serving->request;
        int r = launch_cgroup_finish(request, serving->cgroup);

        if (r == 0 && !request->exec) {
                r = container_note(request->id, serving->launched.pid);
                serving->noted = r == 0;
                if (r == 0)
                        r = cgroup_watch_open(serving->cgroup, &serving->group);
        }
        return r;
}

/* Said before the plan is carried out: the host connects meanwhile. */
static int offer_streams(struct serving *serving)
{
        int r = streams_listen(&serving->streams);

        return r == 0 ? session_say(serving->session, MESSAGE_STREAMS, serving->streams.port, NULL) : r;
}

static int build(struct serving *serving)
{
        const struct session *session = serving->session;
        int r = launch_cgroup_begin(session->agent, &serving->request, &serving->made_cgroup);

        if (r < 0)
                return r;
        serving->cgroup = r;
        serving->hangup = watch_hangup(session->connection);
        r = serving->hangup < 0 ? serving->hangup : slots_open(&serving->slots, &serving->request);
        if (r == 0)
                r = streams_prepare(&serving->streams, &session->agent->transport, serving->request.terminal);
        if (r == 0)
                r = offer_streams(serving);
        if (r == 0)
                r = begin_in_cgroup(serving);
        slots_close(&serving->slots);
        if (r == 0)
                r = streams_launched(&serving->streams, take_fd(&serving->launched.console));
        return r == 0 ? settle(serving) : r;
}

static int no_listener(void *data, int listener)
{
        (void)data;
        (void)listener;
        return refuse(EOPNOTSUPP, "a seccomp listener cannot leave the machine");
}

/* 1: the process has ended, perhaps by somebody who came in between. */
static int release(struct serving *serving, int state)
{
        int r = launch_release(&serving->launched, state);

        if (r != -EPIPE && r != -ECONNRESET)
                return r;
        error_clear();
        return 1;
}

/* 1: the process was ended before it was started. */
static int start(struct serving *serving)
{
        _cleanup_close_ int state = -EBADF;
        int r = serve_word(serving, &state);

        /* Where nobody has to act in between, the word to go on is there before anybody is asked for it. */
        if (r == 0)
                r = session_say(serving->session, MESSAGE_POINT, POINT_READY, NULL);
        if (r == 0)
                r = wait_for_continue(serving, serving->launched.pidfd, &state);
        else if (r == 1)
                r = 0;
        if (r == 0)
                r = streams_begin(&serving->streams);
        if (r == 0)
                r = release(serving, state);
        if (r == 0)
                r = launch_finish(serving->launched.channel, launch_request_deadline_ms(&serving->request), no_listener,
                                  NULL);
        return r == 0 ? session_say(serving->session, MESSAGE_EXECUTED, 0, NULL) : r;
}

/* ---- while it runs ---- */

/* false: the host says no more. An exec is nobody's then; a container's machine is about to go. */
static bool serve_host(struct serving *serving)
{
        struct message message;
        int r = read_host(serving, &message);

        if (r == 0)
                return true;
        if (r > 0 && message.kind != MESSAGE_END) {
                r = serve_aside(serving, &message);
                message_free(&message);
                if (r == 0)
                        return true;
        }
        if (serving->request.exec)
                (void)sys_pidfd_send_signal(serving->launched.pidfd, SIGKILL);
        return false;
}

/* The host's group knows nothing of it. */
static int tell_kills(struct serving *serving)
{
        struct cgroup_change change = {0};
        int r = serving->group.fd < 0 ? 0 : cgroup_watch_read(&serving->group, &change);

        if (r == 0 && change.oom_kills)
                r = session_say(serving->session, MESSAGE_OOM, (int64_t)change.oom_kills, NULL);
        return r;
}

static int wait_for_end(struct serving *serving)
{
        struct pollfd fds[3 + 2 * STREAMS] = {
                {.fd = serving->launched.pidfd, .events = POLLIN},
                {.fd = serving->session->connection, .events = POLLIN},
                {.fd = serving->group.fd, .events = POLLIN},
        };

        while (!fds[0].revents) {
                streams_poll(&serving->streams, fds + 3);
                /* As long as the process lives. */
                if (poll(fds, ELEMENTS(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail(errno, "wait for the process");
                }
                if (fds[1].revents && !serve_host(serving))
                        fds[1] = (struct pollfd){.fd = -1};
                /* Who does not hear it is told by the end of the connection. */
                if (fds[2].revents && tell_kills(serving) < 0)
                        fds[2] = (struct pollfd){.fd = -1};
                streams_move(&serving->streams, fds + 3);
        }
        return 0;
}

static int tell_end(struct serving *serving)
{
        int status = 0, r;

        if (serving->noted)
                container_forget(serving->request.id);
        serving->noted = false;
        streams_drain(&serving->streams);
        /* Before the end, which may be one of them. */
        (void)tell_kills(serving);
        r = process_reap(serving->launched.pidfd, REAP_DEADLINE_MS, &status);
        if (r < 0)
                return fail(-r, "reap the process");
        return session_say(serving->session, MESSAGE_EXIT, status, NULL);
}

/* ---- the whole ---- */

static void undo(struct serving *serving, bool failed)
{
        char message[ERROR_MESSAGE_MAX];

        strcpy(message, error_message());
        if (serving->noted)
                container_forget(serving->request.id);
        if (failed)
                launch_abort(&serving->launched);
        launched_close(&serving->launched);
        slots_close(&serving->slots);
        cleanup_close(&serving->cgroup);
        cleanup_close(&serving->hangup);
        cgroup_watch_close(&serving->group);
        message_reader_free(&serving->reader);
        if (serving->made_cgroup)
                launch_cgroup_undo(serving->session->agent, serving->request.id);
        launch_request_free(&serving->request);
        if (failed)
                (void)refuse(EIO, "%s", message);
}

static void tell_failure(struct serving *serving, int r)
{
        if (session_say(serving->session, MESSAGE_ERROR, -r, error_message()) == 0)
                streams_refuse(&serving->streams, serving->session->connection, FAREWELL_MS);
}

void serve_launch(const struct session *session, const struct message *message)
{
        struct serving serving = {
                .session = session,
                .launched = LAUNCHED_NONE,
                .cgroup = -EBADF,
                .hangup = -EBADF,
                .streams = STREAMS_NONE,
                .group = CGROUP_WATCH_NONE,
        };
        int r = launch_request_read(message, &serving.request);

        if (r == 0)
                r = build(&serving);
        if (r == 0)
                r = start(&serving);
        if (r == 0)
                r = wait_for_end(&serving);
        if (r >= 0)
                r = tell_end(&serving);
        undo(&serving, r < 0);
        if (r < 0)
                tell_failure(&serving, r);
        streams_close(&serving.streams);
}
