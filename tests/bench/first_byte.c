/* first_byte FIFO ROUNDS COMMAND [ARGUMENT...]: how long from the start of a command to the first byte in a named pipe,
 * which it or what it starts writes. "%d" in an argument is the round. Prints median, least and most, in microseconds.
 * Each round ends when the command has; one that says nothing, or does not end, for 30 s is an error. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 30000
#define ROUNDS_MAX  10000

static int64_t now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static pid_t start(char **words, int round)
{
        char number[16];
        pid_t child;

        snprintf(number, sizeof(number), "%d", round);
        child = fork();
        if (child != 0)
                return child;
        for (char **word = words; *word; word++) {
                char *at = strstr(*word, "%d"), *made;

                if (at && asprintf(&made, "%.*s%s%s", (int)(at - *word), *word, number, at + 2) >= 0)
                        *word = made;
        }
        execv(words[0], words);
        err(127, "%s", words[0]);
}

static void __attribute__((noreturn)) give_up(pid_t child, const char *what)
{
        kill(child, SIGKILL);
        errx(1, "%s", what);
}

static int64_t measure(int fifo, char **words, int round)
{
        struct pollfd byte = {.fd = fifo, .events = POLLIN}, end = {.events = POLLIN};
        int64_t begin = now_us(), took;
        pid_t child = start(words, round);
        char rest[4096];

        if (child < 0)
                err(2, "fork");
        end.fd = (int)syscall(SYS_pidfd_open, child, 0);
        if (end.fd < 0)
                err(2, "pidfd_open");
        if (poll(&byte, 1, DEADLINE_MS) != 1)
                give_up(child, "no byte came");
        took = now_us() - begin;
        if (poll(&end, 1, DEADLINE_MS) != 1)
                give_up(child, "the command does not end");
        waitpid(child, NULL, 0);
        close(end.fd);
        while (read(fifo, rest, sizeof(rest)) > 0)
                ;
        return took;
}

static int compare(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        int rounds = argc > 3 ? atoi(argv[2]) : 0, fifo;
        int64_t *took;

        if (rounds < 1 || rounds > ROUNDS_MAX)
                errx(2, "usage: first_byte FIFO ROUNDS COMMAND [ARGUMENT...]");
        /* For writing, too: else it would end with each round's writer. */
        fifo = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
        took = calloc((size_t)rounds, sizeof(*took));
        if (fifo < 0 || !took)
                err(2, "%s", argv[1]);
        for (int i = 0; i < rounds; i++)
                took[i] = measure(fifo, argv + 3, i);
        qsort(took, (size_t)rounds, sizeof(*took), compare);
        printf("%lld %lld %lld\n", (long long)took[rounds / 2], (long long)took[0], (long long)took[rounds - 1]);
        return 0;
}
