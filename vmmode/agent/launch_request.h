/* What a MESSAGE_LAUNCH asks for. */
#pragma once

#include <linux/bpf.h>
#include <stdint.h>

#include "cgroups/cgroup.h"
#include "runtime/core/plan.h"
#include "vmmode/protocol/message.h"

/* Writes and their texts lie in the message. */
int writes_read(const struct message *message, struct cgroup_writes *writes);

struct launch_request {
        const char *id;
        bool exec, terminal, staged;
        const void *block; /* the plan, opened */
        size_t block_size;
        struct plan plan;
        const uint8_t *sources; /* enum slot_source of each slot */
        size_t n_slots;
        const char *cgroup; /* below the container's group: "/", "/inner" */
        uint64_t namespaces;
        struct cgroup_writes writes; /* freed by launch_request_free; pids.max last */
        const struct bpf_insn *device_program;
        size_t n_instructions;
        int64_t owner;        /* the group is delegated to, 0: nobody */
        const char *affinity; /* NULL: none */
};

/* Reads and checks it; all but the array of the writes lies in the message. Free it whatever comes. */
int launch_request_read(const struct message *message, struct launch_request *request);
void launch_request_free(struct launch_request *request);

/* How many of the writes are to be made before the launch; the others limit the number of processes, and are for when
 * there is one. */
size_t launch_request_early_writes(const struct launch_request *request);

/* How long the init may take from one word to the next, with the hooks that it runs. */
int launch_request_deadline_ms(const struct launch_request *request);
