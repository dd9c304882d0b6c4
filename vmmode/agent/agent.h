/* berth-agent: PID 1 of a virtual machine. It makes the guest a place in which the inside part of a plan can be carried
 * out, waits for connections of the host, and gives each to a process of its own (session.h). It takes the host's word
 * for everything, and no other's.
 *
 * For tests the same program runs without a machine: `transport=unix:DIRECTORY` listens on sockets in that directory
 * instead of vsock ports. It is then PID 1 of a pid namespace, with mount, network, cgroup, IPC and UTS namespaces of
 * its own, in which somebody has mounted procfs, /run (writable), a cgroup v2 tree and the share (SHARE_MOUNT); it
 * makes none of these, loads no module, and ends instead of switching the machine off. */
#pragma once

#include <stdbool.h>

#include "cgroups/cgroup.h"
#include "vmmode/agent/transport.h"

struct agent {
        bool machine; /* there is one: false in tests */
        struct transport transport;
        struct cgroup_host cgroups;
        int modules; /* the initramfs's directory of modules, -EBADF without */
};

/* At most so many sessions at once; a further connection is refused. */
#define SESSIONS_MAX 256

/* The exit status with which a session asks PID 1 to end the machine. */
#define SESSION_POWER_OFF 33
