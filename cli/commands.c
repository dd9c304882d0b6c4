#include "cli/command.h"

#include <string.h>

#include "base/cleanup.h"

/* In the order of a container's life, which is the order in which a person meets them. */
const struct command *const commands[] = {
        &command_spec,   &command_create, &command_start,    &command_run,        &command_exec,    &command_kill,
        &command_delete, &command_state,  &command_list,     &command_ps,         &command_pause,   &command_resume,
        &command_update, &command_events, &command_features, &command_checkpoint, &command_restore,
};

const size_t n_commands = ELEMENTS(commands);

const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < n_commands; i++)
                if (strcmp(commands[i]->name, name) == 0)
                        return commands[i];
        return NULL;
}
