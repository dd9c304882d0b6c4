/* Lives of containers, one after the other, without a shell between the commands: what is timed is the runtime.
 *
 *      lives [-k] [-f FIRST] -n COUNT BUNDLE NAME RUNTIME [GLOBAL-OPTION...]
 *
 * Each life is create, start, exec of /bin/true, kill, the end of the init and delete, as NAME0, NAME1...; FIRST is the
 * first number. With -k only create and start: the containers stay. Prints the microseconds of each life, a line each.
 * A command that fails or takes two minutes, or an init that lives on for 30 seconds, ends all with 1 and the runtime's
 * own words. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX   32
#define PATIENCE_MS 30000
#define COMMAND_MS  120000 /* an emulated machine is slow, a runtime that hangs is slower */

extern char **environ;

static char *globals[WORDS_MAX]; /* the runtime and its options */
static int n_globals;
static char pid_file[] = "/tmp/lives.XXXXXX";

/* Held so that its end can be waited for. */
static int open_process(int pid)
{
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                err(1, "lives: pidfd_open %d", pid);
        return fd;
}

/* Takes the descriptor. 0: the process lives on. */
static int wait_for_end(int process, int patience_ms)
{
        struct pollfd event = {.fd = process, .events = POLLIN};
        int n = poll(&event, 1, patience_ms);

        close(process);
        return n == 1;
}

/* Runs the runtime with these words, up to a NULL, and waits. */
static void command(const char *word, ...)
{
        char *words[2 * WORDS_MAX + 1];
        posix_spawn_file_actions_t actions;
        int n = n_globals, status, r;
        va_list more;
        pid_t pid;

        memcpy(words, globals, (size_t)n * sizeof(*words));
        va_start(more, word);
        for (const char *w = word; w && n < 2 * WORDS_MAX; w = va_arg(more, const char *))
                words[n++] = (char *)(uintptr_t)w;
        va_end(more);
        words[n] = NULL;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        r = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                errx(1, "lives: %s: %s", words[0], strerror(r));
        if (!wait_for_end(open_process(pid), COMMAND_MS)) {
                kill(pid, SIGKILL);
                errx(1, "lives: %s has not ended in %d seconds", word, COMMAND_MS / 1000);
        }
        if (waitpid(pid, &status, 0) < 0)
                err(1, "lives: wait");
        if (status != 0)
                errx(1, "lives: %s ended with status %x", word, status);
}

static int open_init(void)
{
        FILE *file = fopen(pid_file, "re");
        int pid;

        if (!file || fscanf(file, "%d", &pid) != 1)
                errx(1, "lives: no pid in %s", pid_file);
        fclose(file);
        return open_process(pid);
}

static void live(const char *bundle, const char *id, int keep)
{
        int init;

        command("create", "--bundle", bundle, "--pid-file", pid_file, id, NULL);
        command("start", id, NULL);
        if (keep)
                return;
        init = open_init();
        command("exec", id, "/bin/true", NULL);
        command("kill", id, "KILL", NULL);
        if (!wait_for_end(init, PATIENCE_MS))
                errx(1, "lives: the init lives on");
        command("delete", id, NULL);
}

static long long now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long processor_us(void)
{
        struct rusage usage;

        getrusage(RUSAGE_CHILDREN, &usage);
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_usec;
}

static void remove_pid_file(void)
{
        unlink(pid_file);
}

int main(int argc, char **argv)
{
        int option, keep = 0, fd;
        long first = 0, count = 0;

        while ((option = getopt(argc, argv, "+kf:n:")) != -1) {
                if (option == 'k')
                        keep = 1;
                else if (option == 'f')
                        first = atol(optarg);
                else if (option == 'n')
                        count = atol(optarg);
                else
                        return 2;
        }
        n_globals = argc - optind - 2;
        if (count < 1 || n_globals < 1 || n_globals >= WORDS_MAX)
                errx(2, "lives [-k] [-f FIRST] -n COUNT BUNDLE NAME RUNTIME [GLOBAL-OPTION...]");
        memcpy(globals, argv + optind + 2, (size_t)n_globals * sizeof(*globals));
        fd = mkstemp(pid_file);
        if (fd < 0)
                err(1, "lives: %s", pid_file);
        close(fd);
        atexit(remove_pid_file);
        for (long i = first; i < first + count; i++) {
                long long start = now_us(), used = processor_us();
                char id[128];

                snprintf(id, sizeof(id), "%s%ld", argv[optind + 1], i);
                live(argv[optind], id, keep);
                printf("%lld %lld\n", now_us() - start, processor_us() - used);
        }
        return 0;
}
