/* A kill for want of memory in the guest, told to whoever watches the container's group on this host. The box itself
 * can do nothing any more once the program runs, so a helper does it (cgroups/oom.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/oom.h"
#include "vmmode/proxy/helper.h"

/* A guest can be killing without end, and each time costs the host a process and a group: kills within this time of one
 * that was counted are as good as the same. */
#define APART_MS 10000

/* For the last one, when the program has ended: it is to be seen before the container's end. */
#define LAST_DEADLINE_MS 5000

#define ADJUSTMENT "/proc/self/oom_score_adj"

/* ---- the helper ---- */

/* An engine that must never be killed hands that on, and nobody could be killed for the count. */
static void become_mortal(void)
{
        char text[16];

        if (read_small_file_at(AT_FDCWD, ADJUSTMENT, text, sizeof(text)) > 0 && strcmp(text, "-1000") == 0)
                (void)write_file_at(AT_FDCWD, ADJUSTMENT, "-999");
}

static int count_kills(const struct proxy *proxy)
{
        char word;

        (void)proxy;
        become_mortal();
        if (jail_drop_capabilities() < 0 || jail_enter_counting() < 0)
                return EXIT_FAILURE;
        while (receive_message(HELPER_SOCKET, &word, sizeof(word), NULL, 0, -1) > 0) {
                (void)cgroup_count_oom_kill(HELPER_GIVEN);
                error_clear();
                if (send_message(HELPER_SOCKET, &word, sizeof(word), NULL, 0) < 0)
                        break;
        }
        return EXIT_SUCCESS;
}

/* ---- the box ---- */

int oom_prepare(struct proxy *proxy)
{
        return helper_start(proxy, "berth-oom", count_kills, proxy->options.cgroup, &proxy->oom);
}

void oom_count(struct proxy *proxy)
{
        if (proxy->oom < 0 || proxy->oom_under_way || now_ms() < proxy->oom_next)
                return;
        proxy->oom_under_way = send(proxy->oom, "k", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
        proxy->oom_next = now_ms() + APART_MS;
}

void oom_counted(struct proxy *proxy)
{
        char word;

        if (recv(proxy->oom, &word, 1, MSG_DONTWAIT) <= 0)
                replace_fd(&proxy->oom, -EBADF);
        proxy->oom_under_way = false;
}

void oom_finish(struct proxy *proxy)
{
        if (proxy->oom >= 0 && proxy->oom_under_way)
                (void)wait_fd(proxy->oom, POLLIN, LAST_DEADLINE_MS);
        replace_fd(&proxy->oom, -EBADF);
}
