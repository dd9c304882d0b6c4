#include "base/unix_address.h"

#include <stdio.h>
#include <sys/socket.h>

struct sockaddr_un unix_address_at(int dirfd, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d%s%.64s", dirfd, *name ? "/" : "", name);
        return address;
}
