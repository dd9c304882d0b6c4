/* Work that a limit must stop, done inside a test's container: static, small, and it says what became of it as
 * key=value lines. Times are microseconds.
 *
 *      load memory MIB [stay]        touch so much anonymous memory: "touched=MIB"; stay: hold it until SIGTERM
 *      load spin MS                  turn for so long: "wall= cpu= share=PERCENT cpus=0,1" (the CPUs it ran on)
 *      load fork N                   so many children at a time: "forked=N errno=..."
 *      load write FILE KIB HOW       "wall= rate=KIB-a-second"; HOW: direct, or buffered with an fsync at the end
 *      load read FILE KIB            the same, direct
 *      load huge PAGES [noreserve]   pages of 2 MiB: "mapped=N errno=...", "touched=N"; SIGBUS is "bus=N" touched
 * before load pin CPU                  ask for another CPU: "errno=..." load open FILE                for reading and
 * writing: "errno=..." load count FILE               count in the first eight bytes of the file (a shared mapping)
 * without end load rdma DEVICE N            open so many contexts of an RDMA device: "opened=N errno=..." load after
 * FIFO VERB...       "ready", wait until somebody opens the FIFO for writing, then the rest
 */
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_verbs.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KIB       1024UL
#define MIB       (1024UL * 1024)
#define HUGE_PAGE (2 * MIB)
#define CHUNK     (64 * KIB)

static int verb(int n, char **words);

static const char *errno_name(int number)
{
        const char *name = strerrorname_np(number);

        return name ? name : "0";
}

static int64_t now_us(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int fail(const char *what)
{
        printf("%s: errno=%s\n", what, errno_name(errno));
        return 1;
}

static void end(int signal)
{
        (void)signal;
        _exit(0);
}

static void __attribute__((noreturn)) stay(void)
{
        fflush(stdout);
        signal(SIGTERM, end);
        for (;;)
                pause();
}

/* ---- memory ---- */

/* Each page differs from the others, so that nothing can merge or drop them. */
static void touch(char *start, size_t size, size_t step)
{
        for (size_t i = 0; i < size; i += step)
                *(volatile uint64_t *)(void *)(start + i) = i + 1;
}

static int touch_memory(char **words)
{
        size_t size = strtoul(words[0], NULL, 10) * MIB;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                return fail("mmap");
        touch(memory, size, 4096);
        printf("touched=%s\n", words[0]);
        if (words[1])
                stay();
        return 0;
}

static sigjmp_buf bus;

static void on_bus(int signal)
{
        (void)signal;
        siglongjmp(bus, 1);
}

static int map_huge_pages(char **words, bool reserve)
{
        volatile size_t mapped = 0, touched = 0;
        size_t pages = strtoul(words[0], NULL, 10);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (reserve ? 0 : MAP_NORESERVE);
        char *memory[64];

        errno = 0;
        for (; mapped < pages && mapped < 64; mapped++) {
                memory[mapped] = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
                if (memory[mapped] == MAP_FAILED)
                        break;
        }
        printf("mapped=%zu errno=%s\n", mapped, errno_name(errno));
        signal(SIGBUS, on_bus);
        if (sigsetjmp(bus, 1)) {
                printf("bus=%zu\n", touched);
                return 0;
        }
        for (; touched < mapped; touched++)
                touch(memory[touched], 1, 1);
        printf("touched=%zu\n", touched);
        return 0;
}

/* ---- CPU ---- */

static int spin(char **words)
{
        int64_t start = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
        int64_t until = start + strtol(words[0], NULL, 10) * 1000, now;
        cpu_set_t seen;

        CPU_ZERO(&seen);
        do {
                unsigned here = 0;

                if (getcpu(&here, NULL) == 0)
                        CPU_SET(here, &seen);
                now = now_us(CLOCK_MONOTONIC);
        } while (now < until);
        cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        printf("wall=%lld cpu=%lld share=%lld cpus=", (long long)(now - start), (long long)cpu,
               (long long)(100 * cpu / (now - start)));
        for (int i = 0, first = 1; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &seen)) {
                        printf("%s%d", first ? "" : ",", i);
                        first = 0;
                }
        printf("\n");
        return 0;
}

static int pin(char **words)
{
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET(strtoul(words[0], NULL, 10), &cpus);
        errno = 0;
        (void)sched_setaffinity(0, sizeof(cpus), &cpus);
        printf("errno=%s\n", errno_name(errno));
        return 0;
}

static int count(char **words)
{
        volatile uint64_t *counter;
        int fd = open(words[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || ftruncate(fd, 4096) < 0)
                return fail(words[0]);
        counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (counter == MAP_FAILED)
                return fail("mmap");
        printf("ready\n");
        fflush(stdout);
        signal(SIGTERM, end);
        for (;;)
                ++*counter;
}

/* ---- processes ---- */

static int fork_children(char **words)
{
        long wanted = strtol(words[0], NULL, 10), forked = 0;
        pid_t pid = 0;

        fflush(stdout);
        errno = 0;
        for (; forked < wanted; forked++) {
                pid = fork();
                if (pid < 0)
                        break;
                if (pid == 0)
                        for (;;)
                                pause();
        }
        printf("forked=%ld errno=%s\n", forked, errno_name(pid < 0 ? errno : 0));
        fflush(stdout);
        signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
        while (wait(NULL) > 0)
                ;
        return 0;
}

/* ---- devices and files ---- */

static int transfer(const char *path, size_t kib, bool writing, bool direct)
{
        size_t size = kib * KIB, done = 0;
        int fd = open(path, (writing ? O_WRONLY | O_CREAT : O_RDONLY) | (direct ? O_DIRECT : 0) | O_CLOEXEC, 0600);
        char *chunk = aligned_alloc(4096, CHUNK);
        int64_t wall = now_us(CLOCK_MONOTONIC);

        if (fd < 0 || !chunk)
                return fail(path);
        memset(chunk, 'x', CHUNK);
        while (done < size) {
                ssize_t n = writing ? write(fd, chunk, CHUNK) : read(fd, chunk, CHUNK);

                if (n <= 0)
                        return fail(path);
                done += (size_t)n;
        }
        if (!direct && fsync(fd) < 0)
                return fail("fsync");
        wall = now_us(CLOCK_MONOTONIC) - wall;
        printf("wall=%lld rate=%lld\n", (long long)wall, (long long)(kib * 1000000 / (size_t)(wall + 1)));
        return 0;
}

static int try_open(char **words)
{
        errno = 0;
        (void)open(words[0], O_RDWR | O_NONBLOCK | O_CLOEXEC);
        printf("errno=%s\n", errno_name(errno));
        return 0;
}

/* What libibverbs' ibv_open_device does: the context is what rdma.max counts as an hca_handle. */
static int open_rdma(char **words)
{
        struct {
                struct ib_uverbs_cmd_hdr header;
                struct ib_uverbs_get_context command;
        } request = {
                {IB_USER_VERBS_CMD_GET_CONTEXT, sizeof(request) / 4, sizeof(struct ib_uverbs_get_context_resp) / 4 + 4},
                {0}};
        long wanted = strtol(words[1], NULL, 10), opened = 0;
        char answer[256];

        errno = 0;
        for (; opened < wanted; opened++) {
                int fd = open(words[0], O_RDWR | O_CLOEXEC);

                request.command.response = (uintptr_t)answer;
                if (fd < 0 || write(fd, &request, sizeof(request)) < 0)
                        break;
        }
        printf("opened=%ld errno=%s\n", opened, errno_name(errno));
        return 0;
}

/* ---- words ---- */

static int after(int n, char **words)
{
        int fd;

        printf("ready\n");
        fflush(stdout);
        fd = open(words[0], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fail(words[0]);
        close(fd);
        return verb(n - 1, words + 1);
}

static int write_words(char **words)
{
        return transfer(words[0], strtoul(words[1], NULL, 10), true, strcmp(words[2], "direct") == 0);
}

static int read_words(char **words)
{
        return transfer(words[0], strtoul(words[1], NULL, 10), false, true);
}

static int huge_words(char **words)
{
        return map_huge_pages(words, !words[1]);
}

static const struct {
        const char *name;
        int words;
        int (*carry_out)(char **words);
} verbs[] = {
        {"memory", 1, touch_memory},
        {"spin", 1, spin},
        {"fork", 1, fork_children},
        {"write", 3, write_words},
        {"read", 2, read_words},
        {"huge", 1, huge_words},
        {"pin", 1, pin},
        {"open", 1, try_open},
        {"count", 1, count},
        {"rdma", 2, open_rdma},
};

static int verb(int n, char **words)
{
        if (n > 2 && strcmp(words[0], "after") == 0)
                return after(n - 1, words + 1);
        for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
                if (n > verbs[i].words && strcmp(words[0], verbs[i].name) == 0)
                        return verbs[i].carry_out(words + 1);
        fprintf(stderr, "load: what is to be done?\n");
        return 2;
}

int main(int argc, char **argv)
{
        return verb(argc - 1, argv + 1);
}
