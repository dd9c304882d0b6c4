/* The config.json that `berth spec` writes: an ordinary container that runs "sh" in "rootfs". */
#pragma once

#include <stdbool.h>

/* rootless: one that needs no privileges, with the caller's ids mapped to root. Indented JSON with a newline at the
 * end, malloc'ed, the caller's. NULL when memory is short. */
char *oci_template_json(bool rootless);
