#include "vmmode/host/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/core/plan_inside.h"
#include "vmmode/host/agent_call.h"
#include "vmmode/host/group.h"
#include "vmmode/host/launch_message.h"
#include "vmmode/host/machine_file.h"

#define PROXY_NAME "berth-proxy"
#define ENDED      "ended" /* runtime/life/state_json.h */

/* A kernel boots, on the slowest machine. */
#define BOOT_DEADLINE_MS 120000

/* Nothing is probed that this machine has not got, and nothing is printed that nobody reads. Resets go by ACPI: a
 * kernel on reduced hardware would try EFI's, which there is not, and a panicked guest would hang. On AMD's processors
 * Linux looks through 256 PCI buses for old bridges before it knows the real one, by 33,000 port accesses. */
#define KERNEL_PARAMETERS                                                                                              \
        "panic=-1 reboot=a tsc=reliable no_timer_check cryptomgr.notests pci=noearly rcupdate.rcu_expedited=1 "        \
        "net.ifnames=0 random.trust_cpu=on swiotlb=noforce rdinit=/init"
#define QUIET   "quiet loglevel=0 8250.nr_uarts=0 "
#define CONSOLE "console=ttyS0,115200 loglevel=6 " /* each byte leaves the machine: notices and worse */

/* The descriptors and words with which the proxy is started. Descriptors are borrowed; those in `owned` are closed. */
struct box {
        struct arena arena;
        int slots[PLAN_SLOTS_MAX];
        size_t n_slots;
        int owned[8];
        size_t n_owned;
        const char *args[PLAN_SLOTS_MAX + 32];
        size_t n_args;
        bool failed; /* memory, or too many descriptors */
};

static void box_free(struct box *box)
{
        while (box->n_owned)
                close(box->owned[--box->n_owned]);
        arena_free(&box->arena);
}

static int own(struct box *box, int fd)
{
        if (fd >= 0)
                box->owned[box->n_owned++] = fd;
        return fd;
}

static plan_slot add_slot(struct box *box, int fd)
{
        if (box->n_slots == PLAN_SLOTS_MAX) {
                box->failed = true;
                return PLAN_NO_SLOT;
        }
        box->slots[box->n_slots] = fd;
        return (plan_slot)box->n_slots++;
}

static void __attribute__((format(printf, 2, 3))) say(struct box *box, const char *format, ...)
{
        char word[4096];
        va_list list;
        int n;

        va_start(list, format);
        n = vsnprintf(word, sizeof(word), format, list);
        va_end(list);
        if (n < 0 || n >= (int)sizeof(word) || box->n_args == ELEMENTS(box->args))
                box->failed = true;
        else
                box->failed |= !(box->args[box->n_args++] = arena_strdup(&box->arena, word));
}

/* "name=N", N being the descriptor's number in the proxy. */
static void hand(struct box *box, const char *name, int fd)
{
        if (fd >= 0)
                say(box, "%s=%d", name, BECOME_SLOT(add_slot(box, fd)));
}

static void hand_slot(struct box *box, const char *name, plan_slot slot)
{
        if (slot != PLAN_NO_SLOT)
                say(box, "%s=%d", name, BECOME_SLOT(slot));
}

/* ---- what container and exec have in common ---- */

static int begin(struct box *box, const char *mode, const struct launch *launch)
{
        int message = own(box, launch_message_file(launch));

        if (message < 0)
                return message;
        say(box, PROXY_NAME);
        say(box, "%s", mode);
        hand(box, "launch", message);
        if (launch->inside->terminal)
                say(box, "terminal=on");
        say(box, "deadline=%d", BOOT_DEADLINE_MS / 1000);
        return 0;
}

static int begin_launch(const struct launch *host, struct plan_builder *builder, const struct box *box,
                        struct launched *launched)
{
        _cleanup_free_ void *block = NULL;
        struct launch launch = *host;
        int r;

        if (box->failed) {
                plan_builder_free(builder);
                return fail(ENOMEM, "start " PROXY_NAME);
        }
        r = plan_finish(builder, &block, &launch.plan_size);
        if (r < 0)
                return r;
        launch.plan = block;
        launch.slots = box->slots;
        launch.n_slots = box->n_slots;
        launch.keep_fds = 0;
        launch.affinity = NULL;   /* of the guest's processors */
        launch.on_process = NULL; /* this one is on the host, and the machine gets its network at its start */
        if (launch.step_deadline_ms < BOOT_DEADLINE_MS)
                launch.step_deadline_ms = BOOT_DEADLINE_MS;
        return launch_begin(&launch, launched);
}

/* The proxy may be another user than the one whose directory it is (in a user namespace): it gets the socket itself. */
static int hand_socket(struct box *box, int state_dir)
{
        int fd = own(box, openat(state_dir, VSOCK_SOCKET, O_PATH | O_NOFOLLOW | O_CLOEXEC));

        if (fd < 0)
                return fail(errno, "open the virtual machine's socket");
        hand(box, "agent", fd);
        return 0;
}

/* ---- the container ---- */

/* Where the proxy writes why the machine ended, when that was before its program did. */
static int hand_ended(struct box *box, int state_dir)
{
        int fd = own(box, openat(state_dir, ENDED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));

        if (fd < 0)
                return fail(errno, "make the file " ENDED);
        hand(box, "ended", fd);
        return 0;
}

static int say_command_line(struct box *box, const struct vm_machine *machine, const struct oci_spec *spec)
{
        char line[2048];
        size_t used = (size_t)snprintf(line, sizeof(line), "%s" KERNEL_PARAMETERS " nr_cpus=%u",
                                       machine->console ? CONSOLE : QUIET, machine->size.cpus);

        for (size_t i = 0; spec->vm.set && i < spec->vm.kernel_parameters.n && used < sizeof(line); i++)
                used += (size_t)snprintf(line + used, sizeof(line) - used, " %s", spec->vm.kernel_parameters.v[i]);
        if (used >= sizeof(line))
                return refuse(E2BIG, "vm.kernel.parameters: a kernel's command line has at most %zu bytes",
                              sizeof(line) - 1);
        say(box, "cmdline=%s", line);
        return 0;
}

static void hand_trees(struct box *box, const struct launch *launch)
{
        const struct plan_facts *facts = launch->inside->facts;
        const char *kind = launch->privileged ? "tree" : "place";

        if (facts->root_tree != PLAN_NO_SLOT)
                say(box, "%s=%d:%d", kind, facts->root_tree, BECOME_SLOT(facts->root_tree));
        for (size_t i = 0; i < launch->inside->view->inside->mounts.n; i++)
                if (facts->mount_sources[i] != PLAN_NO_SLOT)
                        say(box, "%s=%d:%d", kind, facts->mount_sources[i], BECOME_SLOT(facts->mount_sources[i]));
}

/* Of a pipe that nobody reads, or not quickly enough, the machine does not wait. */
static int hand_console(struct box *box, const char *file)
{
        const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
        int fd = file ? own(box, open(file, flags, 0600)) : -EBADF;

        if (file && fd < 0)
                return fail(errno, "--vm-console %s%s", file,
                            errno == ENXIO ? " (is it a pipe without a reader?)" : "");
        hand(box, "console", fd);
        return 0;
}

static void hand_group(struct box *box, const struct launch *launch)
{
        int cgroup = vm_group_make(launch);

        hand(box, "cgroup", cgroup);
        if (vm_group_counts_kills(cgroup))
                say(box, "oom=on");
}

static int fill(struct box *box, const struct launch *launch, const struct vm_machine *machine)
{
        const struct oci_namespace *network = &launch->inside->spec->linux_.namespaces[OCI_NS_NETWORK];
        int socket = own(box, agent_socket_make(launch->inside->dir)), r;

        if (socket < 0)
                return socket;
        r = hand_console(box, machine->console);
        if (r == 0)
                r = hand_socket(box, launch->inside->dir);
        if (r == 0)
                r = hand_ended(box, launch->inside->dir);
        if (r < 0)
                return r;
        hand(box, "vmm", machine->vmm);
        hand(box, "fileserver", machine->file_server);
        hand(box, "kvm", machine->kvm);
        hand(box, "kernel", machine->image.kernel);
        hand(box, "initrd", machine->image.initrd);
        hand(box, "vsock", socket);
        hand_slot(box, "start", launch->inside->facts->start_socket);
        hand_trees(box, launch);
        hand_group(box, launch);
        say(box, "memory=%llu", (unsigned long long)machine->size.memory);
        say(box, "cpus=%u", machine->size.cpus);
        say(box, "nics=%d", VM_NICS);
        for (size_t i = 0; i < machine->n_vhosts; i++)
                hand(box, "vhost", machine->vhosts[i]);
        say(box, "jail=%s", machine->config->jail);
        r = say_command_line(box, machine, launch->inside->spec);
        return r < 0 ? r : machine_file_write(launch->inside->dir, &machine->size, network->path);
}

/* What the first process makes on this host: the container's network and user namespaces, and an own one of each other
 * kind around the machine. */
static struct oci_spec outside_of(const struct oci_spec *spec)
{
        static const enum oci_namespace_kind around[] = {OCI_NS_PID, OCI_NS_MOUNT, OCI_NS_IPC, OCI_NS_UTS};
        struct oci_spec outside = *spec;
        struct oci_namespace *namespaces = outside.linux_.namespaces;

        namespaces[OCI_NS_CGROUP] = namespaces[OCI_NS_TIME] = (struct oci_namespace){0};
        for (size_t i = 0; i < ELEMENTS(around); i++)
                namespaces[around[i]] = (struct oci_namespace){.listed = true};
        return outside;
}

int vm_box_create(const struct launch *launch, const struct vm_machine *machine, struct launched *launched)
{
        _cleanup_(box_free) struct box box = {0};
        struct oci_spec outside = outside_of(launch->inside->spec);
        struct plan_builder builder = {0};
        struct launch host = *launch;
        plan_slot program;
        int r;

        /* Slots of the inside part keep their numbers: the trees are known by them. */
        for (size_t i = 0; i < launch->n_slots; i++)
                add_slot(&box, launch->slots[i]);
        r = begin(&box, "box", launch);
        if (r == 0)
                r = fill(&box, launch, machine);
        if (r < 0)
                return r;
        program = add_slot(&box, machine->proxy);
        plan_outside(&outside, launch->inside->facts, program, box.args, box.n_args, &builder);
        host.staged = plan_is_staged(&outside);
        host.namespaces = plan_launch_namespaces(&outside);
        return begin_launch(&host, &builder, &box, launched);
}

/* ---- exec ---- */

int vm_box_exec(const struct launch *launch, struct launched *launched)
{
        _cleanup_(box_free) struct box box = {0};
        struct plan_builder builder = {0};
        struct launch host = *launch;
        struct plan_list args;
        struct step_become *step;
        plan_slot program;
        int below = own(&box, vm_group_open_below(launch->cgroup));
        int r = begin(&box, "exec", launch), proxy = own(&box, vm_proxy_open());

        if (r == 0)
                r = hand_socket(&box, launch->inside->dir);
        if (r < 0 || proxy < 0)
                return r < 0 ? r : proxy;
        program = add_slot(&box, proxy);
        args = plan_put_list(&builder, box.args, box.n_args);
        PLAN_ADD(&builder, UNDUMPABLE, undumpable)->unused = 0;
        step = PLAN_ADD(&builder, BECOME, become);
        step->program = program;
        step->args = args;
        host.staged = false;
        host.namespaces = 0;
        if (below >= 0)
                host.cgroup = below;
        return begin_launch(&host, &builder, &box, launched);
}
