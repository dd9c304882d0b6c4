/* What goes on, for a person who waits longer than a second: one line on a terminal's standard error that is written
 * over. Elsewhere nothing is shown. */
#pragma once

#include <stdint.h>

/* For struct ctl. bytes: how much so far. */
void progress_show(const char *what, uint64_t bytes);

/* Takes the line away. */
void progress_end(void);
