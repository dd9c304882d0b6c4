/* Who has what only one may have: an address, a range of ids. In a directory of claims a symbolic link named by it,
 * whose text is its owner; making one is one system call that fails when it is taken, and there is no counter or list
 * that could disagree. Owners are names in another directory. A claim whose owner is not there is what a crash left,
 * and is taken over. One whose owner is about to get another name has both as its text, "web:www", and is in force
 * while either is there.
 *
 * Under a lock of the caller's, but for claim_read and claim_check. 0 or a bare negative errno. */
#pragma once

#include <stddef.h>

#define CLAIM_TEXT_SIZE 160

int claim_read(int claims, const char *what, char text[CLAIM_TEXT_SIZE]);

/* Whether the owner could have it: 0, or -EADDRINUSE, and `text` says whose it is. */
int claim_check(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE]);

/* 0: the owner has it now. -EADDRINUSE: others, or the owner under another name; `text` says who. */
int claim_take(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE]);

/* The same for an owner that was there before: when it is one of those in the text, it becomes the only one. */
int claim_keep(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE]);

/* Gives it another text, in one step. */
int claim_hand_over(int claims, const char *what, const char *text);

/* Removes it unless one of its owners is there. None is no error. */
int claim_drop(int claims, const char *what, int owners);
