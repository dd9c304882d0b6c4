/* The host's half of a terminal: a raw pair, whose master an engine holds; its slave is our stdio. The line discipline
 * that the program sees is the guest's own. */
#pragma once

#include "vmmode/proxy/proxy.h"

/* Tells the guest the size of the terminal, when it has one. */
int terminal_tell_size(struct proxy *proxy);
