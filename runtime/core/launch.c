#include "runtime/core/launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "namespaces/idmap.h"
#include "runtime/core/channel.h"
#include "runtime/core/init.h"
#include "runtime/core/scheduling.h"

/* build/berth-init, carried in our own read-only data (Makefile). */
extern const char init_image[], init_image_end[];

#define REAP_DEADLINE_MS 10000

/* What is executed must be an object that nobody can write to while or after it runs: a container that gets hold of
 * /proc/PID/exe holds this copy and not the runtime on disk (CVE-2019-5736). Seals cannot be taken back, not even with
 * CAP_SYS_ADMIN, which a read-only bind mount could. */
static int seal_init(void)
{
        int fd = memfd_sealed(INIT_NAME, init_image, (size_t)(init_image_end - init_image), true);

        return fd < 0 ? fail(-fd, "make the sealed copy of " INIT_NAME) : fd;
}

static int kept_init = -EBADF;

int launch_keep_init(void)
{
        kept_init = seal_init();
        return kept_init < 0 ? kept_init : 0;
}

/* The first process: already in the container's cgroup, and, unless the init clones the process inside itself, already
 * in its new namespaces. In either case the first thing it does is to execute the sealed copy, before anybody of the
 * container can be near: a pid namespace that exists already is only entered by the init's own clone. */
static int start_init(const struct launch *launch, int channel, pid_t *first, int *pidfd)
{
        _cleanup_close_ int own = kept_init < 0 ? seal_init() : -EBADF;
        int image = kept_init < 0 ? own : kept_init;
        const struct birth birth = {
                .flags = launch->staged ? 0 : launch->namespaces,
                .image = image,
                .channel = channel,
                .cgroup = launch->cgroup,
                .keep_fds = launch->keep_fds,
        };

        if (image < 0)
                return image;
        if (launch->affinity) {
                int r = cpu_affinity_apply(launch->affinity);

                if (r < 0)
                        return fail_in(r, "process.execCPUAffinity.initial");
        }
        if (launch->carrier)
                *first = carrier_clone(launch->carrier, &birth, launch->interrupt, launch->step_deadline_ms, pidfd);
        else
                *first = birth_clone(&birth, false, pidfd);
        if (*first > 0)
                return 0;
        if (*first == -EINTR)
                return refuse(EINTR, "interrupted by a signal");
        return fail(-*first, "clone%s%s%s", launch->cgroup >= 0 ? " into the cgroup" : "",
                    launch->carrier ? " in the cgroup" : "",
                    *first == -ENOSPC ? " (a user.max_*_namespaces limit is reached)" : "");
}

static int send_plan(const struct launch *launch, int channel)
{
        const struct {
                uint32_t kind;
                int32_t number;
                char text[4];
        } message = {.kind = CHANNEL_PLAN};
        int fds[1 + PLAN_SLOTS_MAX];
        int r;

        if (launch->n_slots > PLAN_SLOTS_MAX)
                return refuse(E2BIG, "the plan needs %zu descriptors, at most %d can be sent", launch->n_slots,
                              PLAN_SLOTS_MAX);
        fds[0] = memfd_sealed("berth-plan", launch->plan, launch->plan_size, false);
        if (fds[0] < 0)
                return fail(-fds[0], "store the plan");
        if (launch->n_slots)
                memcpy(fds + 1, launch->slots, launch->n_slots * sizeof(int));
        r = send_message(channel, &message, sizeof(message), fds, 1 + launch->n_slots);
        close(fds[0]);
        return r < 0 ? fail(-r, "send the plan to " INIT_NAME) : 0;
}

/* ---- serving ---- */

struct serving {
        const struct launch *launch;
        struct launched *launched;
        pid_t stage; /* the first process, until it has ended */
        int stage_pidfd;
};

static void log_line(const struct channel_message *message)
{
        if (message->number >= LOG_LEVEL_DEBUG)
                log_debug("%s", message->text);
        else
                log_warning("%s", message->text);
}

static int note_pid(struct serving *serving, pid_t pid)
{
        int status;

        serving->launched->pid = pid;
        serving->launched->pidfd = sys_pidfd_open(pid, 0);
        if (serving->launched->pidfd < 0)
                return fail(errno, "open process %d", (int)pid);
        /* It ends right after these words. */
        if (process_reap(serving->stage_pidfd, REAP_DEADLINE_MS, &status) < 0)
                return refuse(ETIMEDOUT, INIT_NAME " did not end after the clone");
        replace_fd(&serving->stage_pidfd, -EBADF);
        if (serving->launch->on_process)
                serving->launch->on_process(serving->launch->data, pid);
        return 0;
}

/* The stream ended without a word: the process was killed. */
static int explain_end(int pidfd)
{
        int status;

        if (pidfd >= 0 && process_reap(pidfd, REAP_DEADLINE_MS, &status) == 0)
                return status > 128
                               ? refuse(ECHILD, INIT_NAME " was killed by signal %d while it built the container%s",
                                        status - 128, status == 128 + SIGKILL ? " (is the memory limit too low?)" : "")
                               : refuse(ECHILD, INIT_NAME " ended with status %d while it built the container", status);
        return refuse(ECHILD, INIT_NAME " ended while it built the container");
}

/* Whoever cannot be spoken to any more has said why, and that is what counts: it waits in the channel. */
static int unless_it_ended(int r)
{
        if (r != -EPIPE && r != -ECONNRESET)
                return r;
        error_clear();
        return 0;
}

static int go_on(const struct serving *serving, int state)
{
        int r = unless_it_ended(channel_send(serving->launched->channel, CHANNEL_CONTINUE, 0, NULL, state));

        return r < 0 ? fail(-r, "answer " INIT_NAME) : 0;
}

static int answer_point(struct serving *serving, enum plan_point point)
{
        const struct launch *launch = serving->launch;
        _cleanup_close_ int state = -EBADF;
        int r = launch->on_point ? launch->on_point(launch->data, point, serving->launched, &state) : 0;

        return r < 0 ? r : go_on(serving, state);
}

static int answer_maps(struct serving *serving)
{
        const struct launch *launch = serving->launch;
        int r = idmap_write(launch->procfs, serving->stage, launch->uid_maps, launch->gid_maps, launch->privileged);

        return r < 0 ? fail_in(r, "id maps of the user namespace") : go_on(serving, -EBADF);
}

/* Handles one message. 1: the init is ready. */
static int serve(struct serving *serving, const struct channel_message *message, int fd)
{
        struct launched *launched = serving->launched;

        switch ((enum channel_kind)message->kind) {
        case CHANNEL_LOG:
                log_line(message);
                return 0;
        case CHANNEL_MAPS:
                return answer_maps(serving);
        case CHANNEL_PID:
                return note_pid(serving, message->number);
        case CHANNEL_CONSOLE:
                replace_fd(&launched->console, fd);
                snprintf(launched->console_name, sizeof(launched->console_name), "%s", message->text);
                return 0;
        case CHANNEL_POINT:
                if (message->number == POINT_READY)
                        return 1;
                return answer_point(serving, (enum plan_point)message->number);
        case CHANNEL_ERROR:
                return refuse(message->number > 0 ? message->number : EIO, "%s", message->text);
        case CHANNEL_END:
                return explain_end(launched->pidfd >= 0 ? launched->pidfd : serving->stage_pidfd);
        default:
                return refuse(EBADMSG, INIT_NAME " sent an unexpected message %u", message->kind);
        }
}

/* Waits for the channel, for a signal that ends the whole command, or for the end of the first process: when that was
 * killed between its clone and its word about it, the channel stays open and nobody would ever speak. */
static int wait_for_word(int channel, int interrupt, int stage, int timeout_ms)
{
        struct pollfd fds[] = {
                {.fd = channel, .events = POLLIN},
                {.fd = interrupt, .events = POLLIN},
                {.fd = stage, .events = POLLIN},
        };
        int64_t deadline = now_ms() + timeout_ms;

        for (;;) {
                int r = poll(fds, ELEMENTS(fds), until_ms(deadline));

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -ETIMEDOUT;
                if (r > 0 && fds[1].revents)
                        return -EINTR;
                /* What it said before it ended is read first. */
                if (r > 0)
                        return fds[0].revents ? 0 : -ECHILD;
        }
}

static int receive(int channel, int interrupt, int stage, struct channel_message *message, int *fd, int timeout_ms)
{
        int r = wait_for_word(channel, interrupt, stage, timeout_ms);

        if (r == 0)
                r = channel_receive(channel, message, fd, 1, -1);
        if (r == -EINTR)
                return refuse(EINTR, "interrupted by a signal");
        if (r == -ECHILD)
                return refuse(ECHILD, INIT_NAME " was killed while it entered the container");
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "no word from " INIT_NAME " for %d seconds", timeout_ms / 1000);
        return r < 0 ? fail(-r, "listen to " INIT_NAME) : 0;
}

/* A point may be reported before the first process has told the pid: they are two. The pid is waited for first. */
static int serve_until_ready(struct serving *serving)
{
        struct channel_message message, held;
        bool holding = false;
        int r;

        for (;;) {
                int fd = -EBADF;

                r = receive(serving->launched->channel, serving->launch->interrupt, serving->stage_pidfd, &message, &fd,
                            serving->launch->step_deadline_ms);
                if (r < 0)
                        return r;
                if (message.kind == CHANNEL_POINT && serving->launched->pidfd < 0) {
                        held = message;
                        holding = true;
                        continue;
                }
                r = serve(serving, &message, fd);
                if (r == 0 && holding && serving->launched->pidfd >= 0) {
                        holding = false;
                        r = serve(serving, &held, -EBADF);
                }
                if (r != 0)
                        return r;
        }
}

int launch_begin(const struct launch *launch, struct launched *launched)
{
        struct serving serving = {.launch = launch, .launched = launched, .stage_pidfd = -EBADF};
        int pair[2], r, status;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(errno, "make the channel to " INIT_NAME);
        launched->channel = pair[0];
        r = start_init(launch, pair[1], &serving.stage, &serving.stage_pidfd);
        launched->born = r == 0;
        close(pair[1]);
        if (r == 0 && !launch->staged) {
                launched->pid = serving.stage;
                launched->pidfd = take_fd(&serving.stage_pidfd);
        }
        if (r == 0)
                r = unless_it_ended(send_plan(launch, launched->channel));
        /* Its work is done. It counts as a process of the container, whose number is about to be limited. */
        if (launch->carrier)
                carrier_end(launch->carrier);
        if (r == 0 && launch->on_started)
                r = unless_it_ended(launch->on_started(launch->data, launched));
        if (r == 0 && launch->on_process && !launch->staged)
                launch->on_process(launch->data, launched->pid);
        if (r == 0)
                r = serve_until_ready(&serving);
        if (serving.stage_pidfd >= 0) {
                (void)sys_pidfd_send_signal(serving.stage_pidfd, SIGKILL);
                (void)process_reap(serving.stage_pidfd, REAP_DEADLINE_MS, &status);
                close(serving.stage_pidfd);
        }
        if (r < 0) {
                launch_abort(launched);
                return r;
        }
        launched->ready = true;
        return 0;
}

/* It has ended since it was ready (a virtual machine may at any time): what it said last is the reason. */
static int explain_lost(struct launched *launched)
{
        struct channel_message message;
        int r;

        while ((r = channel_receive(launched->channel, &message, NULL, 0, 0)) == 0 && message.kind == CHANNEL_LOG)
                log_line(&message);
        if (r == 0 && message.kind == CHANNEL_ERROR)
                return refuse(message.number > 0 ? message.number : EIO, "%s", message.text);
        return refuse(ECONNRESET, INIT_NAME " ended before it was released");
}

int launch_release(struct launched *launched, int state)
{
        int r = channel_send(launched->channel, CHANNEL_CONTINUE, 0, NULL, state);

        if (launched->ready && (r == -EPIPE || r == -ECONNRESET))
                return explain_lost(launched);
        return r < 0 ? fail(-r, "release " INIT_NAME) : 0;
}

int launch_finish(int channel, int deadline_ms, launch_deliver deliver, void *data)
{
        for (;;) {
                struct channel_message message;
                int fd = -EBADF;
                int r = receive(channel, -EBADF, -EBADF, &message, &fd, deadline_ms);

                if (r < 0)
                        return r;
                switch ((enum channel_kind)message.kind) {
                case CHANNEL_LOG:
                        log_line(&message);
                        break;
                case CHANNEL_LISTENER:
                        r = deliver(data, fd);
                        cleanup_close(&fd);
                        if (r < 0)
                                return r;
                        break;
                case CHANNEL_END:
                        return 0;
                case CHANNEL_ERROR:
                        return refuse(message.number > 0 ? message.number : EIO, "%s", message.text);
                default:
                        return refuse(EBADMSG, INIT_NAME " sent an unexpected message %u", message.kind);
                }
        }
}

void launch_abort(struct launched *launched)
{
        int status;

        if (launched->pidfd >= 0) {
                (void)sys_pidfd_send_signal(launched->pidfd, SIGKILL);
                (void)process_reap(launched->pidfd, REAP_DEADLINE_MS, &status);
        }
        launched_close(launched);
}

void launched_close(struct launched *launched)
{
        replace_fd(&launched->pidfd, -EBADF);
        replace_fd(&launched->channel, -EBADF);
        replace_fd(&launched->console, -EBADF);
}
