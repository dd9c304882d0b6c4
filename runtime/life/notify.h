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

/* Connects to the value of NOTIFY_SOCKET in berth's environment (a path, or "@name" for an abstract socket). Returns
 * the descriptor. */
int notify_connect(const char *target);

/* Hands on one message of the container: what it says of itself, and nothing else of what systemd would believe us. 1
 * when it was READY=1, 0 for another one, -errno with a message. */
int notify_hand_on(int socket, int target, pid_t pid);

/* Hands on until READY=1 was or the container has ended, as runc does. */
int notify_forward(int socket, const char *target, pid_t pid, int pidfd);
