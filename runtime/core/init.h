/* berth-init: the program that enters a container and becomes its process. It carries out the inside part of a plan
 * (plan.h), step by step, with one handler for each kind of step (steps_*.c).
 *
 * It is started from a sealed copy, so that nothing inside can write to the file it runs from (CVE-2019-5736), is not
 * dumpable before it shares a pid namespace with the container (CVE-2016-9962), and speaks with berth over one channel.
 * Its only argument is the channel's descriptor number. */
#pragma once

#include <stdbool.h>

#include "namespaces/masks.h"
#include "oci/spec.h"
#include "runtime/core/plan.h"

#define INIT_NAME "berth-init" /* its comm, by which a parked init is known */

struct init {
        struct plan plan;
        int channel;
        int slots[PLAN_SLOTS_MAX];
        size_t n_slots;
        int procfs;  /* the host's, verified; closed before a container's code can run beside us */
        int sysctls; /* /proc/sys of the first procfs that a mount made, before anybody could mount over it */
        int root;    /* the container's root, once STEP_ROOT is done */
        int dev;     /* the mount at /dev, when it is to become read-only at the end */
        int console; /* the terminal's slave */
        struct mask mask;
        char *state; /* JSON for hooks, from the parent */
        const char **args, **env;
        char *program; /* what will be executed; NULL while not found */
        bool cwd_entered;
        bool fds_closed; /* on execve, but those that the program gets */
        bool setgroups_denied;
        struct oci_capabilities capabilities; /* what STEP_BOUNDING found grantable */
};

#define X(upper, lower) int step_##lower(struct init *init, const struct step_##lower *step);
PLAN_STEPS(X)
#undef X

/* The slot's descriptor, -EBADF when there is none. */
int init_slot(const struct init *init, plan_slot slot);

/* Tells the parent that we are at `kind`/`number` and waits for its CHANNEL_CONTINUE; keeps the state that may come
 * with it. */
int init_ask(struct init *init, int kind, int number);

static inline const char *init_text(const struct init *init, plan_text text)
{
        return plan_string(&init->plan, text);
}
