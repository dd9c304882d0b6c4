/* Ownership made visible: variables that release what they hold, and explicit handing over. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0) {
                int saved = errno;
                close(*fd);
                errno = saved;
        }
}

static inline void cleanup_free(void *p)
{
        free(*(void **)p);
}

static inline void cleanup_closedir(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

static inline void cleanup_fclose(FILE **file)
{
        if (*file)
                fclose(*file);
}

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_close_     _cleanup_(cleanup_close)
#define _cleanup_free_      _cleanup_(cleanup_free)
#define _cleanup_closedir_  _cleanup_(cleanup_closedir)
#define _cleanup_fclose_    _cleanup_(cleanup_fclose)

/* Hand over: the variable forgets what it held, the caller of take_* owns it now. */
static inline int take_fd(int *fd)
{
        int taken = *fd;

        *fd = -EBADF;
        return taken;
}

#define take_ptr(p)                                                                                                    \
        ({                                                                                                             \
                __typeof__(*(p)) taken_ = *(p);                                                                        \
                *(p) = NULL;                                                                                           \
                taken_;                                                                                                \
        })

/* Close and replace. */
static inline void replace_fd(int *fd, int with)
{
        cleanup_close(fd);
        *fd = with;
}

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
