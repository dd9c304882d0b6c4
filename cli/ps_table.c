#include "cli/ps_table.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"

#define LISTING_MOST ((size_t)64 * 1024 * 1024)

/* Starts ps with its standard output in the pipe. Returns a positive errno as posix_spawn does. */
static int spawn_ps(char *const *argv, int out, pid_t *pid)
{
        posix_spawn_file_actions_t actions;
        int err = posix_spawn_file_actions_init(&actions);

        if (err)
                return err;
        err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (!err)
                err = posix_spawnp(pid, "ps", &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return err;
}

static int wait_ps(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail(errno, "wait for ps");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFEXITED(status))
                return refuse(EIO, "ps failed with exit status %d", WEXITSTATUS(status));
        return refuse(EIO, "ps was killed by signal %d", WTERMSIG(status));
}

int ps_run(const char **arguments, size_t n, char **listing)
{
        _cleanup_free_ char **argv = calloc(n + 3, sizeof(*argv));
        _cleanup_close_ int in = -EBADF, out = -EBADF;
        char name[] = "ps", everything[] = "-ef";
        size_t size;
        int pipe_fds[2], err, r;
        pid_t pid;

        if (!argv)
                return fail(ENOMEM, "run ps");
        argv[0] = name;
        argv[1] = everything;
        for (size_t i = 0; i < n; i++)
                argv[i + 1] = (char *)(uintptr_t)arguments[i];
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return fail(errno, "make a pipe for ps");
        in = pipe_fds[0];
        out = pipe_fds[1];
        err = spawn_ps(argv, out, &pid);
        if (err == ENOENT)
                return -ENOENT;
        if (err)
                return fail(err, "run ps");
        replace_fd(&out, -EBADF);
        r = read_all(in, LISTING_MOST, listing, &size);
        replace_fd(&in, -EBADF); /* a ps that says too much is ended by the closed pipe */
        err = wait_ps(pid);
        if (r < 0)
                return fail(-r, "read what ps prints");
        return err;
}

/* The field with this index in a line of fields separated by blanks. Its length, 0 when there are fewer. */
static size_t find_field(const char *line, size_t length, size_t index, const char **field)
{
        const char *p = line, *end = line + length;

        for (size_t i = 0;; i++) {
                while (p < end && (*p == ' ' || *p == '\t'))
                        p++;
                *field = p;
                while (p < end && *p != ' ' && *p != '\t')
                        p++;
                if (i == index || p == *field)
                        return (size_t)(p - *field);
        }
}

static int find_pid_column(const char *header, size_t length)
{
        for (int i = 0;; i++) {
                const char *field;
                size_t n = find_field(header, length, (size_t)i, &field);

                if (n == 0)
                        return -1;
                if (n == 3 && memcmp(field, "PID", 3) == 0)
                        return i;
        }
}

static int is_listed(const char *field, size_t length, const pid_t *pids, size_t n)
{
        char number[16];
        uint64_t pid;

        if (length == 0 || length >= sizeof(number))
                return 0;
        memcpy(number, field, length);
        number[length] = '\0';
        if (parse_u64(number, INT32_MAX, &pid) < 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                if (pids[i] == (pid_t)pid)
                        return 1;
        return 0;
}

int ps_filter(const char *listing, const pid_t *pids, size_t n, FILE *out)
{
        size_t length = strcspn(listing, "\n");
        int column = find_pid_column(listing, length);
        const char *line = listing;

        if (column < 0)
                return refuse(EINVAL, "ps shows no column PID: add it to the options of ps");
        fprintf(out, "%.*s\n", (int)length, line);
        for (;;) {
                const char *field;
                size_t field_length;

                line += length;
                if (!*line++)
                        return 0;
                length = strcspn(line, "\n");
                field_length = find_field(line, length, (size_t)column, &field);
                if (is_listed(field, field_length, pids, n))
                        fprintf(out, "%.*s\n", (int)length, line);
        }
}

void ps_plain(const pid_t *pids, size_t n, FILE *out)
{
        fputs("PID\n", out);
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%d\n", (int)pids[i]);
}
