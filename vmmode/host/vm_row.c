/* The row of the isolation table for containers in a virtual machine. */
#include "vmmode/host/vm_row.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/syscalls.h"
#include "cgroups/cgroup.h"
#include "netdev/tap.h"
#include "runtime/core/init.h"
#include "runtime/core/plan_inside.h"
#include "vmmode/host/agent_call.h"
#include "vmmode/host/box.h"
#include "vmmode/host/machine_file.h"
#include "vmmode/host/writes_message.h"

/* ---- making ---- */

static int divide(const struct isolation_request *request, struct isolation_view *view)
{
        struct vm_machine *machine;
        int r = vm_machine_find(request, &machine);

        if (r < 0)
                return r;
        if (request->notify)
                log_warning(
                        "NOTIFY_SOCKET: sockets of the host do not cross into a virtual machine: the program cannot "
                        "say when it is ready");
        *view = (struct isolation_view){
                .inside = &machine->division.inside,
                .resources = &machine->division.host,
                .all_trees = true,
                .reports = true,
                .no_sockets = true,
                .own = machine,
        };
        return 0;
}

static void release(struct isolation_view *view)
{
        vm_machine_free(view->own);
        view->own = NULL;
}

/* The guest: its own groups, no user namespace, nobody who waits on a socket of this host. */
static void inside_facts(const struct isolation_view *view, struct plan_facts *facts)
{
        struct vm_machine *machine = view->own;

        facts->start_socket = PLAN_NO_SLOT;
        facts->own_cgroup = arena_printf(&machine->division.arena, "/sys/fs/cgroup/%s", facts->id);
        facts->cgroup_tree = NULL;
        facts->in_user_namespace = false;
        facts->parked_dumpable = false;
        facts->needs_report = false;
        facts->host_has_kcore = true;
}

static int create(const struct launch *launch, struct launched *launched)
{
        struct vm_machine *machine = launch->inside->view->own;
        int r = vm_box_create(launch, machine, launched);

        vm_machine_let_go(machine);
        return r;
}

static int start(const struct isolation_target *target, int deadline_ms, launch_deliver deliver, void *data)
{
        return process_isolation.start(target, deadline_ms, deliver, data);
}

/* ---- while it runs ---- */

/* From the end of a program to that of its box, when its output is read. */
#define LAST_OUTPUT_MS 2000

/* From the guest's word that its program was killed to the end of the box. */
#define KILLED_MS 5000

static int check_awake(const struct isolation_target *target)
{
        int r = target->cgroup >= 0 ? cgroup_is_frozen(target->cgroup) : 0;

        return r > 0 ? refuse(EBUSY, "the container is paused: its virtual machine does not answer") : r;
}

static int call(const struct isolation_target *target, struct message_builder *request, struct message *answer)
{
        int r = check_awake(target);

        if (r < 0) {
                message_drop(request);
                return r;
        }
        return agent_call(target->dir, request, answer, now_ms() + AGENT_DEADLINE_MS);
}

static int send_to_guest(const struct isolation_target *target, int signal, bool all)
{
        struct message_builder request;
        struct message answer;
        int r;

        message_begin(&request, MESSAGE_SIGNAL);
        message_put_text(&request, PART_ID, target->id);
        message_put_number(&request, PART_NUMBER, signal);
        message_put_number(&request, PART_FLAGS, all ? MESSAGE_TO_ALL : 0);
        r = call(target, &request, &answer);
        if (r == 0)
                message_free(&answer);
        return r;
}

/* Its program was not started yet: the proxy waits for that under the init's name, and takes signals as a parked init
 * does. The socket alone says nothing: a start that died may have left it there. */
static bool is_parked(const struct isolation_target *target)
{
        char path[32], comm[sizeof(INIT_NAME) + 1];

        if (faccessat(target->dir, START_SOCKET, F_OK, 0) < 0)
                return false;
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)target->pid);
        return read_small_file_at(AT_FDCWD, path, comm, sizeof(comm)) > 0 && strcmp(comm, INIT_NAME) == 0;
}

/* After its program the box writes what is left of the output, and waits for whoever is to read it. */
static bool box_ends(const struct isolation_target *target, int within_ms)
{
        return wait_fd(target->pidfd, POLLIN, within_ms) != -ETIMEDOUT;
}

static int send_signal(const struct isolation_target *target, int signal, bool all)
{
        int r;

        /* Nothing of a container outlives its machine. */
        if (target->pidfd < 0)
                return all ? 0 : refuse(ESRCH, "no such process");
        if (is_parked(target))
                return process_isolation.signal(target, signal, false);
        r = send_to_guest(target, signal, all);
        /* The machine goes with its program, perhaps before the answer has come. */
        if ((r == -ECONNRESET || r == -EPIPE) && box_ends(target, LAST_OUTPUT_MS)) {
                error_clear();
                return 0;
        }
        /* Or before anybody could take the request. */
        if (r == -ECONNREFUSED && signal != SIGKILL && box_ends(target, LAST_OUTPUT_MS)) {
                error_clear();
                return all ? 0 : refuse(ESRCH, "no such process");
        }
        if (signal != SIGKILL || (r == 0 && box_ends(target, KILLED_MS)) ||
            (r == -ESRCH && box_ends(target, LAST_OUTPUT_MS)))
                return r;
        /* A guest that does not answer any more, or says what is not so, is ended from outside, and so is a box that
         * nobody reads. */
        log_debug("kill: %s; the virtual machine is ended", r ? error_message() : "the program has not ended");
        error_clear();
        return process_isolation.signal(target, SIGKILL, true);
}

static int processes(const struct isolation_target *target, pid_t **pids, size_t *n)
{
        return process_isolation.processes(target, pids, n);
}

#define HEADING "UID          PID    PPID  C STIME TTY          TIME CMD\n"

static int process_table(const struct isolation_target *target, char **text)
{
        struct message_part part = {0};
        struct message_builder request;
        struct message answer;
        size_t size = 0;
        int r;

        message_begin(&request, MESSAGE_PROCESSES);
        message_put_text(&request, PART_ID, target->id);
        r = call(target, &request, &answer);
        if (r < 0)
                return r;
        *text = calloc(1, sizeof(HEADING) + answer.size);
        if (*text)
                size = strlen(strcpy(*text, HEADING));
        while (*text && message_next(&answer, &part))
                if (part.kind == PART_PROCESS) {
                        size_t length = strnlen(part.data, part.size);

                        memcpy(*text + size, part.data, length);
                        size += length;
                        (*text)[size++] = '\n';
                }
        if (*text)
                text_make_printable(*text, "\n", '?');
        message_free(&answer);
        return *text ? 0 : fail(ENOMEM, "list processes");
}

/* KVM (before 6.12) leaves a thread of the kernel's own in the group of whoever makes a machine, and so does vhost-net
 * (before 6.4). It never stops, so the group would never count as frozen. It goes to the root of the tree, where root
 * may move it; who may not is told by the freezer. KVM's works for the whole host; vhost-net's is back when the machine
 * goes on: meanwhile it fills what room the guest has left for packets and no more. */
static void move_kernel_threads(const struct isolation_target *target, bool out)
{
        struct cgroup_host host;

        if (target->cgroup < 0)
                return;
        if (cgroup_host_probe(&host) == 0) {
                if (out)
                        cgroup_expel_kernel_threads(&host, target->cgroup);
                else
                        cgroup_recall_kernel_threads(&host, target->cgroup);
                close(host.root_fd);
        }
        error_clear();
}

static int freeze(const struct isolation_target *target, bool frozen, int64_t deadline)
{
        int r;

        if (frozen)
                move_kernel_threads(target, true);
        r = process_isolation.freeze(target, frozen, deadline);
        if (r == 0 && !frozen)
                move_kernel_threads(target, false);
        return r;
}

static int update(const struct isolation_target *target, const struct cgroup_writes *writes)
{
        return process_isolation.update(target, writes);
}

static int divide_update(const struct isolation_target *target, const struct oci_resources *changes,
                         struct oci_resources *host, struct oci_resources *inside)
{
        struct machine_file file;
        int r = machine_file_read(target->dir, &file);

        return r < 0 ? r : vm_divide_update(changes, &file.size, host, inside);
}

static int update_inside(const struct isolation_target *target, const struct cgroup_writes *writes)
{
        struct message_builder request;
        struct message answer;
        int r;

        message_begin(&request, MESSAGE_UPDATE);
        message_put_text(&request, PART_ID, target->id);
        writes_put(&request, writes);
        r = call(target, &request, &answer);
        if (r == 0)
                message_free(&answer);
        return r;
}

/* ---- what it uses ---- */

static int add_text(const struct message_part *part, struct arena *arena, struct cgroup_text *text)
{
        const char *name, *content;
        size_t size;

        if (!message_read_file(part, &name, &content, &size))
                return refuse(EBADMSG, "the virtual machine sent statistics that cannot be read");
        text->file = arena_strdup(arena, name);
        text->text = arena_strndup(arena, content, size);
        return text->file && text->text ? 0 : fail(ENOMEM, "read statistics");
}

static int collect_texts(const struct message *answer, struct arena *arena, struct cgroup_texts *texts)
{
        struct message_part part = {0};
        size_t n = 0;
        int r = 0;

        while (message_next(answer, &part))
                n += part.kind == PART_FILE;
        texts->v = arena_array(arena, n, sizeof(*texts->v));
        if (!texts->v)
                return fail(ENOMEM, "read statistics");
        part = (struct message_part){0};
        while (r == 0 && message_next(answer, &part))
                if (part.kind == PART_FILE)
                        r = add_text(&part, arena, &texts->v[texts->n++]);
        return r;
}

static int statistics(const struct isolation_target *target, struct arena *arena, struct cgroup_statistics *into)
{
        struct cgroup_texts texts = {0};
        struct message_builder request;
        struct message answer;
        int r;

        message_begin(&request, MESSAGE_STATISTICS);
        message_put_text(&request, PART_ID, target->id);
        r = call(target, &request, &answer);
        if (r < 0)
                return r;
        r = collect_texts(&answer, arena, &texts);
        message_free(&answer);
        return r < 0 ? r : cgroup_parse_statistics(&texts, arena, into);
}

static int watch_oom(const struct isolation_target *target)
{
        int64_t deadline = now_ms() + AGENT_DEADLINE_MS;
        _cleanup_close_ int fd = -EBADF;
        struct message_builder request;
        int r = check_awake(target);

        if (r < 0)
                return r;
        fd = agent_connect(target->dir, deadline);
        if (fd < 0)
                return fd;
        message_begin(&request, MESSAGE_EVENTS);
        message_put_text(&request, PART_ID, target->id);
        r = message_send(fd, &request, deadline);
        return r < 0 ? fail(-r, "ask the virtual machine for events") : take_fd(&fd);
}

/* One message a call: the descriptor stays readable while there is another. */
static int read_oom(int watch, uint64_t *kills)
{
        struct message message;
        int64_t number = 0;
        int r = message_receive(watch, MESSAGE_SMALL_MAX, &message, now_ms() + AGENT_DEADLINE_MS);

        if (r < 0)
                return r == -ECONNRESET ? r : fail(-r, "listen to the virtual machine");
        if (message.kind == MESSAGE_END || message.kind == MESSAGE_DONE)
                r = -ECONNRESET;
        else if (message.kind == MESSAGE_ERROR)
                /* Its errno may be the one by which we know that a container has ended. */
                r = agent_error(&message) < 0 ? -EPIPE : 0;
        else if (message.kind != MESSAGE_OOM || !message_number(&message, PART_NUMBER, &number) || number < 0)
                r = refuse(EBADMSG, "the virtual machine sent an event that cannot be read");
        message_free(&message);
        *kills = number < OOM_KILLS_MOST ? (uint64_t)number : OOM_KILLS_MOST;
        return r;
}

/* A network namespace that outlives the container is given back as it was, unless another machine has it already. Who
 * made it may have removed it, and an ordinary user may not enter it: then nobody will miss that. */
static void release_network(const struct isolation_target *target)
{
        _cleanup_close_ int namespace = -EBADF;
        struct machine_file file;

        if (machine_file_read(target->dir, &file) == 0 && file.network[0])
        namespace = open(file.network, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (namespace >= 0 && network_is_held(namespace) == 0 && network_release(namespace) < 0)
                log_debug("give back the network namespace: %s", error_message());
        error_clear();
}

static int destroy(const struct isolation_target *target, int64_t deadline)
{
        int r = process_isolation.destroy(target, deadline);
        struct cgroup_host host;

        if (r < 0)
                return r;
        release_network(target);
        if (target->cgroup < 0)
                return 0;
        if (cgroup_host_probe(&host) == 0) {
                cgroup_remove_refuge(&host);
                close(host.root_fd);
        }
        error_clear();
        return 0;
}

const struct isolation_row vm_isolation = {
        .name = "vm",
        .group_inside = true,
        .own_network = true,
        .divide = divide,
        .release = release,
        .divide_process = vm_divide_process,
        .inside_facts = inside_facts,
        .create = create,
        .start = start,
        .exec = vm_box_exec,
        .signal = send_signal,
        .processes = processes,
        .process_table = process_table,
        .freeze = freeze,
        .update = update,
        .divide_update = divide_update,
        .update_inside = update_inside,
        .statistics = statistics,
        .watch_oom = watch_oom,
        .read_oom = read_oom,
        .destroy = destroy,
};
