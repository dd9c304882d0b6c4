/* Speaking with the keeper of a container (runtime/keeper/keeper.h). */
#pragma once

#include "runtime/ctl/ctl.h"

/* The directory RUN/keepers/NAME, made when `make`; -ENOENT without a message otherwise. Returns a descriptor. */
int keeper_directory(const struct ctl *ctl, const char *name, bool make);

/* True when a keeper holds its lock. */
bool keeper_lives(const struct ctl *ctl, const char *name);

/* Starts one. adopted: a pidfd of a container that runs already, or -EBADF: it starts the container first. Returns when
 * that is done; what could not be is the message. */
int keeper_spawn(struct ctl *ctl, const struct ctl_container *container, int adopted);

/* Removes the directory of a container that has no keeper any more. */
int keeper_forget(const struct ctl *ctl, const char *name);

/* Connects. -ECONNREFUSED or -ENOENT without a message when there is none. Returns the socket. */
int keeper_connect(const struct ctl *ctl, const char *name);

/* Tells it not to start the container again, and waits for the answer, which comes after a start that is under way.
 * Returns the connection, whose end is the keeper's, or -ENOENT without a message when there is none. */
int keeper_stop(const struct ctl *ctl, const char *name);

/* Carries the console or the output of a container until it ends, or the person types the escape character (Ctrl-]) at
 * a terminal. Standard input goes there when `input`. */
int keeper_console(const struct ctl *ctl, const char *name, bool input);
