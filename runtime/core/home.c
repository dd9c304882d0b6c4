#include "runtime/core/home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/number.h"

/* Bytes. One that an image makes endless, of holes even, must not keep anybody who waits for the program. */
#define PASSWD_MOST (16 << 20)

/* name:password:uid:gid:gecos:home:shell. Cuts the line up; NULL when it is another user's or damaged. */
static const char *home_in_line(char *line, uint32_t uid)
{
        char *fields[7];
        uint32_t id;

        for (int i = 0; i < 7; i++) {
                fields[i] = line ? strsep(&line, ":") : NULL;
                if (!fields[i])
                        return NULL;
        }
        if (parse_id(fields[2], &id) < 0 || id != uid || fields[5][0] != '/')
                return NULL;
        return fields[5];
}

void home_directory(uint32_t uid, char *home, size_t size)
{
        _cleanup_close_ int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_fclose_ FILE *file = NULL;
        char line[4096];
        struct stat st;

        snprintf(home, size, "/");
        /* A fifo or a device in its place must not hold us up. */
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PASSWD_MOST)
                return;
        file = fdopen(fd, "re");
        if (!file)
                return;
        (void)take_fd(&fd);
        /* It may grow while we read. */
        for (size_t lines = 0; lines < PASSWD_MOST && fgets(line, sizeof(line), file); lines++) {
                const char *found = home_in_line(line, uid);

                if (found && strlen(found) < size) {
                        strcpy(home, found);
                        return;
                }
        }
}
