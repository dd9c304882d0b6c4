#include "runtime/core/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* Permission bits of a key (Documentation/security/keys/core.rst); no header of the kernel exports them. */
#define KEY_USER_SEARCH  0x00080000U
#define KEY_OTHER_SEARCH 0x00000008U

static int explain(int err, const char *name)
{
        if (err == EDQUOT)
                return fail(EDQUOT,
                            "join session keyring %s: the user's key quota is used up "
                            "(/proc/sys/kernel/keys/maxkeys; --no-new-keyring goes without)",
                            name);
        return fail(err, "join session keyring %s (--no-new-keyring goes without)", name);
}

/* keyctl(KEYCTL_DESCRIBE) writes "type;uid;gid;permissions;description", the permissions in hexadecimal. */
static int read_permissions(long keyring, uint32_t *permissions)
{
        char text[1280];
        const char *field = text;
        char *end;
        long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, text, sizeof(text) - 1, 0);

        if (n < 0)
                return -errno;
        text[(size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1] = '\0';
        for (int i = 0; field && i < 3; i++) {
                field = strchr(field, ';');
                field = field ? field + 1 : NULL;
        }
        if (!field)
                return -EPROTO;
        *permissions = (uint32_t)strtoul(field, &end, 16);
        return *end == ';' ? 0 : -EPROTO;
}

int keyring_join(const char *id, bool user_namespace)
{
        char name[1024 + 8];
        uint32_t permissions = 0;
        long keyring;
        int r;

        snprintf(name, sizeof(name), "_ses.%s", id);
        keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
        if (keyring < 0)
                return errno == ENOSYS ? 0 : explain(errno, name);
        r = read_permissions(keyring, &permissions);
        if (r < 0)
                return fail(-r, "read the permissions of session keyring %s", name);
        permissions |= user_namespace ? KEY_OTHER_SEARCH : KEY_USER_SEARCH;
        if (syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, permissions, 0, 0) < 0)
                return fail(errno, "set the permissions of session keyring %s", name);
        return 0;
}
