/* Times commands against each other, in turn, so that a noisy neighbour hits all of them alike: A B C A B C ...
 *
 *      pairbench [-n ROUNDS] [-b COMMAND] [-a COMMAND] NAME=COMMAND...
 *
 * Each COMMAND is split at blanks, "%d" in a word becomes the number of the round and "%n" the name. -b is run before
 * and -a after each timed one (not timed; "%n" is the timed one's name). The first round warms up and is not counted.
 * The wall clock runs from posix_spawn to wait. Prints for each "NAME MEDIAN-us MIN-us P90-us PEAK-KiB"; the peak is
 * the largest resident set of the direct child and all that it waited for. A command that fails ends all with 1. */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX    64
#define COMMANDS_MAX 16

extern char **environ;

static struct candidate {
        const char *name, *command;
        double *times;
        long peak;
} candidates[COMMANDS_MAX];
static int n_candidates, rounds = 100;
static int complaints; /* what the commands write to stderr, shown only when one fails */

static void show_complaints(void)
{
        char text[4096];
        ssize_t n = pread(complaints, text, sizeof(text), 0);

        if (n > 0)
                fwrite(text, 1, (size_t)n, stderr);
}

/* A word with its %d and %n filled in; malloc'ed. */
static char *fill(const char *word, int round, const char *name)
{
        char text[4096];
        size_t n = 0;

        for (const char *c = word; *c && n < sizeof(text) - 256; c++) {
                if (c[0] == '%' && c[1] == 'd')
                        n += (size_t)sprintf(text + n, "%d", round), c++;
                else if (c[0] == '%' && c[1] == 'n')
                        n += (size_t)sprintf(text + n, "%s", name), c++;
                else
                        text[n++] = *c;
        }
        text[n] = '\0';
        return strdup(text);
}

/* Runs and waits. Returns microseconds. */
static double run(const char *command, int round, const char *name, long *peak)
{
        char *copy = strdup(command), *words[WORDS_MAX + 1], *save = NULL;
        struct timespec before, after;
        posix_spawn_file_actions_t actions;
        struct rusage usage;
        int n = 0, status, r;
        pid_t pid;

        for (char *word = strtok_r(copy, " ", &save); word && n < WORDS_MAX; word = strtok_r(NULL, " ", &save))
                words[n++] = fill(word, round, name);
        words[n] = NULL;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, complaints, 2);
        if (ftruncate(complaints, 0) < 0 || lseek(complaints, 0, SEEK_SET) < 0)
                err(1, "pairbench: complaints");
        clock_gettime(CLOCK_MONOTONIC, &before);
        r = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
        if (r != 0)
                errx(1, "%s: %s", words[0], strerror(r));
        wait4(pid, &status, 0, &usage);
        clock_gettime(CLOCK_MONOTONIC, &after);
        if (status != 0)
                show_complaints();
        if (status != 0)
                errx(1, "pairbench: %s: '%s' ended with status %x", name, command, status);
        posix_spawn_file_actions_destroy(&actions);
        if (peak && usage.ru_maxrss > *peak)
                *peak = usage.ru_maxrss;
        while (n > 0)
                free(words[--n]);
        free(copy);
        return (double)(after.tv_sec - before.tv_sec) * 1e6 + (double)(after.tv_nsec - before.tv_nsec) / 1e3;
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        const char *prepare = NULL, *clean = NULL;
        int option;

        while ((option = getopt(argc, argv, "+n:b:a:")) != -1) {
                if (option == 'n')
                        rounds = atoi(optarg);
                else if (option == 'b')
                        prepare = optarg;
                else if (option == 'a')
                        clean = optarg;
                else
                        return 2;
        }
        complaints = memfd_create("complaints", MFD_CLOEXEC);
        for (int i = optind; i < argc && n_candidates < COMMANDS_MAX; i++) {
                char *equals = strchr(argv[i], '=');

                if (!equals)
                        errx(2, "pairbench: NAME=COMMAND: %s", argv[i]);
                *equals = '\0';
                candidates[n_candidates++] =
                        (struct candidate){argv[i], equals + 1, calloc((size_t)rounds, sizeof(double)), 0};
        }
        for (int round = -1; round < rounds; round++) {
                for (int i = 0; i < n_candidates; i++) {
                        struct candidate *c = &candidates[i];
                        double time;

                        if (prepare)
                                run(prepare, round + 1, c->name, NULL);
                        time = run(c->command, round + 1, c->name, &c->peak);
                        if (clean)
                                run(clean, round + 1, c->name, NULL);
                        if (round >= 0)
                                c->times[round] = time;
                }
        }
        for (int i = 0; i < n_candidates; i++) {
                struct candidate *c = &candidates[i];

                qsort(c->times, (size_t)rounds, sizeof(double), by_value);
                printf("%s %.0f %.0f %.0f %ld\n", c->name, c->times[rounds / 2], c->times[0], c->times[rounds * 9 / 10],
                       c->peak);
        }
        return 0;
}
