/* Small things that create, run and exec share at their beginning. */
#pragma once

#include <stdbool.h>

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT and makes a signalfd for them: signals that would end the command are
 * noticed in its waits instead, so that there is a way back. Returns the descriptor. */
int interrupts_watch(void);

/* A terminal needs somebody who holds its master: our caller, through the console socket, when we leave; we ourselves
 * when we stay. leaves: the command ends before the program. */
int terminal_check(bool terminal, bool leaves, const char *console_socket);

/* How many descriptors from 3 on the program inherits: LISTEN_FDS (a number or NULL) and --preserve-fds together. All
 * must be open, or what berth opens itself would slip in between. */
int kept_fds_count(const char *listen_fds, unsigned preserve_fds, unsigned *count);
