#include "runtime/core/loopback.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"

int loopback_up(void)
{
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

        /* A kernel without IPv4 has the request on every other family of sockets. */
        if (fd < 0 && errno == EAFNOSUPPORT)
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return fail(errno, "open a socket for the loopback interface");
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return fail(errno, "bring the loopback interface up");
        return 0;
}
