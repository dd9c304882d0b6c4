/* NOTIFY_SOCKET: sd_notify(3) for the container. A directory of the state directory is bound at /run/notify inside; the
 * socket in it is bound by whoever starts the container (create may be long gone), who hands on what it hears to the
 * socket of its own caller, with the container's pid as MAINPID. */
#pragma once

#include <sys/types.h>

#define NOTIFY_DIRECTORY "notify"

/* Makes <dir>/notify. dir_path: the path of dir_fd. *directory is its absolute path, malloc'ed. */
int notify_make_directory(int dir_fd, const char *dir_path, char **directory);

/* Binds the socket in it. Returns the descriptor; -ENOENT without a message when create made no directory. */
int notify_listen(int dir_fd);

/* Hands on until READY=1 was or the container has ended, as runc does. target: the value of NOTIFY_SOCKET in berth's
 * environment (a path, or "@name" for an abstract socket). */
int notify_forward(int socket, const char *target, pid_t pid, int pidfd);
