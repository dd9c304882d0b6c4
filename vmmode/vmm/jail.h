/* What the process gives up once everything is open and before the guest's first instruction: its file system, its
 * capabilities, new privileges, its core dumps. The filters (filter.h) follow thread by thread.
 *
 * It keeps its process id and network namespaces: those are the caller's to choose, and no thread can make a socket, or
 * signal another process. */
#pragma once

#include <stdbool.h>

/* The first half, before any thread is started: with a second one, even one that is just ending, a process cannot go
 * into a user namespace of its own. No new privileges, and namespaces, which are as full as those that it leaves.
 * *left: 0, or -errno where they cannot be had; for the second half. */
int vmm_jail_leave_namespaces(int *left);

/* The second half. It is the calling thread's, and of those that it starts later: one that is there already must have
 * ended before there is a guest. The host's files must be out of reach: by an empty root in the namespaces, by
 * Landlock, or, where both can be had, by both. Where neither can (a limit, an LSM, an old kernel) that is -EPERM
 * with both reasons; unless `filters_suffice`: they allow nothing that needs a path. */
int vmm_jail_enter(int left, bool filters_suffice);
