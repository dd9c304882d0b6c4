/* Reading, writing and passing bytes and descriptors. Unless said otherwise: 0 (or a count) or a bare negative errno,
 * no message; EINTR is retried; every descriptor made is close-on-exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int write_all(int fd, const void *data, size_t size);

/* Reads to the end, at most `most` bytes (-EFBIG beyond). *data is malloc'ed, NUL-terminated (not counted), the
 * caller's. */
int read_all(int fd, size_t most, char **data, size_t *size);
int read_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size);

/* The same for what must be a regular file: a fifo or a device is -EMEDIUMTYPE and never waited for. */
int read_regular_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size);

/* The same for a file that only we write, by replace_file_at: a small one with one read, and what it is looked at only
 * where that brings nothing, or not all. */
int read_own_file_at(int dirfd, const char *path, size_t most, char **data, size_t *size);

/* Reads a small file into a caller's buffer, NUL-terminates it and cuts one newline off the end. Returns the length;
 * -EFBIG when it does not fit. For procfs, sysfs and cgroupfs. */
ssize_t read_small_file_at(int dirfd, const char *path, char *buffer, size_t size);

/* The same for a file of one line, which the kernel gives whole with the first read: no second one finds the end. */
ssize_t read_line_file_at(int dirfd, const char *path, char *buffer, size_t size);

/* One write() of the whole text, as procfs and cgroupfs want it. */
int write_once(int fd, const char *text);

/* Opens a file that exists and writes it so. */
int write_file_at(int dirfd, const char *path, const char *text);

/* Writes a new file beside `name` and renames it over: readers see the old or the whole new content, never a part.
 * A full disk leaves the old file. */
int replace_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* The same, and on the disk when it returns: the old or the new content survives a loss of power. dirfd: not O_PATH. */
int replace_file_durably_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* The same as the first, but a regular file that holds these bytes already stays as it is: a file system writes what
 * replaces a file to the disk at once. */
int update_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* A memfd holding a copy of the data, sealed against every change (F_SEAL_SEAL|SHRINK|GROW|WRITE). Returns the fd. */
int memfd_sealed(const char *name, const void *data, size_t size, int executable);

/* True when `name` in the directory is the file that the descriptor is of: it was not replaced since it was opened. */
bool is_file_at(int fd, int dirfd, const char *name);

/* ---- messages over SOCK_SEQPACKET ---- */

#define MESSAGE_FDS_MAX 253 /* the kernel's SCM_MAX_FD */

/* Sends one packet, with descriptors when n_fds > 0. Never raises SIGPIPE (-EPIPE instead). */
int send_message(int socket, const void *data, size_t size, const int *fds, size_t n_fds);

/* Receives one packet. Returns its size, 0 at the end of the stream. Descriptors beyond `fds_room` are closed, unused
 * places get -EBADF. A packet larger than `room` is -EMSGSIZE. deadline_ms: how long to wait, -1 without end;
 * -ETIMEDOUT when nothing came. */
ssize_t receive_message(int socket, void *data, size_t room, int *fds, size_t fds_room, int deadline_ms);

/* Monotonic milliseconds; what is left until `deadline` for poll(), never negative. */
int64_t now_ms(void);
int until_ms(int64_t deadline);

/* Waits for `events` on one descriptor. Returns revents, or -ETIMEDOUT. */
int wait_fd(int fd, short events, int timeout_ms);
