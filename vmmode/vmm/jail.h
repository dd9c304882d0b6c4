/* What the process gives up once everything is open and before the guest's first instruction: its file system, its
 * capabilities, new privileges, its core dumps. The filters (filter.h) follow thread by thread.
 *
 * It keeps its process id and network namespaces: those are the caller's to choose, and no thread can make a socket, or
 * signal another process. */
#pragma once

/* Before the first thread is started. Namespaces and an empty root that may not be made (a limit, an LSM) are done
 * without: the filters allow nothing that needs a path. */
int jail_enter(void);
