/* What happens when the host starts and stops. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/ctl/ctl.h"

/* One that is to be started or stopped. */
struct turn {
        char name[CTL_NAME_MAX + 1];
        int64_t order;
};

struct turns {
        struct ctl *ctl;
        bool start;
        size_t n;
        struct turn *v;
};

/* A person has stopped it, and the policy says that this counts. */
static bool is_wanted_stopped(const struct ctl_container *container)
{
        const char *policy = container->settings.restart;

        return policy && strcmp(policy, "unless-stopped") == 0 &&
               faccessat(container->fd, CTL_STOPPED_FILE, F_OK, 0) == 0;
}

static bool takes_part(const struct turns *turns, const struct ctl_container *container,
                       const struct ctl_status *status)
{
        if (turns->start)
                return status->state == CTL_STOPPED && container->settings.autostart && !is_wanted_stopped(container);
        return status->state == CTL_RUNNING || status->state == CTL_PAUSED || status->state == CTL_RESTARTING;
}

static int visit(struct ctl_container *container, void *data)
{
        struct turns *turns = data;
        struct ctl_status status;
        struct turn *bigger;
        int r = ctl_status(turns->ctl, container, &status);

        if (r < 0 || !takes_part(turns, container, &status))
                return r;
        bigger = realloc(turns->v, (turns->n + 1) * sizeof(*bigger));
        if (!bigger)
                return fail(ENOMEM, "list the containers");
        turns->v = bigger;
        bigger[turns->n].order = container->settings.start_order.value;
        memcpy(bigger[turns->n++].name, container->name, sizeof(container->name));
        return 0;
}

static int compare(const void *a, const void *b)
{
        const struct turn *first = a, *second = b;

        if (first->order != second->order)
                return first->order < second->order ? -1 : 1;
        return strcmp(first->name, second->name);
}

int ctl_autostart(struct ctl *ctl, bool start, void (*failed)(const char *message))
{
        struct turns turns = {.ctl = ctl, .start = start};
        int result = ctl_each(ctl, visit, &turns);

        if (turns.n)
                qsort(turns.v, turns.n, sizeof(*turns.v), compare);
        for (size_t i = 0; i < turns.n && result >= 0; i++) {
                /* What was started last is stopped first. */
                const char *name = turns.v[start ? i : turns.n - 1 - i].name;
                int r = start ? ctl_start(ctl, name) : ctl_stop(ctl, name, -1, false);

                if (r == 0)
                        continue;
                failed(error_message());
                result = 1;
        }
        free(turns.v);
        return result;
}
