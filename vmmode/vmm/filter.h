/* System call filters: each kind of thread may make the calls that its work takes and no others. A forbidden call ends
 * the process with SIGSYS, after a line on standard error that names the thread and the call.
 *
 * None of them can open anything, make a socket or a process, or map executable memory. Signals go to this process
 * only. */
#pragma once

#include <stdbool.h>

enum filter_kind {
        FILTER_CPU,  /* runs a processor, and serves the guest's accesses to registers */
        FILTER_DISK, /* serves one disk */
        FILTER_NET,  /* serves one network device */
        FILTER_MAIN, /* everything else, and the end */
};

/* Sets the answer to forbidden calls, once for the process. vhost: the filters have the calls to vhost-net in them, of
 * each thread those that it makes. */
int filter_prepare(bool vhost);

/* Puts the calling thread behind its filter; there is no way back. The process must have no_new_privs. */
int filter_install(enum filter_kind kind);

/* The same as a thread's preparation (thread.h). */
int filter_cpu(void);
int filter_disk(void);
int filter_net(void);
