/* Lists of CPUs and memory nodes as the kernel writes them: "0-3,7". */
#pragma once

#include <stddef.h>

/* Room for the largest NR_CPUS (8192) and MAX_NUMNODES (1024) that Linux can be built for. */
#define NUMBER_LIST_MAX   8192
#define NUMBER_LIST_WORDS (NUMBER_LIST_MAX / (8 * sizeof(unsigned long)))

/* Sets the bits that the list names, in a mask as sched_setaffinity(2) and set_mempolicy(2) take it. Returns how many
 * bits of the mask matter (the highest number plus one; 0 for ""), -EINVAL for what is no list (empty places, "3-1",
 * spaces, signs) and -ERANGE for a number from NUMBER_LIST_MAX on. No message. */
int number_list_parse(const char *text, unsigned long mask[static NUMBER_LIST_WORDS]);
