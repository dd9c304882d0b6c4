/* berth-proxy (proxy.h). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/syscalls.h"
#include "runtime/core/channel.h"
#include "runtime/core/init.h"
#include "runtime/core/plan.h"
#include "vmmode/proxy/child.h"
#include "vmmode/proxy/proxy.h"
#include "vmmode/proxy/terminal.h"

#define STATUS_FAILED 1
#define STATUS_LOST   255
#define REASON_MAX    1000

static struct proxy the_proxy = {
        .channel = PROXY_CHANNEL,
        .held = true,
        .signals = -EBADF,
        .vmm = CHILD_NONE("berth-vmm"),
        .file_server = CHILD_NONE("the file server"),
        .vmm_control = -EBADF,
        .network = -EBADF,
        .resolver = -EBADF,
        .oom = -EBADF,
        .share = -EBADF,
        .session = -EBADF,
        .streams = {-EBADF, -EBADF, -EBADF},
};

/* Signals are read, not handled: as process 1 of a namespace we would be deaf to those without a handler. */
static int take_signals(struct proxy *proxy)
{
        sigset_t signals;

        sigfillset(&signals);
        for (size_t i = 0; i < 7; i++) {
                static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

                sigdelset(&signals, faults[i]);
        }
        if (sigprocmask(SIG_SETMASK, &signals, NULL) < 0)
                return fail(errno, "block signals");
        proxy->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return proxy->signals < 0 ? fail(errno, "watch signals") : 0;
}

/* The machine first: it has much to do before its guest asks for a file. */
static int start_machine(struct proxy *proxy)
{
        _cleanup_close_ int listener = -EBADF, file_server = -EBADF;
        int r = share_make(proxy);

        if (r == 0)
                r = file_server_listen(proxy, &listener, &file_server);
        if (r == 0)
                r = machine_start(proxy, file_server);
        if (r == 0)
                r = share_fill(proxy);
        return r == 0 ? file_server_start(proxy, listener) : r;
}

static int report(struct proxy *proxy, enum plan_point point)
{
        int r = channel_send(proxy->channel, CHANNEL_POINT, (int)point, NULL, -EBADF);

        if (r < 0)
                return fail(-r, "speak to berth");
        return proxy->let_go ? 0 : proxy_await_continue(proxy);
}

/* What needs privileges is done before the first word of the guest is heard, or left to a helper: an exec's machine has
 * somebody at home already, and a box's own has a kernel and an image that may be anybody's. */
static int reach_guest(struct proxy *proxy)
{
        bool is_box = proxy->options.is_box;
        int r = is_box ? 0 : jail_drop_privileges(proxy);

        if (r == 0 && proxy->options.nics)
                r = network_open(proxy);
        if (r == 0 && proxy->options.nics)
                r = resolver_prepare(proxy);
        if (r == 0 && proxy->options.counts_kills)
                r = oom_prepare(proxy);
        replace_fd(&proxy->options.cgroup, -EBADF);
        if (r == 0)
                r = guest_reach(proxy);
        if (r == 0 && is_box)
                r = guest_reserve(proxy, session_streams(proxy) + 1);
        return r == 0 && is_box ? jail_drop_privileges(proxy) : r;
}

/* Up to the word to start. */
static int prepare(struct proxy *proxy)
{
        int r = 0;

        if (proxy->options.is_box) {
                r = start_machine(proxy);
                /* The machine boots while berth does what it has to with the namespaces. */
                if (r == 0)
                        r = report(proxy, POINT_NAMESPACES);
        }
        if (r == 0 && proxy->options.terminal)
                r = terminal_make(proxy);
        if (r == 0)
                r = reach_guest(proxy);
        if (r == 0)
                r = session_begin(proxy);
        replace_fd(&proxy->options.agent, -EBADF);
        if (r == 0)
                r = report(proxy, POINT_READY);
        /* From here on the container outlives whoever made it. */
        proxy->held = r < 0;
        return r == 0 && proxy->options.start >= 0 ? proxy_park(proxy) : r;
}

/* Of the program itself a small part is for what follows (resident.ld). The rest comes back out of the file where it is
 * touched again: with some pages around it, but none of another mapping, which MADV_RANDOM makes of it. */
static void keep_resident(void)
{
        extern const char __executable_start[], resident_begin[];
        const size_t rest = (size_t)(resident_begin - __executable_start);

        (void)madvise((void *)(uintptr_t)__executable_start, rest, MADV_RANDOM);
        (void)madvise((void *)(uintptr_t)__executable_start, rest, MADV_DONTNEED);
}

static int start(struct proxy *proxy)
{
        int r = proxy->options.nics ? network_connect(proxy) : 0;

        if (r == 0 && proxy->options.nics)
                r = resolver_connect(proxy);
        guest_end_reserve(proxy);
        /* Berth or an engine has perhaps said how large it is. */
        if (r == 0 && proxy->options.terminal)
                r = terminal_tell_size(proxy);
        if (r == 0)
                r = session_start(proxy);
        if (r < 0)
                return r;
        proxy->started = true;
        (void)prctl(PR_SET_NAME, PROXY_NAME);
        r = jail_enter();
        if (r == 0)
                replace_fd(&proxy->channel, -EBADF);
        return r;
}

static int fail_to_start(const struct proxy *proxy, int r)
{
        if (proxy->ended_by)
                return 128 + proxy->ended_by;
        (void)channel_send(proxy->channel, CHANNEL_ERROR, -r, error_message(), -EBADF);
        return STATUS_FAILED;
}

/* One line; who reads it (state) wants it short. */
static void write_reason(const struct proxy *proxy)
{
        char line[REASON_MAX];
        int n = snprintf(line, sizeof(line), "%.*s\n", REASON_MAX - 2, error_message());

        if (proxy->options.ended >= 0)
                (void)write_all(proxy->options.ended, line, (size_t)n);
}

int main(int argc, char **argv)
{
        struct proxy *proxy = &the_proxy;
        int r = proxy_options_parse(argc, argv, &proxy->options);

        if (r < 0 && fcntl(PROXY_CHANNEL, F_GETFD) < 0) {
                fprintf(stderr, PROXY_NAME ": part of berth, not to be called by hand: %s\n" PROXY_USAGE,
                        error_message());
                return STATUS_FAILED;
        }
        /* What we start gets only what it is given. */
        (void)sys_close_range(PROXY_CHANNEL, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)prctl(PR_SET_NAME, proxy->options.is_box ? INIT_NAME : PROXY_NAME);
        /* Like the program itself we have a session of our own; a first process may be its leader already. */
        (void)setsid();
        if (r == 0)
                r = take_signals(proxy);
        if (r == 0)
                r = prepare(proxy);
        if (r == 0)
                r = start(proxy);
        if (r < 0) {
                if (proxy->started || (proxy->options.is_box && !proxy->held))
                        write_reason(proxy);
                return fail_to_start(proxy, r);
        }
        keep_resident();
        r = proxy_run(proxy);
        oom_finish(proxy);
        if (r >= 0)
                return r;
        write_reason(proxy);
        return STATUS_LOST;
}
