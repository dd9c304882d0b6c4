/* The record of a container on disk: <root>/<id>/record.json, small, versioned, written before the resources that it
 * names exist, replaced atomically. From it every name can be derived: cgroup, process, bundle. <root>/<id>/ also holds
 *   config.json   the configuration as create read it (exec, update and poststop hooks read this copy)
 *   start.sock    the socket on which the parked init waits; it exists from create until start
 *   lock          flock()ed by every command that changes the container
 * A process is identified by (pid, start time, boot id), never by a bare pid. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "oci/spec.h"
#include "runtime/core/launch.h"
#include "runtime/life/container.h"

#define RECORD_VERSION 1
#define RECORD_FILE    "record.json"
#define RECORD_CONFIG  "config.json"
#define RECORD_LOCK    "lock"

struct process_identity {
        pid_t pid;           /* 0: none yet */
        uint64_t start_time; /* field 22 of /proc/PID/stat, clock ticks since boot */
        char boot_id[40];    /* /proc/sys/kernel/random/boot_id */
};

struct record {
        struct arena arena;
        const char *id, *bundle, *rootfs, *oci_version; /* bundle and rootfs absolute */
        const char *created;                            /* RFC 3339 with nanoseconds, UTC */
        enum isolation isolation;
        const char *sandbox; /* the sandbox's id; a container alone is its own */
        uint64_t root_below; /* the mount under the container's root, in the runtime's own mount namespace; 0: elsewhere
                              */
        struct process_identity init;
        uint32_t owner;          /* uid that called create */
        uint32_t namespaces;     /* bit (1 << enum oci_namespace_kind): not the runtime's, new or joined */
        uint32_t new_namespaces; /* bit: made for this container */
        enum cgroup_manager cgroup_manager;
        const char *cgroup; /* path in the v2 tree; NULL: no group of its own */
        int cgroup_existing_depth;
        const char *subgroup;     /* the processes are in this group below it, the limits on it; NULL: in it */
        const char *systemd_unit; /* the scope whose group `cgroup` is, recorded before it is there; NULL: none */
        bool systemd_user;        /* the unit is of the owner's manager, not of the system's */
        const char *resctrl;      /* path of a resctrl group that create made, NULL: none */
        struct oci_pairs annotations;
};

/* Writes <dir_fd>/record.json. */
int record_write(int dir_fd, const struct record *record);

/* Reads it. *record is the caller's (record_free). A damaged or unknown version is -EINVAL with a message that names
 * the file. */
int record_read(int dir_fd, struct record **record);

/* The text of the file alone, malloc'ed, the caller's; and the decoder alone. For tests and the fuzzer. */
int record_format(const struct record *record, char **text);
int record_parse(const char *text, size_t size, struct record **record);

/* What is asked of many records at once. */
struct record_gist {
        struct process_identity init;
        const char *created, *cgroup; /* in the text; cgroup may be NULL */
        bool ends_with_init;          /* what is in the group: it was made for this init's pid namespace */
};

/* Takes it out of a text as record_format writes it, without a tree of all that it holds; cuts the text. False: it is
 * not such a text (somebody else wrote it, or it is damaged), and record_parse has to say what it is. */
bool record_skim(char *text, size_t size, const char *id, struct record_gist *gist);

void record_free(struct record *record);

/* Fills start_time and boot_id for a live pid. */
int process_identify(pid_t pid, struct process_identity *identity);

/* The container's group was there before the container: others may have used it, and killed what was in it. */
bool record_reuses_cgroup(const struct record *record);
bool record_group_existed(const char *cgroup, int existing_depth);

/* 1 when the process lives (a zombie does not), 0 when not. comm, when not NULL, gets its name (16 bytes). */
int process_is_alive(const struct process_identity *identity, char *comm);
