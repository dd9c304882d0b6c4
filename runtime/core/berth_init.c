/* The main program of berth-init (runtime/core/init.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "namespaces/procfs.h"
#include "runtime/core/channel.h"
#include "runtime/core/init.h"

#define PLAN_DEADLINE_MS 30000

static struct init the_init = {.channel = -EBADF,
                               .procfs = -EBADF,
                               .sysctls = -EBADF,
                               .root = -EBADF,
                               .dev = -EBADF,
                               .console = -EBADF,
                               .mask = MASK_NONE};

static int carry_out(struct init *init, const struct plan_step *step)
{
        switch ((enum plan_step_kind)step->kind) {
#define X(upper, lower)                                                                                                \
        case STEP_##upper:                                                                                             \
                return step_##lower(init, plan_payload(step));
                PLAN_STEPS(X)
#undef X
        case STEP_NONE:
        case STEP_KINDS:
                break;
        }
        return refuse(EINVAL, "unknown step %u of the plan", step->kind);
}

int init_slot(const struct init *init, plan_slot slot)
{
        return slot >= 0 && (size_t)slot < init->n_slots ? init->slots[slot] : -EBADF;
}

/* Lines go to the parent while it listens; afterwards they have no reader and are dropped. */
static void send_log(enum log_level level, const char *message)
{
        (void)channel_send(the_init.channel, CHANNEL_LOG, (int)level, message, -EBADF);
}

static int keep_state(struct init *init, int fd)
{
        size_t size;
        char *state = NULL;
        int r;

        r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_all(fd, (size_t)16 << 20, &state, &size);
        if (r < 0)
                return fail(-r, "read the state for hooks");
        free(init->state);
        init->state = state;
        return 0;
}

int init_ask(struct init *init, int kind, int number)
{
        struct channel_message answer;
        int fd = -EBADF;
        int r = channel_send(init->channel, (enum channel_kind)kind, number, NULL, -EBADF);

        if (r < 0)
                return fail(-r, "speak to berth");
        /* Without a deadline: the parent has its own, and its end is the end of the stream. */
        r = channel_receive(init->channel, &answer, &fd, 1, -1);
        if (r < 0)
                return fail(-r, "listen to berth");
        if (answer.kind != CHANNEL_CONTINUE)
                return refuse(ECONNRESET, "berth went away");
        if (fd >= 0) {
                r = keep_state(init, fd);
                close(fd);
        }
        return r;
}

static int receive_plan(struct init *init)
{
        struct channel_message message;
        int fds[1 + PLAN_SLOTS_MAX];
        struct stat st;
        void *block;
        int r = channel_receive(init->channel, &message, fds, ELEMENTS(fds), PLAN_DEADLINE_MS);

        if (r < 0)
                return fail(-r, "wait for the plan");
        if (message.kind != CHANNEL_PLAN || fds[0] < 0)
                return refuse(ECONNRESET, "berth went away before it sent the plan");
        if (fstat(fds[0], &st) < 0)
                return fail(errno, "look at the plan");
        block = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fds[0], 0);
        if (block == MAP_FAILED)
                return fail(errno, "map the plan");
        close(fds[0]);
        for (size_t i = 1; i < ELEMENTS(fds) && fds[i] >= 0; i++)
                init->slots[init->n_slots++] = fds[i];
        return plan_open(block, (size_t)st.st_size, &init->plan);
}

static int run(struct init *init)
{
        int r = receive_plan(init);

        if (r < 0)
                return r;
        init->procfs = procfs_open();
        if (init->procfs < 0)
                return init->procfs;
        for (const struct plan_step *step = plan_next(&init->plan, NULL); step; step = plan_next(&init->plan, step)) {
                r = carry_out(init, step);
                if (r < 0)
                        return r;
        }
        return refuse(EINVAL, "process: missing, there is no program to start");
}

int main(int argc, char **argv)
{
        uint64_t channel;
        int r;

        if (argc != 2 || parse_u64(argv[1], 65535, &channel) < 0) {
                fprintf(stderr, INIT_NAME ": part of berth, not to be called by hand\n");
                return 1;
        }
        the_init.channel = (int)channel;
        if (fcntl(the_init.channel, F_SETFD, FD_CLOEXEC) < 0)
                return 1;
        (void)prctl(PR_SET_NAME, INIT_NAME);
        log_set_sink(send_log, LOG_LEVEL_DEBUG);
        umask(0);
        signals_reset();
        r = run(&the_init);
        (void)channel_send(the_init.channel, CHANNEL_ERROR, -r, error_message(), -EBADF);
        return 1;
}
