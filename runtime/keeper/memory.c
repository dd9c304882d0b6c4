#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/keeper/keeper.h"

bool keeper_find_kills(const char *text, uint64_t *kills)
{
        const char *line = strstr(text, "\noom_kill ");
        char *end;

        if (!line)
                return false;
        line += strlen("\noom_kill ");
        *kills = strtoull(line, &end, 10);
        return end != line && *end == '\n';
}

/* The group may be gone already. Reading from the start is also what makes the next change one that poll tells of. */
static bool read_kills(struct keeper *keeper, uint64_t *kills)
{
        char text[512];
        ssize_t n = keeper->memory < 0 ? -1 : pread(keeper->memory, text, sizeof(text) - 1, 0);

        if (n < 0) {
                replace_fd(&keeper->memory, -1);
                return false;
        }
        text[n] = '\0';
        return keeper_find_kills(text, kills);
}

void keeper_count_kills(struct keeper *keeper)
{
        uint64_t kills;

        if (!read_kills(keeper, &kills) || kills <= keeper->kills)
                return;
        keeper->untold += kills - keeper->kills;
        keeper->kills = kills;
}

/* Where there is no memory controller, there is nothing to watch. What came before this keeper is an older one's. */
void keeper_watch_memory(struct keeper *keeper)
{
        replace_fd(&keeper->memory, open(KEEPER_GROUP "/memory.events", O_RDONLY | O_CLOEXEC));
        keeper->kills = keeper->untold = 0;
        if (keeper->adopted >= 0)
                (void)read_kills(keeper, &keeper->kills);
}
