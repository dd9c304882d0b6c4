/* One container by its name, or with --regex every container whose name matches. */
#pragma once

#include "cli/command.h"

/* Calls act for the one id, or for each that matches the extended regular expression. All are tried; the result is the
 * first failure, its message naming the container. No match is success. */
int selection_each(struct runtime *runtime, const char *id, bool is_regex,
                   int (*act)(struct runtime *runtime, const char *id, const void *data), const void *data);
