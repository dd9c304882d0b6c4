#include "cli/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* RFC 5424 severities. */
static const int priorities[] = {[LOG_LEVEL_ERROR] = 3, [LOG_LEVEL_WARNING] = 4, [LOG_LEVEL_DEBUG] = 7};

#define FACILITY_USER (1 << 3)

static int open_socket(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return fail(errno, "make a socket for %s", path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return fail(errno, "connect to the log service at %s", path);
        return take_fd(&fd);
}

static int open_journald(void)
{
        return open_socket("/run/systemd/journal/socket");
}

static int open_syslog(void)
{
        return open_socket("/dev/log");
}

static void send_parts(int fd, struct iovec *parts, size_t n)
{
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};

        sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* The journal's native protocol: FIELD=value lines, and for a value that may hold newlines the field's name alone,
 * eight bytes of length (little endian) and the bytes. */
static void send_journald(int fd, const char *name, enum log_level level, const char *message)
{
        char head[512];
        uint64_t length = htole64(strlen(message));
        int n = snprintf(head, sizeof(head), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%.400s\nMESSAGE\n", priorities[level],
                         name);
        struct iovec parts[] = {{head, (size_t)n},
                                {&length, sizeof(length)},
                                {(void *)(uintptr_t)message, strlen(message)},
                                {(void *)(uintptr_t) "\n", 1}};

        send_parts(fd, parts, ELEMENTS(parts));
}

/* RFC 3164 as local daemons take it: no time and no host, they have their own. */
static void send_syslog(int fd, const char *name, enum log_level level, const char *message)
{
        char head[512];
        int n = snprintf(head, sizeof(head), "<%d>%.400s[%d]: ", FACILITY_USER | priorities[level], name, getpid());
        struct iovec parts[] = {{head, (size_t)n}, {(void *)(uintptr_t)message, strlen(message)}};

        send_parts(fd, parts, ELEMENTS(parts));
}

static const struct journal journals[] = {
        {"journald", open_journald, send_journald},
        {"syslog", open_syslog, send_syslog},
};

const struct journal *journal_find(const char *scheme, size_t length)
{
        for (size_t i = 0; i < ELEMENTS(journals); i++)
                if (strlen(journals[i].scheme) == length && memcmp(journals[i].scheme, scheme, length) == 0)
                        return &journals[i];
        return NULL;
}
