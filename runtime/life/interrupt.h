/* Small things that create, run and exec share at their beginning. */
#pragma once

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT and makes a signalfd for them: signals that would end the command are
 * noticed in its waits instead, so that there is a way back. Returns the descriptor. */
int interrupts_watch(void);

/* How many descriptors from 3 on the program inherits: LISTEN_FDS (a number or NULL) and --preserve-fds together. All
 * must be open, or what berth opens itself would slip in between. */
int kept_fds_count(const char *listen_fds, unsigned preserve_fds, unsigned *count);
