/* The machine: berth-vmm's command line, and what it is asked for while it runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/proxy/child.h"
#include "vmmode/vmm/control.h"

#define CONTROL_DEADLINE_MS 10000

#define WORDS 20

struct words {
        const char *argv[WORDS + 1];
        char text[WORDS][32];
        int keep[WORDS];
        size_t n, n_keep;
};

/* NAME=FD, or nothing when there is no descriptor. */
static void put_fd(struct words *words, const char *name, int fd, const char *more)
{
        if (fd < 0)
                return;
        snprintf(words->text[words->n], sizeof(words->text[0]), "%s=%d%s", name, fd, more);
        words->argv[words->n] = words->text[words->n];
        words->n++;
        words->keep[words->n_keep++] = fd;
}

static void put_number(struct words *words, const char *name, uint64_t number)
{
        snprintf(words->text[words->n], sizeof(words->text[0]), "%s=%llu", name, (unsigned long long)number);
        words->argv[words->n] = words->text[words->n];
        words->n++;
}

static void put_text(struct words *words, const char *text)
{
        words->argv[words->n++] = text;
}

static int execute(struct proxy *proxy, int file_server, int control)
{
        struct proxy_options *options = &proxy->options;
        _cleanup_free_ char *cmdline = NULL, *jail = NULL;
        struct words words = {.n = 0};

        put_text(&words, "berth-vmm");
        put_fd(&words, "kvm", options->kvm, "");
        put_fd(&words, "kernel", options->kernel, "");
        put_fd(&words, "initrd", options->initrd, "");
        put_fd(&words, "console", options->console, "");
        put_fd(&words, "vsock", options->vsock, "");
        put_fd(&words, "fs", file_server, "," SHARE_TAG);
        put_fd(&words, "control", control, "");
        put_number(&words, "memory", options->memory);
        put_number(&words, "cpus", options->cpus);
        if (options->nics)
                put_number(&words, "nics", options->nics);
        if (options->jail && asprintf(&jail, "jail=%s", options->jail) < 0)
                return fail(ENOMEM, "start the machine");
        if (jail)
                put_text(&words, jail);
        if (options->n_vhosts)
                put_text(&words, "vhost=on");
        put_text(&words, "rng=on");
        put_text(&words, "balloon=on");
        if (options->cmdline && asprintf(&cmdline, "cmdline=%s", options->cmdline) < 0)
                return fail(ENOMEM, "start the machine");
        if (cmdline)
                put_text(&words, cmdline);
        return child_start(&proxy->vmm, options->cgroup, options->vmm, words.argv, words.keep, words.n_keep);
}

int machine_start(struct proxy *proxy, int file_server)
{
        struct proxy_options *options = &proxy->options;
        int *const handed_over[] = {&options->vmm,    &options->kvm,     &options->kernel,
                                    &options->initrd, &options->console, &options->vsock};
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return fail(errno, "make the machine's control socket");
        proxy->vmm_control = pair[0];
        r = execute(proxy, file_server, pair[1]);
        close(pair[1]);
        for (size_t i = 0; i < ELEMENTS(handed_over); i++)
                replace_fd(handed_over[i], -EBADF);
        return r;
}

int machine_plug(struct proxy *proxy, unsigned index, const uint8_t mac[6], uint16_t mtu, int tap)
{
        const int fds[] = {tap, index < proxy->options.n_vhosts ? proxy->options.vhosts[index] : -EBADF};
        struct control_net request = {.kind = CONTROL_NET, .index = index, .mtu = mtu};
        int32_t answer;
        ssize_t n;
        int r;

        memcpy(request.mac, mac, sizeof(request.mac));
        r = send_message(proxy->vmm_control, &request, sizeof(request), fds, fds[1] < 0 ? 1 : 2);
        if (r < 0)
                return fail(-r, "ask the machine for network device %u", index);
        r = proxy_wait(proxy, proxy->vmm_control, POLLIN, now_ms() + CONTROL_DEADLINE_MS);
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "the machine does not answer about network device %u", index);
        if (r < 0)
                return r;
        n = receive_message(proxy->vmm_control, &answer, sizeof(answer), NULL, 0, -1);
        if (n != sizeof(answer) || answer == INT32_MIN)
                return refuse(EPROTO, "the machine answers nonsense about network device %u", index);
        return answer < 0 ? fail(-answer, "plug in network device %u of the machine", index) : 0;
}
