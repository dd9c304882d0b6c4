/* Kills a program at one of its system call boundaries.
 *
 *      inject [-c] [-p PID] -n POINT -x PAYLOAD COMMAND [ARGUMENT...]
 *
 * COMMAND runs under ptrace, with all that it forks. At the entry of its POINTth system call, before the kernel does
 * anything, it gets SIGKILL: so each POINT is one boundary between two system calls. With -c it is not COMMAND itself
 * that is counted and killed but the processes that it starts (the container's process before it is the container's
 * program); with -p an existing process, the parked init, is traced too and counts as one of them. A process that has
 * become PAYLOAD (the base name of its program) is let go.
 *
 * Prints "killed PID at system call NUMBER, command ended with STATUS" and ends with 0, or "POINTS points, command
 * ended with STATUS" and ends with 10 when there were fewer. 3: nothing moved for 90 seconds (a machine boots). */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 90
#define OPTIONS                                                                                                        \
        (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define KNOWN_MAX 4096

static pid_t command;       /* COMMAND's pid */
static pid_t guest;         /* -p */
static bool count_children; /* -c */
static long point, seen;
static pid_t killed;
static unsigned long long killed_at;
static const char *payload;
static pid_t known[KNOWN_MAX]; /* processes whose first stop was seen */
static size_t n_known;

static volatile sig_atomic_t out_of_patience;

static void give_up(int signal)
{
        (void)signal;
        out_of_patience = 1;
}

static void show(const char *format, pid_t pid)
{
        char path[64], text[512];
        int fd;

        snprintf(path, sizeof(path), format, pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        fprintf(stderr, " %.*s", (int)strcspn(text, "\n"), text);
}

/* Who waits for what. */
static void report_stuck(void)
{
        fprintf(stderr, "inject: nothing moved; command %d, killed %d\n", command, killed);
        for (size_t i = 0; i < n_known; i++) {
                fprintf(stderr, "process");
                show("/proc/%d/stat", known[i]);
                show("/proc/%d/wchan", known[i]);
                show("/proc/%d/syscall", known[i]);
                fprintf(stderr, "\n");
        }
        kill(command, SIGKILL);
        exit(3);
}

static bool is_new(pid_t pid)
{
        for (size_t i = 0; i < n_known; i++)
                if (known[i] == pid)
                        return false;
        if (n_known < KNOWN_MAX)
                known[n_known++] = pid;
        return true;
}

static bool is_payload(pid_t pid)
{
        char path[64], exe[4096], *base;

        snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        ssize_t n = readlink(path, exe, sizeof(exe) - 1);

        if (n <= 0)
                return false;
        exe[n] = '\0';
        base = strrchr(exe, '/');
        return strcmp(base ? base + 1 : exe, payload) == 0;
}

/* A system call stop. True when the process was killed. */
static bool at_system_call(pid_t pid)
{
        struct __ptrace_syscall_info info;

        if (killed || (pid == command) == count_children)
                return false;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
                return false;
        if (++seen < point)
                return false;
        killed = pid;
        killed_at = info.entry.nr;
        kill(pid, SIGKILL);
        return true;
}

static void go_on(pid_t pid, int signal)
{
        /* After the kill the others run free of stops at system calls. */
        if (ptrace(killed ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) < 0 && errno != ESRCH)
                err(2, "inject: continue %d", pid);
}

static void at_stop(pid_t pid, int status)
{
        int signal = WSTOPSIG(status), event = status >> 16;

        if (signal == (SIGTRAP | 0x80)) {
                if (!at_system_call(pid))
                        go_on(pid, 0);
                return;
        }
        if (event == PTRACE_EVENT_EXEC && pid != command && is_payload(pid)) {
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
                return;
        }
        if (event || (is_new(pid) && signal == SIGSTOP))
                signal = 0;
        go_on(pid, signal);
}

static void start(char **argv)
{
        int status, word[2];
        char byte;

        if (pipe2(word, O_CLOEXEC) < 0)
                err(2, "inject: pipe");
        command = fork();
        if (command < 0)
                err(2, "inject: fork");
        if (command == 0) {
                if (read(word[0], &byte, 1) != 1)
                        _exit(126);
                execvp(argv[0], argv);
                err(127, "inject: %s", argv[0]);
        }
        /* Not PTRACE_TRACEME: what it forks would begin with a SIGSTOP, and stand still with it for ever where we end
         * before we have taken it away. */
        if (ptrace(PTRACE_SEIZE, command, NULL, (void *)(long)OPTIONS) < 0 ||
            ptrace(PTRACE_INTERRUPT, command, NULL, NULL) < 0 || waitpid(command, &status, 0) != command ||
            !WIFSTOPPED(status) || write(word[1], "", 1) != 1)
                err(2, "inject: seize %s", argv[0]);
        is_new(command);
        go_on(command, 0);
        if (guest && (ptrace(PTRACE_SEIZE, guest, NULL, (void *)(long)OPTIONS) < 0 ||
                      ptrace(PTRACE_INTERRUPT, guest, NULL, NULL) < 0))
                err(2, "inject: seize %d", guest);
        if (guest)
                is_new(guest);
}

/* Until COMMAND has ended, and the one that was killed is reaped. Returns COMMAND's status as a shell gives it. */
static int follow(void)
{
        int status, result = -1;
        bool dead = false;

        while (result < 0 || (killed && !dead)) {
                pid_t pid = waitpid(-1, &status, __WALL);

                if (out_of_patience)
                        report_stuck();
                if (pid < 0 && errno == EINTR)
                        continue;
                if (pid < 0)
                        break;
                if (WIFSTOPPED(status)) {
                        at_stop(pid, status);
                        continue;
                }
                dead = dead || pid == killed;
                if (pid == command)
                        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        return result;
}

int main(int argc, char **argv)
{
        int option, status;

        while ((option = getopt(argc, argv, "+cp:n:x:")) != -1) {
                if (option == 'c')
                        count_children = true;
                else if (option == 'p')
                        guest = atoi(optarg);
                else if (option == 'n')
                        point = atol(optarg);
                else if (option == 'x')
                        payload = optarg;
                else
                        return 2;
        }
        if (point < 1 || !payload || optind >= argc)
                errx(2, "usage: inject [-c] [-p PID] -n POINT -x PAYLOAD COMMAND...");
        sigaction(SIGALRM, &(struct sigaction){.sa_handler = give_up}, NULL); /* no SA_RESTART: it ends waitpid */
        alarm(PATIENCE_S);
        start(argv + optind);
        status = follow();
        if (!killed) {
                printf("%ld points, command ended with %d\n", seen, status);
                return 10;
        }
        printf("killed %d at system call %llu, command ended with %d\n", killed, killed_at, status);
        return 0;
}
