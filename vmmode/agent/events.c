/* EVENTS: the watch over a container's group, until it ends. */
#include <errno.h>
#include <poll.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/events.h"
#include "vmmode/agent/containers.h"
#include "vmmode/agent/session.h"

static int watch(const struct session *session, struct cgroup_watch *group)
{
        struct pollfd fds[] = {
                {.fd = group->fd, .events = POLLIN},
                {.fd = session->connection, .events = POLLIN | POLLRDHUP},
        };

        for (;;) {
                struct cgroup_change change;
                int r = cgroup_watch_read(group, &change);

                if (r == 0 && change.oom_kills)
                        r = session_say(session, MESSAGE_OOM, (int64_t)change.oom_kills, NULL);
                if (r < 0 || change.ended)
                        return r;
                /* For as long as the container lives and somebody listens. */
                if (poll(fds, ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return fail(errno, "watch the container's cgroup");
                if (fds[1].revents)
                        return refuse(ECONNRESET, "nobody listens to the events any more");
        }
}

int request_events(const struct session *session, const struct message *request, struct message_builder *answer)
{
        _cleanup_close_ int cgroup = container_open_cgroup(&session->agent->cgroups, message_text(request, PART_ID));
        struct cgroup_watch group;
        int r;

        (void)answer;
        if (cgroup < 0)
                return cgroup;
        r = cgroup_watch_open(cgroup, &group);
        if (r < 0)
                return r;
        r = watch(session, &group);
        cgroup_watch_close(&group);
        return r;
}
