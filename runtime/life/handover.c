#include "runtime/life/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/unix_address.h"
#include "namespaces/console.h"

#define CONNECT_SECONDS 10

int handover_send(const char *socket_path, const char *name, int fd)
{
        _cleanup_close_ int connection = unix_connect(socket_path, CONNECT_SECONDS);
        int r;

        if (connection < 0)
                return fail(-connection, "connect to socket %s", socket_path);
        r = send_message(connection, name, strlen(name), &fd, 1);
        return r < 0 ? fail(-r, "send a descriptor to %s", socket_path) : 0;
}

int handover_console(const char *socket_path, const struct launched *launched, const struct oci_process *process)
{
        int r = 0;

        /* The init has done so, but the one in a virtual machine to the guest's terminal. */
        if (process->console_size.set)
                r = console_set_size(launched->console, process->console_size.height, process->console_size.width);
        return r < 0 ? r : handover_send(socket_path, launched->console_name, launched->console);
}

int handover_pid_file(const char *path, pid_t pid)
{
        _cleanup_free_ char *directory = strdup(path), *name = strdup(path);
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        char text[16];
        const char *file;
        int r;

        if (!directory || !name)
                return fail(ENOMEM, "write pid file %s", path);
        if (!path[0])
                return refuse(EINVAL, "pid file: the path is empty");
        fd = open(dirname(directory), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail(errno, "write pid file %s", path);
        snprintf(text, sizeof(text), "%d", (int)pid);
        file = basename(name);
        /* The new file takes the place of the old one, which may be as important as /dev/null. */
        if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                return refuse(EINVAL, "pid file %s: there is something that is no regular file", path);
        r = replace_file_at(fd, file, text, strlen(text), 0644);
        return r < 0 ? fail(-r, "write pid file %s", path) : 0;
}
