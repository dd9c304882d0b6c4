/* The global options of berthctl, and where its containers lie. */
#pragma once

#include "cli/command.h"

struct ctl_globals {
        const char *directory, *run, *log_level;
        bool debug, version;
};

extern const struct option_table ctl_global_table;
extern const struct program berthctl_program;

/* Absolute paths, malloc'ed, the caller's: the options, or /var/lib/berth and /run/berthctl; for an ordinary user
 * $XDG_DATA_HOME/berth (~/.local/share/berth) and $XDG_RUNTIME_DIR/berthctl. */
int ctl_globals_paths(const struct ctl_globals *globals, char **directory, char **run);

extern const struct command ctl_command_create, ctl_command_list, ctl_command_start, ctl_command_stop,
        ctl_command_restart, ctl_command_destroy, ctl_command_kill, ctl_command_pause, ctl_command_resume,
        ctl_command_exec, ctl_command_enter, ctl_command_console, ctl_command_logs, ctl_command_info, ctl_command_set,
        ctl_command_rename, ctl_command_cp, ctl_command_autostart, ctl_command_stats, ctl_command_metrics,
        ctl_command_clone, ctl_command_snapshot, ctl_command_export, ctl_command_import, ctl_command_network,
        ctl_command_launch, ctl_command_oom, ctl_command_ended, ctl_command_events, ctl_command_top, ctl_command_check;
