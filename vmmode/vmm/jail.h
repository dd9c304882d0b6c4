/* What the process gives up once everything is open and before the guest's first instruction: its file system, its
 * capabilities, new privileges, its core dumps. The filters (filter.h) follow thread by thread.
 *
 * It keeps its process id and network namespaces: those are the caller's to choose, and no thread can make a socket, or
 * signal another process. */
#pragma once

#include <stdbool.h>

/* Before the first thread is started. The host's files must be out of reach: by an empty root in namespaces of its own,
 * by Landlock, or, where both can be had, by both. Where neither can (a limit, an LSM, an old kernel) that is -EPERM
 * with both reasons; unless `filters_suffice`: they allow nothing that needs a path. */
int vmm_jail_enter(bool filters_suffice);
