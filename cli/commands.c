#include "cli/command.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/globals.h"

/* In the order of a container's life, which is the order in which a person meets them. */
static const struct command *const commands[] = {
        &command_spec,   &command_create, &command_start,    &command_run,        &command_exec,    &command_kill,
        &command_delete, &command_state,  &command_list,     &command_ps,         &command_pause,   &command_resume,
        &command_update, &command_events, &command_features, &command_checkpoint, &command_restore,
};

const struct program berth_program = {
        .name = "berth",
        .description =
                "Runs OCI containers: a bundle (a directory with config.json and a root file system) as isolated "
                "processes on this kernel or, with --isolation vm or called as berth-vm, in a small virtual machine of "
                "its own.",
        .examples = "berth spec && berth run web    make config.json, run the bundle in .\n"
                    "berth list                     what is there\n"
                    "berth exec -t web sh           a shell inside\n"
                    "berth COMMAND --help           everything about one command",
        .globals = &global_table,
        .commands = commands,
        .n_commands = ELEMENTS(commands),
};

const struct command *program_command(const struct program *program, const char *name)
{
        for (size_t i = 0; i < program->n_commands; i++)
                if (strcmp(program->commands[i]->name, name) == 0)
                        return program->commands[i];
        return NULL;
}
