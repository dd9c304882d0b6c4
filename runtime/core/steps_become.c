/* The last step of the host part of a VM container: another program takes the init's place. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/syscalls.h"
#include "runtime/core/init.h"

/* Descriptors that are about to be laid side by side, first out of the way of their places. */
struct moved {
        int channel, program;
        int slots[PLAN_SLOTS_MAX];
};

static int move_up(int fd, int above, int *moved)
{
        *moved = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, above);
        return fd >= 0 && *moved < 0 ? fail(errno, "keep descriptor %d", fd) : 0;
}

static int lay(int fd, int place)
{
        if (fd < 0) {
                (void)close(place);
                return 0;
        }
        return dup2(fd, place) < 0 ? fail(errno, "keep descriptor %d", place) : 0;
}

static int lay_out(struct init *init, plan_slot program, int *image)
{
        int first_free = BECOME_SLOT((int)init->n_slots);
        struct moved moved = {.channel = -EBADF, .program = -EBADF};
        int r = move_up(init->channel, first_free, &moved.channel);

        if (r == 0)
                r = move_up(init_slot(init, program), first_free, &moved.program);
        for (size_t i = 0; i < init->n_slots && r == 0; i++)
                r = move_up((plan_slot)i == program ? -EBADF : init->slots[i], first_free, &moved.slots[i]);
        if (r == 0)
                r = lay(moved.channel, BECOME_CHANNEL);
        if (r < 0)
                return r;
        /* Its failures are still told. */
        init->channel = BECOME_CHANNEL;
        for (size_t i = 0; i < init->n_slots && r == 0; i++)
                r = lay(moved.slots[i], BECOME_SLOT((int)i));
        *image = moved.program;
        if (r == 0 && sys_close_range((unsigned)first_free, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return fail(errno, "close descriptors");
        return r;
}

int step_become(struct init *init, const struct step_become *step)
{
        static char *const no_environment[] = {NULL};
        const char **args = calloc((size_t)step->args.n + 1, sizeof(*args));
        int image = -EBADF;
        int r;

        if (!args)
                return fail(ENOMEM, "prepare the program");
        if (plan_strings(&init->plan, step->args, args) < 1 || init_slot(init, step->program) < 0)
                r = refuse(EINVAL, "plan: the program to become is damaged");
        else
                r = lay_out(init, step->program, &image);
        if (r == 0) {
                (void)sys_execveat(image, "", (char *const *)(uintptr_t)args, no_environment, AT_EMPTY_PATH);
                r = fail(errno, "exec %s", args[0]);
        }
        free(args);
        return r;
}
