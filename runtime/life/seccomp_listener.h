/* Handing a seccomp listener to linux.seccomp.listenerPath: a launch_deliver (runtime/core/launch.h). */
#pragma once

#include "runtime/life/record.h"

struct seccomp_listener {
        const struct oci_spec *spec;
        const struct record *record;
        pid_t pid;                    /* the process with the filter */
        enum container_status status; /* the container's: "created" while its own process has yet to be executed */
};

int seccomp_listener_deliver(void *data, int listener);
