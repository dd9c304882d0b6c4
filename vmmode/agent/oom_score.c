#include "vmmode/agent/oom_score.h"

#include <fcntl.h>

#include "base/io.h"

#define FILE_NAME "/proc/self/oom_score_adj"

void oom_score_protect(const struct agent *agent)
{
        if (agent->machine)
                (void)write_file_at(AT_FDCWD, FILE_NAME, "-1000");
}

void oom_score_expose(const struct agent *agent)
{
        if (agent->machine)
                (void)write_file_at(AT_FDCWD, FILE_NAME, "0");
}
