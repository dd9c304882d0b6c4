/* A sub-command as data: what main dispatches by, what --help is written from and what the shell completes. Each
 * command's file defines one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "runtime/life/container.h"

/* What a command needs of the state directory before it runs. */
enum command_root {
        ROOT_UNUSED, /* does not look at containers: works for anybody, without any state */
        ROOT_READ,   /* looks at containers; a missing directory holds none */
        ROOT_CHANGE, /* changes them: must know whether it is rootless */
        ROOT_MAKE,   /* makes containers, and the directory */
};

struct ctl;

/* One run of a command. */
struct invocation {
        struct runtime *runtime;
        struct ctl *ctl;     /* berthctl: the containers on disk (runtime/ctl/ctl.h); NULL in berth */
        const void *options; /* the command's own structure */
        const char **arguments;
        size_t n_arguments;
        int exit_status; /* what berth ends with when run() returns 0 */
};

struct command {
        const char *name;
        const char *arguments;   /* for the usage line: "ID [SIGNAL]" */
        const char *summary;     /* one line, for the list of commands; NULL: not for people, left out there */
        const char *description; /* one paragraph; lines are folded by help_write */
        const char *examples;    /* lines, as they are; NULL: none */
        const char *exit_codes;  /* lines, as they are; NULL: 0 and 1 as everywhere */
        struct option_table options;
        size_t options_size; /* of the structure that the options go into */
        size_t least, most;  /* how many arguments */
        bool interruptible;  /* berthctl: gives up and undoes what it has done at a signal (cli/ctl/interrupt.h) */
        bool stop_at_first;  /* options end at the first argument: what follows belongs to another program */
        enum command_root root;
        int help_status;    /* what --help ends with: engines ask this way whether a command is to be had */
        int failure_status; /* what berth ends with when run() fails; 0 means 1 */
        int (*run)(struct invocation *invocation);
};

/* A program: its global options and its commands. */
struct program {
        const char *name;
        const char *description; /* one paragraph */
        const char *examples;    /* lines */
        const struct option_table *globals;
        const struct command *const *commands;
        size_t n_commands;
};

/* NULL when there is none of that name. */
const struct command *program_command(const struct program *program, const char *name);

extern const struct program berth_program;

extern const struct command command_checkpoint, command_create, command_delete, command_events, command_exec,
        command_features, command_kill, command_list, command_pause, command_ps, command_restore, command_resume,
        command_run, command_spec, command_start, command_state, command_update;
