/* Debug and warning lines. Where they go is decided once by main (or by berth-init, which sends them to its parent). */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_DEBUG };

typedef void (*log_sink)(enum log_level level, const char *message);

/* Lines above `most` are dropped before they are formatted. NULL sink drops all (the state before the first call). */
void log_set_sink(log_sink sink, enum log_level most);

/* True when a debug line would be kept: for callers that must do work to build one. */
int log_debug_wanted(void);

/* Warnings are dropped while quiet: for what is read again after it has been warned about. Gives what was before. */
bool log_set_quiet(bool quiet);

void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
