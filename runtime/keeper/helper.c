/* The programs that the keeper runs: one that starts the container, one that tidies up after it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#define MORE_MOST      3

void keeper_tell(struct keeper *keeper, const char *text)
{
        if (keeper->told)
                return;
        (void)write_all(KEEPER_STATUS, text, strlen(text));
        (void)close(KEEPER_STATUS);
        keeper->told = true;
}

/* Becomes `berthctl ... sub-command NAME [argument...]`. Its descriptor 3 is the report, its output the container's:
 * what it starts inherits them. Who tidies up must do so with a pipe, too, that the container has closed to us. */
static void __attribute__((noreturn))
become(const struct keeper *keeper, int report, const char *command, const char *const *more)
{
        const char *arguments[ARGUMENTS_MOST] = {NULL};
        int n = 0, output = report >= 0 ? keeper_open_output(0) : keeper->output;

        signals_reset();
        for (; n < keeper->n_program && n < ARGUMENTS_MOST - 3 - MORE_MOST; n++)
                arguments[n] = keeper->program[n];
        arguments[n++] = command;
        arguments[n++] = keeper->name;
        for (int i = 0; i < MORE_MOST && more[i]; i++)
                arguments[n++] = more[i];
        if (output < 0 && report >= 0)
                _exit(127);
        if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
                _exit(127);
        if (report >= 0 && dup2(report, KEEPER_STATUS) < 0)
                _exit(127);
        (void)sys_close_range(report >= 0 ? KEEPER_STATUS + 1 : KEEPER_STATUS, ~0U, 0);
        (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
}

/* more: MORE_MOST arguments, NULL after the last. */
static pid_t run(struct keeper *keeper, int report, const char *command, const char *const *more)
{
        struct clone_args clone = {.exit_signal = SIGCHLD};
        pid_t pid = sys_clone3(&clone);

        if (pid == 0)
                become(keeper, report, command, more);
        return pid;
}

void keeper_launch(struct keeper *keeper)
{
        char restarts[16];
        const char *const more[MORE_MOST] = {keeper->told ? restarts : NULL};
        int pair[2];

        snprintf(restarts, sizeof(restarts), "%u", keeper->restarts);
        keeper->message_size = 0;
        keeper->state = KEEPER_LAUNCHING;
        /* Above the numbers that have a meaning. */
        if (pipe2(pair, O_CLOEXEC) < 0) {
                keeper_tell(keeper, "the keeper cannot make a pipe");
                keeper->state = KEEPER_DONE;
                return;
        }
        (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
        keeper->report = pair[0];
        keeper->helper = run(keeper, pair[1], "keeper-launch", more);
        (void)close(pair[1]);
        if (keeper->helper < 0) {
                keeper->helper = 0;
                keeper_tell(keeper, "the keeper cannot start a process");
                keeper->state = KEEPER_DONE;
        }
}

void keeper_let_launch(struct keeper *keeper)
{
        _cleanup_close_ int output = keeper_open_output(0);
        const char go = KEEPER_GO;
        pid_t pid = 0;

        keeper->state = KEEPER_LAUNCHING;
        keeper->report = KEEPER_LAUNCHER;
        (void)fcntl(KEEPER_LAUNCHER, F_SETFD, FD_CLOEXEC);
        if (receive_message(KEEPER_LAUNCHER, &pid, sizeof(pid), NULL, 0, 0) == sizeof(pid))
                keeper->helper = pid;
        if (!keeper->helper || output < 0 || send_message(KEEPER_LAUNCHER, &go, 1, &output, 1) < 0) {
                keeper_tell(keeper, "the program that starts it has ended");
                keeper->state = KEEPER_DONE;
        }
        (void)fcntl(KEEPER_LAUNCHER, F_SETFL, O_NONBLOCK);
}

static void read_report(struct keeper *keeper)
{
        if (keeper->report < 0)
                return;
        for (;;) {
                size_t room = sizeof(keeper->message) - 1 - keeper->message_size;
                ssize_t n = room ? read(keeper->report, keeper->message + keeper->message_size, room) : 0;

                if (n == 0)
                        replace_fd(&keeper->report, -1);
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
                keeper_ended(keeper, 255, 0);
                keeper_answer(keeper);
                return;
        }
        keeper_tell(keeper, keeper->message_size ? keeper->message : "the program that starts it was killed");
        keeper->state = KEEPER_DONE;
}

static void launch_succeeded(struct keeper *keeper)
{
        keeper->state = KEEPER_RUNNING;
        keeper->started = now_ms();
        keeper_watch_memory(keeper);
        keeper_hold(keeper);
        keeper_tell(keeper, "ok");
        keeper_answer(keeper);
}

static void launch_ended(struct keeper *keeper)
{
        read_report(keeper);
        replace_fd(&keeper->report, -1);
        if (keeper->init)
                launch_succeeded(keeper);
        else
                launch_failed(keeper);
}

/* Who waits for the start need not wait for the end of the program that did it, too. */
void keeper_hear_report(struct keeper *keeper)
{
        read_report(keeper);
        if (keeper->init && keeper->state == KEEPER_LAUNCHING)
                launch_succeeded(keeper);
}

void keeper_tell_kills(struct keeper *keeper)
{
        char kills[24];
        const char *const more[MORE_MOST] = {kills};

        keeper_count_kills(keeper);
        /* One at a time: what comes meanwhile is told together when this one has ended. */
        if (keeper->teller || !keeper->untold)
                return;
        snprintf(kills, sizeof(kills), "%" PRIu64, keeper->untold);
        keeper->untold = 0;
        keeper->teller = run(keeper, -1, "keeper-oom", more);
        if (keeper->teller < 0)
                keeper->teller = 0;
}

void keeper_ended(struct keeper *keeper, int status, int signal)
{
        char text[16], number[16], kills[24];
        const char *const more[MORE_MOST] = {text, number, kills};

        keeper_drain(keeper);
        keeper_count_kills(keeper);
        snprintf(kills, sizeof(kills), "%" PRIu64, keeper->untold);
        keeper->untold = 0;
        replace_fd(&keeper->memory, -1);
        snprintf(number, sizeof(number), "%d", signal);
        keeper->init = 0;
        /* What it takes to start one, perhaps a machine's boot, is no time that it ran. */
        keeper->ran = keeper->state == KEEPER_RUNNING ? now_ms() - keeper->started : 0;
        keeper->status = status;
        keeper->signal = signal;
        keeper->state = KEEPER_ENDING;
        snprintf(text, sizeof(text), "%d", status);
        keeper->helper = run(keeper, -1, "keeper-ended", more);
        if (keeper->helper < 0) {
                keeper->helper = 0;
                keeper->state = KEEPER_DONE;
        }
}

static void tidied_up(struct keeper *keeper)
{
        int64_t delay;

        if (keeper->stopping || !keeper_decide(keeper->policy, keeper->most, keeper->restarts, keeper->status,
                                               keeper->ran, &delay, &keeper->restarts)) {
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
                read_report(keeper);
                pid = waitpid(-1, &status, WNOHANG);
                if (pid <= 0)
                        return;
                if (pid == keeper->helper) {
                        keeper->helper = 0;
                        if (keeper->state == KEEPER_LAUNCHING)
                                launch_ended(keeper);
                        else if (keeper->state == KEEPER_ENDING)
                                tidied_up(keeper);
                } else if (pid == keeper->teller) {
                        keeper->teller = 0;
                        keeper_tell_kills(keeper);
                } else if (pid == keeper->init) {
                        if (keeper->state == KEEPER_LAUNCHING) {
                                launch_ended(keeper);
                                keeper->helper = 0;
                        }
                        keeper_ended(keeper, status_of(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
                }
        }
}
