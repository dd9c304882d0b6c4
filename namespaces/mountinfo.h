/* The kernel's list of mounts (proc_pid_mountinfo(5)), line by line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mountinfo {
        uint64_t id, parent;
        char *mount_point; /* as seen from the root of the process that opened the list */
        char *type;        /* "proc" */
};

/* Takes the next mount off *text, in which entry's strings then lie, unescaped. Lines that are none are passed over.
 * false: there are no more. */
bool mountinfo_next(char **text, struct mountinfo *entry);
