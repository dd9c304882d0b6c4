/* A person at a terminal: runs a command under a pty of its own and copies what it prints to stdout.
 *
 *      terminal [-s ROWSxCOLUMNS] [-r ROWSxCOLUMNS] [-i TEXT] [-k SIGNAL] [-w SECONDS] COMMAND [ARGUMENT...]
 *
 * -s is the size at the start; once the command has printed "ready", -r resizes, -i types TEXT and -k sends SIGNAL to
 * the command. Status: the command's; 124 when nothing moved for 20 seconds, or as many as -w says. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_PAUSE_US 100000

static int patience_ms = 20000;

static struct winsize parse_size(const char *text)
{
        struct winsize size = {0};

        if (sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2)
                errx(2, "terminal: size %s", text);
        return size;
}

struct reaction {
        const char *resize, *input, *signal;
};

/* One key after the other, as a person does: Podman knows its detach keys only when each arrives by itself. */
static void type(int master, const char *text)
{
        for (; *text; text++) {
                if (write(master, text, 1) < 0)
                        err(2, "terminal: write");
                usleep(KEY_PAUSE_US);
        }
}

static void react(int master, pid_t child, const struct reaction *reaction)
{
        if (reaction->resize) {
                struct winsize size = parse_size(reaction->resize);

                ioctl(master, TIOCSWINSZ, &size);
        }
        if (reaction->input)
                type(master, reaction->input);
        if (reaction->signal)
                kill(child, atoi(reaction->signal));
}

static void copy(int master, pid_t child, const struct reaction *reaction)
{
        static char seen[1 << 16];
        size_t length = 0;
        int done = 0;

        for (;;) {
                struct pollfd event = {.fd = master, .events = POLLIN};
                ssize_t n;

                if (poll(&event, 1, patience_ms) <= 0) {
                        kill(child, SIGKILL);
                        errx(124, "terminal: nothing moved");
                }
                n = read(master, seen + length, sizeof(seen) - 1 - length);
                if (n <= 0)
                        return;
                fwrite(seen + length, 1, (size_t)n, stdout);
                fflush(stdout);
                length = length + (size_t)n < sizeof(seen) / 2 ? length + (size_t)n : 0;
                seen[length] = '\0';
                if (!done && strstr(seen, "ready")) {
                        done = 1;
                        react(master, child, reaction);
                }
        }
}

int main(int argc, char **argv)
{
        struct winsize size = {.ws_row = 24, .ws_col = 80};
        struct reaction reaction = {0};
        int option, master, status;
        pid_t child;

        while ((option = getopt(argc, argv, "+s:r:i:k:w:")) != -1) {
                if (option == 's')
                        size = parse_size(optarg);
                else if (option == 'r')
                        reaction.resize = optarg;
                else if (option == 'i')
                        reaction.input = optarg;
                else if (option == 'k')
                        reaction.signal = optarg;
                else if (option == 'w')
                        patience_ms = 1000 * atoi(optarg);
                else
                        return 2;
        }
        if (optind >= argc)
                errx(2, "usage: terminal [-s SIZE] [-r SIZE] [-i TEXT] [-k SIGNAL] [-w SECONDS] COMMAND...");
        child = forkpty(&master, NULL, NULL, &size);
        if (child < 0)
                err(2, "terminal: forkpty");
        if (child == 0) {
                execvp(argv[optind], argv + optind);
                err(127, "%s", argv[optind]);
        }
        copy(master, child, &reaction);
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        err(2, "terminal: waitpid");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
