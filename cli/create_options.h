/* What create and run have in common. */
#pragma once

#include <limits.h>
#include <stdlib.h>

#include "cli/globals.h"
#include "cli/values.h"

struct create_options {
        const char *bundle, *config, *isolation, *vm_console, *console_socket, *pidfd_socket, *pid_file;
        bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
        struct option_number preserve_fds;
};

#define CREATE_OPTIONS                                                                                                 \
        OPTION(struct create_options, bundle, "bundle", 'b', "DIR",                                                    \
               "the directory with config.json (default: the current one)"),                                           \
                OPTION(struct create_options, config, "config", 'f', "FILE",                                           \
                       "read this file instead of the bundle's config.json"),                                          \
                OPTION(struct create_options, isolation, "isolation", 0, "process|vm",                                 \
                       "which wall this container gets; wins over the global option"),                                 \
                OPTION(struct create_options, vm_console, "vm-console", 0, "FILE",                                     \
                       "append what the kernel of a virtual machine says to this file"),                               \
                OPTION(struct create_options, console_socket, "console-socket", 0, "PATH",                             \
                       "unix socket that receives the master of the container's terminal"),                            \
                OPTION(struct create_options, pidfd_socket, "pidfd-socket", 0, "PATH",                                 \
                       "unix socket that receives a pidfd of the container's first process"),                          \
                OPTION(struct create_options, pid_file, "pid-file", 0, "FILE",                                         \
                       "write the pid of the container's first process there"),                                        \
                OPTION_BETWEEN(struct create_options, preserve_fds, "preserve-fds", 0, "N", 0, INT_MAX,                \
                               "hand on N descriptors after stdio and $LISTEN_FDS (default: 0)"),                      \
                OPTION(struct create_options, no_pivot, "no-pivot", 0, NULL,                                           \
                       "move the root file system into place instead of pivot_root; for a ramdisk"),                   \
                OPTION(struct create_options, no_new_keyring, "no-new-keyring", 0, NULL,                               \
                       "keep the caller's session keyring")

/* Fills the request, but for the fields that only run has. */
static inline int create_request_from(const struct invocation *invocation, struct create_request *request)
{
        const struct create_options *options = invocation->options;

        *request = (struct create_request){
                .id = invocation->arguments[0],
                .bundle = options->bundle ? options->bundle : ".",
                .config = options->config,
                .vm_console = options->vm_console,
                .console_socket = unless_empty(options->console_socket),
                .pidfd_socket = unless_empty(options->pidfd_socket),
                .pid_file = options->pid_file,
                .no_pivot = options->no_pivot,
                .no_new_keyring = options->no_new_keyring,
                .no_subreaper = options->no_subreaper,
                .preserve_fds = (unsigned)options->preserve_fds.value,
                .listen_fds = getenv("LISTEN_FDS"),
                .notify_socket = getenv("NOTIFY_SOCKET"),
        };
        return options->isolation ? globals_isolation(options->isolation, &invocation->runtime->isolation) : 0;
}
