/* Files of the calling thread in a procfs that can be trusted.
 *
 * A container's /proc may be covered, or be a symlink, or hold a bind mount over one of its files; a write of a label
 * then goes nowhere or into another file (CVE-2019-16884, CVE-2023-28642, CVE-2025-52881). So every such file is opened
 * below a descriptor that really is a procfs, without following a symlink or crossing a mount. */
#pragma once

/* Opens thread-self/<name> ("oom_score_adj", "attr/exec") below `proc`, a descriptor of the root of a procfs (O_PATH is
 * enough) in whose pid namespace, or one below, the caller lives. flags as open(2); O_CLOEXEC is added. Returns the
 * descriptor; a failure is a bare negative errno without a message, -ENOTTY when `proc` is no procfs. */
int procfs_open_self(int proc, const char *name, int flags);

/* Opens as above and makes one write of the whole text. Bare negative errno. */
int procfs_write_self(int proc, const char *name, const char *text);
