/* linux.memoryPolicy: the NUMA policy of a process. */
#pragma once

/* set_mempolicy(2). mode: MPOL_* with its flags in place; nodes: a list "0-3,7", NULL or "" where the mode takes none.
 * A kernel without NUMA (-ENOSYS) and a mode that it does not know (-EINVAL) are errors that say so. */
int memory_policy_apply(int mode, const char *nodes);
