#include "runtime/core/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "runtime/core/procfs_self.h"

/* True when the process has this value already. */
static int has_value(int proc, int value)
{
        _cleanup_close_ int fd = procfs_open_self(proc, "oom_score_adj", O_RDONLY);
        char text[16] = "";
        int64_t present;
        ssize_t n;

        if (fd < 0)
                return 0;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return 0;
        text[strcspn(text, "\n")] = '\0';
        return parse_i64(text, -1000, 1000, &present) == 0 && present == value;
}

int oom_score_adjust(int proc, int value)
{
        char text[16];
        int r;

        snprintf(text, sizeof(text), "%d", value);
        r = procfs_write_self(proc, "oom_score_adj", text);
        if (r == -EACCES && has_value(proc, value))
                return 0;
        if (r == -EACCES)
                return fail(EACCES, "process.oomScoreAdj %d: lowering the score needs CAP_SYS_RESOURCE", value);
        return r < 0 ? fail(-r, "process.oomScoreAdj %d: write oom_score_adj", value) : 0;
}
