/* Daemons that write their number into a file. */
#pragma once

#include <limits.h>

/* A pidfd of the process that the file `name` in the directory `dir` names: when its command line holds the file's
 * path, so that it is that daemon and not a process that got its number. -ESRCH, bare. */
int pid_file_open(int dir, const char *name);

/* The same, asked to end (SIGTERM) and waited for. No such process is no error. -ETIMEDOUT; bare negative errno. */
int pid_file_end(int dir, const char *name, int timeout_ms);

/* The path of an entry of a directory, for a command line. Bare negative errno. */
int path_of_entry(int dir, const char *name, char path[PATH_MAX]);
