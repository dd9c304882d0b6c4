/* Lists of CPUs and memory nodes, "0-3,7": the one reader of them. */
#pragma once

#define NUMBER_LIST_MOST 65535U

/* Calls range(first, last, data) for each item, in the order of the text; range may be NULL. Nothing but numbers, '-'
 * and ',' is taken; "3-1" and numbers above NUMBER_LIST_MOST are refused. Returns 0, the first callback result that is
 * not 0, or -EINVAL without a message. "" is -EINVAL. */
int number_list_each(const char *list, int (*range)(unsigned first, unsigned last, void *data), void *data);
