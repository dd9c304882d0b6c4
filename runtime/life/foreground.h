/* A command that stays until its process ends: run and exec without --detach. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct foreground {
        int signals;                 /* signalfd: what arrives there is forwarded */
        int terminal;                /* the terminal's master, -EBADF without */
        bool raw;                    /* our own stdin is a terminal and was made raw */
        int other;                   /* one more descriptor to be read while waiting, -EBADF none */
        int (*on_other)(void *data); /* called when it can be read; a result that is not 0 was the last */
        void *data;
};

#define FOREGROUND_NONE                                                                                                \
        {                                                                                                              \
                .signals = -EBADF, .terminal = -EBADF, .other = -EBADF                                                 \
        }

/* Blocks every signal that can be forwarded and watches it, and gives the terminal (its master; -EBADF: none) the size
 * of ours, which becomes raw. Before the program begins: no signal is lost, and the size is no change to it. */
int foreground_prepare(struct foreground *foreground, int master);

/* Forwards signals and carries the terminal until the process has ended, and reaps it. *status: its exit status, or 128
 * + signal. Everything it wrote to the terminal has been written on. */
int foreground_wait(struct foreground *foreground, int pidfd, int *status);

/* Restores our terminal. */
void foreground_end(struct foreground *foreground);
