/* The global options, and what follows from them, from the program's name and from the environment. */
#pragma once

#include "cli/command.h"

struct global_options {
        const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *isolation, *criu;
        bool debug, systemd_cgroup, version;
};

extern const struct option_table global_table;

/* program: argv[0]; "berth-vm" asks for VM isolation. */
int globals_resolve(const struct global_options *options, const char *program, struct runtime *runtime);

/* After a wrong option, where parsing ends: where the rest of the command line wants errors to be reported. Docker puts
 * an operator's own options before its --log, and without that file it could tell nobody which of them was wrong. */
void globals_find_report(int argc, char **argv, struct global_options *options);

/* "process" or "vm". */
int globals_isolation(const char *text, enum isolation *isolation);

/* The state directory, absolute, malloc'ed (the caller's): --root, or /run/berth, or $XDG_RUNTIME_DIR/berth for whoever
 * is not root of the host. Sets runtime->root_sticky. */
int globals_state_directory(const struct global_options *options, struct runtime *runtime, char **path);

/* --rootless auto: not root, or root of a user namespace that maps less than everything. Without `wanted` only the
 * option itself is checked: commands that merely look do not read the map. */
int globals_rootless(const struct global_options *options, bool wanted, bool *rootless);

/* True when the text of /proc/self/uid_map maps every id to itself, as on a host without user namespaces. */
bool uid_map_is_full(const char *text);
