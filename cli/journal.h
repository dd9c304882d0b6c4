/* The machine's log services, spoken to by hand over their datagram sockets: syslog(3) would read time zone files, and
 * sd-journal is a shared library. */
#pragma once

#include <stddef.h>

#include "base/log.h"

struct journal {
        const char *scheme; /* what --log calls it */
        int (*open)(void);  /* a connected socket, or -errno with a message */
        /* name: who speaks. A message that cannot be delivered is dropped. */
        void (*send)(int fd, const char *name, enum log_level level, const char *message);
};

/* "journald" or "syslog"; NULL for anything else. */
const struct journal *journal_find(const char *scheme, size_t length);
