/* The programs that the keeper runs: one that starts the container, one that tidies up after it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/number.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/keeper/keeper.h"

#define ARGUMENTS_MOST 32

void keeper_tell(struct keeper *keeper, const char *text)
{
        if (keeper->told)
                return;
        (void)write_all(KEEPER_STATUS, text, strlen(text));
        (void)close(KEEPER_STATUS);
        keeper->told = true;
}

/* Becomes `berthctl ... sub-command NAME [argument]`. Its descriptor 3 is the report, its output the container's: what
 * it starts inherits them. */
static void __attribute__((noreturn))
become(const struct keeper *keeper, int report, const char *command, const char *argument)
{
        const char *arguments[ARGUMENTS_MOST] = {NULL};
        int n = 0, output = keeper->output;

        signals_reset();
        for (; n < keeper->n_program && n < ARGUMENTS_MOST - 4; n++)
                arguments[n] = keeper->program[n];
        arguments[n++] = command;
        arguments[n++] = keeper->name;
        arguments[n] = argument;
        if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
                _exit(127);
        if (report >= 0 && dup2(report, KEEPER_STATUS) < 0)
                _exit(127);
        (void)sys_close_range(report >= 0 ? KEEPER_STATUS + 1 : KEEPER_STATUS, ~0U, 0);
        (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
}

static pid_t run(struct keeper *keeper, int report, const char *command, const char *argument)
{
        struct clone_args clone = {.exit_signal = SIGCHLD};
        pid_t pid = sys_clone3(&clone);

        if (pid == 0)
                become(keeper, report, command, argument);
        return pid;
}

void keeper_launch(struct keeper *keeper)
{
        int pair[2];

        keeper->message_size = 0;
        keeper->state = KEEPER_LAUNCHING;
        keeper->started = now_ms();
        /* Above the numbers that have a meaning. */
        if (pipe2(pair, O_CLOEXEC) < 0) {
                keeper_tell(keeper, "the keeper cannot make a pipe");
                keeper->state = KEEPER_DONE;
                return;
        }
        (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
        keeper->report = pair[0];
        keeper->helper = run(keeper, pair[1], "keeper-launch", NULL);
        (void)close(pair[1]);
        if (keeper->helper < 0) {
                keeper->helper = 0;
                keeper_tell(keeper, "the keeper cannot start a process");
                keeper->state = KEEPER_DONE;
        }
}

void keeper_read_report(struct keeper *keeper)
{
        if (keeper->report < 0)
                return;
        for (;;) {
                size_t room = sizeof(keeper->message) - 1 - keeper->message_size;
                ssize_t n = room ? read(keeper->report, keeper->message + keeper->message_size, room) : 0;

                if (n <= 0)
                        break;
                keeper->message_size += (size_t)n;
        }
        keeper->message[keeper->message_size] = '\0';
        if (strncmp(keeper->message, "pid ", 4) == 0) {
                int64_t pid;

                if (parse_i64(keeper->message + 4, 1, INT32_MAX, &pid) == 0)
                        keeper->init = (pid_t)pid;
        }
}

/* The container could not be started: the first time that is the answer, later the policy decides. */
static void launch_failed(struct keeper *keeper)
{
        if (keeper->told) {
                keeper_ended(keeper, 255);
                return;
        }
        keeper_tell(keeper, keeper->message_size ? keeper->message : "the program that starts it was killed");
        keeper->state = KEEPER_DONE;
}

static void launch_ended(struct keeper *keeper)
{
        keeper_read_report(keeper);
        (void)close(keeper->report);
        keeper->report = -1;
        if (!keeper->init) {
                launch_failed(keeper);
                return;
        }
        keeper->state = KEEPER_RUNNING;
        keeper_hold(keeper);
        keeper_answer(keeper);
        keeper_tell(keeper, "ok");
}

void keeper_ended(struct keeper *keeper, int status)
{
        char text[16];

        keeper_drain(keeper);
        keeper->init = 0;
        keeper->status = status;
        keeper->state = KEEPER_ENDING;
        snprintf(text, sizeof(text), "%d", status);
        keeper->helper = run(keeper, -1, "keeper-ended", text);
        if (keeper->helper < 0) {
                keeper->helper = 0;
                keeper->state = KEEPER_DONE;
        }
}

static void tidied_up(struct keeper *keeper)
{
        int64_t delay;

        if (keeper->stopping || !keeper_decide(keeper->policy, keeper->most, keeper->restarts, keeper->status,
                                               now_ms() - keeper->started, &delay, &keeper->restarts)) {
                keeper->state = KEEPER_DONE;
                return;
        }
        keeper->state = KEEPER_WAITING;
        keeper->wake = now_ms() + delay;
}

static int status_of(int status)
{
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void keeper_reap(struct keeper *keeper)
{
        for (;;) {
                int status;
                pid_t pid;

                /* The container may be ours already before the program that started it is reaped. */
                keeper_read_report(keeper);
                pid = waitpid(-1, &status, WNOHANG);
                if (pid <= 0)
                        return;
                if (pid == keeper->helper) {
                        keeper->helper = 0;
                        if (keeper->state == KEEPER_LAUNCHING)
                                launch_ended(keeper);
                        else if (keeper->state == KEEPER_ENDING)
                                tidied_up(keeper);
                } else if (pid == keeper->init) {
                        if (keeper->state == KEEPER_LAUNCHING) {
                                launch_ended(keeper);
                                keeper->helper = 0;
                        }
                        keeper_ended(keeper, status_of(status));
                }
        }
}
