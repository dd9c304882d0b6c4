#include "runtime/ctl/tree_size.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

#define BLOCK 512

int tree_size(int dirfd, const char *name, uint64_t *bytes)
{
        char path[4096];
        char *const paths[] = {path, NULL};
        FTSENT *entry;
        FTS *walk;
        int failed = 0;

        snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
        walk = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
        if (!walk)
                return fail(errno, "measure %s", name);
        *bytes = 0;
        while (errno = 0, (entry = fts_read(walk))) {
                if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
                        failed = entry->fts_errno;
                else if (entry->fts_info == FTS_D)
                        *bytes += (uint64_t)entry->fts_statp->st_blocks * BLOCK;
                else if (entry->fts_info != FTS_DP)
                        /* Each name gets its share. */
                        *bytes += (uint64_t)entry->fts_statp->st_blocks * BLOCK / entry->fts_statp->st_nlink;
        }
        if (errno && !failed)
                failed = errno;
        fts_close(walk);
        return failed ? fail(failed, "measure %s", name) : 0;
}
