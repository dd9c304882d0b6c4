/* Who the program of a container is: "root", "1000:1000", "www-data". */
#pragma once

#include <stdint.h>

struct user {
        uint32_t uid, gid;
        char home[256];
};

/* Looks into rootfs/etc/passwd below the container's directory. NULL: root. A name that is not there is -EINVAL. */
int user_find(int container, const char *name, struct user *user);

/* The same for the text of an /etc/passwd. Pure. */
int user_find_in(const char *passwd, const char *name, struct user *user);
