#include "base/lock.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/time.h>

static void on_alarm(int signal)
{
        (void)signal;
}

/* flock(2) knows no deadline; a timer that interrupts it does. The timer repeats, so that a signal which comes before
 * the call begins to wait is not the last one. */
int lock_file(int fd, int operation, int seconds)
{
        const struct sigaction interrupt = {.sa_handler = on_alarm};
        const struct itimerval timer = {.it_value = {.tv_sec = seconds}, .it_interval = {.tv_sec = 1}};
        const struct itimerval none = {0};
        struct sigaction before;
        int r = 0;

        if (flock(fd, operation | LOCK_NB) == 0)
                return 0;
        if (errno != EWOULDBLOCK)
                return -errno;
        (void)sigaction(SIGALRM, &interrupt, &before);
        (void)setitimer(ITIMER_REAL, &timer, NULL);
        if (flock(fd, operation) < 0)
                r = errno == EINTR ? -ETIMEDOUT : -errno;
        (void)setitimer(ITIMER_REAL, &none, NULL);
        (void)sigaction(SIGALRM, &before, NULL);
        return r;
}
