/* process.oomScoreAdj */
#pragma once

/* Writes oom_score_adj (-1000 to 1000) of the calling process through a verified procfs (procfs_self.h). Lowering below
 * the value that a privileged process set last needs CAP_SYS_RESOURCE in the initial user namespace: without it the
 * call succeeds only when the value is that already, else it is -EACCES with a message that says so. When the spec
 * names no value, nobody calls this. */
int oom_score_adjust(int proc, int value);
