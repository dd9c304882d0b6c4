#include "vmmode/agent/launch_request.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/core/hook_run.h"
#include "runtime/core/launch.h"
#include "vmmode/agent/containers.h"

#define WRITES_MAX 4096
#define PIDS_FILE  "pids.max"

static int add_write(const struct message_part *part, struct cgroup_writes *writes)
{
        struct message_write write;

        if (writes->n == WRITES_MAX)
                return refuse(E2BIG, "more than %d limits", WRITES_MAX);
        if (!message_read_write(part, &write) || !write.file[0] || strchr(write.file, '/'))
                return refuse(EBADMSG, "the message's limit %zu is damaged", writes->n);
        writes->v[writes->n++] = (struct cgroup_write){
                .file = write.file,
                .value = write.value,
                .field = write.field,
                .controller = write.controller,
                .may_be_missing = write.bits & MESSAGE_WRITE_MAY_BE_MISSING,
                .unless_before = write.bits & MESSAGE_WRITE_UNLESS_BEFORE,
        };
        return 0;
}

int writes_read(const struct message *message, struct cgroup_writes *writes)
{
        struct message_part part = {0};
        int64_t controllers = 0;
        size_t n = 0;
        int r = 0;

        *writes = (struct cgroup_writes){0};
        (void)message_number(message, PART_CONTROLLERS, &controllers);
        writes->controllers = (unsigned)controllers;
        while (message_next(message, &part))
                n += part.kind == PART_WRITE;
        writes->v = calloc(n + 1, sizeof(*writes->v));
        if (!writes->v)
                return fail(ENOMEM, "read the limits");
        part = (struct message_part){0};
        while (r == 0 && message_next(message, &part))
                if (part.kind == PART_WRITE)
                        r = add_write(&part, writes);
        if (r < 0) {
                free(writes->v);
                *writes = (struct cgroup_writes){0};
        }
        return r;
}

/* ---- a launch ---- */

static bool limits_processes(const struct cgroup_write *write)
{
        return strcmp(write->file, PIDS_FILE) == 0;
}

/* The order of the others stays. */
static void put_process_limit_last(struct cgroup_writes *writes)
{
        for (size_t i = 0; i + 1 < writes->n; i++)
                if (limits_processes(&writes->v[i])) {
                        struct cgroup_write last = writes->v[i];

                        memmove(writes->v + i, writes->v + i + 1, (writes->n - i - 1) * sizeof(last));
                        writes->v[writes->n - 1] = last;
                        return;
                }
}

size_t launch_request_early_writes(const struct launch_request *request)
{
        size_t n = request->writes.n;

        return n && limits_processes(&request->writes.v[n - 1]) ? n - 1 : n;
}

static int read_plan(const struct message *message, struct launch_request *request)
{
        struct message_part part;

        if (!message_part(message, PART_PLAN, &part))
                return refuse(EBADMSG, "a launch without a plan");
        request->block = part.data;
        request->block_size = part.size;
        return plan_open(part.data, part.size, &request->plan);
}

static int read_slots(const struct message *message, struct launch_request *request)
{
        struct message_part part;

        if (!message_part(message, PART_SLOTS, &part))
                return 0;
        if (part.size > PLAN_SLOTS_MAX)
                return refuse(E2BIG, "the plan needs %zu descriptors, at most %d can be sent", part.size,
                              PLAN_SLOTS_MAX);
        request->sources = (const uint8_t *)part.data;
        request->n_slots = part.size;
        return 0;
}

static int read_device_program(const struct message *message, struct launch_request *request)
{
        struct message_part part;

        if (!message_part(message, PART_DEVICE_PROGRAM, &part))
                return 0;
        if (part.size == 0 || part.size % sizeof(struct bpf_insn))
                return refuse(EBADMSG, "the message's device program is damaged");
        request->device_program = (const void *)part.data;
        request->n_instructions = part.size / sizeof(struct bpf_insn);
        return 0;
}

/* The host may not have waited for our version. */
static int check_version(const struct message *message)
{
        int64_t version;

        if (message_number(message, PART_VERSION, &version) && version == PROTOCOL_VERSION)
                return 0;
        return refuse(EPROTO,
                      "the host speaks another version of the protocol (was the machine made by another berth?)");
}

int launch_request_read(const struct message *message, struct launch_request *request)
{
        int64_t flags = 0, namespaces = 0;
        int r = check_version(message);

        *request = (struct launch_request){.id = message_text(message, PART_ID)};
        if (r == 0)
                r = container_check_id(request->id);
        (void)message_number(message, PART_FLAGS, &flags);
        (void)message_number(message, PART_NAMESPACES, &namespaces);
        (void)message_number(message, PART_OWNER, &request->owner);
        request->exec = flags & MESSAGE_IS_EXEC;
        request->terminal = flags & MESSAGE_TERMINAL;
        request->staged = flags & MESSAGE_STAGED;
        request->namespaces = (uint64_t)namespaces;
        request->cgroup = message_text(message, PART_CGROUP);
        request->affinity = message_text(message, PART_AFFINITY);
        if (r == 0)
                r = read_plan(message, request);
        if (r == 0)
                r = read_slots(message, request);
        if (r == 0)
                r = read_device_program(message, request);
        if (r == 0)
                r = writes_read(message, &request->writes);
        if (r == 0)
                put_process_limit_last(&request->writes);
        return r;
}

void launch_request_free(struct launch_request *request)
{
        free(request->writes.v);
        request->writes = (struct cgroup_writes){0};
}

int launch_request_deadline_ms(const struct launch_request *request)
{
        int64_t seconds = LAUNCH_STEP_DEADLINE_MS / 1000;

        for (const struct plan_step *step = plan_next(&request->plan, NULL); step;
             step = plan_next(&request->plan, step)) {
                const struct step_hook *hook = plan_payload(step);
                int64_t more;

                if (step->kind != STEP_HOOK)
                        continue;
                more = hook->timeout > 0 ? hook->timeout : HOOK_TIMEOUT_SECONDS;
                seconds = more > INT_MAX / 1000 - seconds ? INT_MAX / 1000 : seconds + more;
        }
        return (int)seconds * 1000;
}
