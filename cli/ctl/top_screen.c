/* The live screen of top. What is written to the terminal are the control sequences of ECMA-48 that every terminal of
 * today has. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/ctl/top.h"
#include "cli/output.h"

#define ENTER_SCREEN "\033[?1049h\033[?25l" /* a screen of its own, without the cursor */
#define LEAVE_SCREEN "\033[?25h\033[?1049l"
#define HEAD_LINES   2 /* above the titles */

/* The terminal, and what the person has chosen. */
struct screen {
        struct top_view *view;
        int signals;
        bool entered;
        struct termios before;
        unsigned short rows, columns;
        size_t first;      /* row that stands at the top */
        char sequence[16]; /* what has come of a key that is more than a letter */
        struct top_look look;
};

static void screen_release(struct screen *screen)
{
        if (screen->entered) {
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
                (void)write_all(STDOUT_FILENO, LEAVE_SCREEN, strlen(LEAVE_SCREEN));
        }
        replace_fd(&screen->signals, -EBADF);
        top_release(&screen->look);
}

/* Signals that end a program come by descriptor: the terminal must be left as it was. */
static int screen_enter(struct screen *screen)
{
        struct termios raw;
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGWINCH);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGQUIT);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        screen->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (screen->signals < 0)
                return fail(errno, "watch signals");
        if (tcgetattr(STDIN_FILENO, &screen->before) < 0)
                return fail(errno, "look at the terminal");
        raw = screen->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
                return fail(errno, "set up the terminal");
        screen->entered = true;
        return output_text(ENTER_SCREEN);
}

static void read_size(struct screen *screen)
{
        struct winsize size = {0};

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4 || size.ws_col < 10) {
                size.ws_row = 24;
                size.ws_col = 80;
        }
        screen->rows = size.ws_row;
        screen->columns = size.ws_col;
}

/* ---- drawing ---- */

static size_t room_for_rows(const struct screen *screen)
{
        return screen->rows > HEAD_LINES + 2 ? (size_t)screen->rows - HEAD_LINES - 2 : 1;
}

static void put_line(const struct screen *screen, FILE *out, const char *line, size_t length, bool title)
{
        if (length > screen->columns)
                length = screen->columns;
        fprintf(out, "%s%.*s\033[K%s\r\n", title ? "\033[7m" : "", (int)length, line, title ? "\033[m" : "");
}

static void put_head(const struct screen *screen, FILE *out)
{
        const struct top_view *view = screen->view;
        double cpu = 0, memory = 0;
        char line[256], size[32] = "-", now[16];
        time_t seconds = time(NULL);
        struct tm broken;
        int length;

        for (size_t i = 0; i < screen->look.n; i++) {
                cpu += screen->look.v[i].cpu;
                memory += (double)screen->look.v[i].usage.memory;
        }
        if (memory > 0)
                (void)size_short(memory, size, sizeof(size));
        strftime(now, sizeof(now), "%H:%M:%S", localtime_r(&seconds, &broken));
        length = snprintf(line, sizeof(line), "%s  %zu containers, %zu running  cpu %.1f%%  memory %s", now,
                          screen->look.all, screen->look.running, cpu, size);
        put_line(screen, out, line, (size_t)length, false);
        length = snprintf(line, sizeof(line),
                          "sorted by %s%s  (c)pu (m)emory (p)ids (i)o (n)et n(a)me (s)tate  (r)everse  arrows  (q)uit",
                          top_key_words[view->key].word, view->reverse ? ", reversed" : "");
        put_line(screen, out, line, (size_t)length, false);
}

/* The whole picture is one write, so that nothing flickers. */
static int draw(struct screen *screen)
{
        _cleanup_(text_table_release) struct text_table table = {0};
        _cleanup_output_ struct output rows = {0}, picture = {0};
        size_t n = 0, room = room_for_rows(screen);
        int r;

        top_sort(&screen->look, screen->view->key, screen->view->reverse);
        if (screen->first + room > screen->look.n)
                screen->first = screen->look.n > room ? screen->look.n - room : 0;
        r = top_table(&screen->look, &table);
        if (r == 0)
                r = output_begin(&rows);
        if (r == 0)
                r = output_begin(&picture);
        if (r < 0)
                return r;
        text_table_print(&table, rows.stream);
        if (fflush(rows.stream) != 0)
                return fail(errno, "draw the rows");
        fputs("\033[H", picture.stream);
        put_head(screen, picture.stream);
        for (const char *line = rows.text; *line; n++) {
                size_t length = strcspn(line, "\n");

                if (n == 0 || (n > screen->first && n <= screen->first + room))
                        put_line(screen, picture.stream, line, length, n == 0);
                line += length + (line[length] == '\n');
        }
        fputs("\033[J", picture.stream);
        return output_end(&picture);
}

static int look_again(struct screen *screen)
{
        struct top_look look;
        int r;

        /* Sorted by name again, for what is looked up in it. */
        top_sort(&screen->look, TOP_NAME, false);
        r = top_look(&screen->view->wish, &screen->look, &look);
        if (r < 0)
                return r;
        top_release(&screen->look);
        screen->look = look;
        return 0;
}

/* ---- keys ---- */

enum action { ACTION_NONE, ACTION_LEAVE, ACTION_DRAW, ACTION_LOOK };

static void scroll(struct screen *screen, bool down, size_t by)
{
        if (down)
                screen->first += by; /* draw() sees that it does not pass the end */
        else
                screen->first = screen->first > by ? screen->first - by : 0;
}

static enum action take_letter(struct screen *screen, char letter)
{
        struct top_view *view = screen->view;

        if (letter >= 'A' && letter <= 'Z')
                letter = (char)(letter - 'A' + 'a');
        for (size_t i = 0; i < TOP_KEYS; i++) {
                if (top_key_words[i].letter != letter)
                        continue;
                view->key = (enum top_key)i;
                view->reverse = false;
                screen->first = 0;
                return ACTION_DRAW;
        }
        switch (letter) {
        case 'q':
                return ACTION_LEAVE;
        case 'r':
                view->reverse = !view->reverse;
                return ACTION_DRAW;
        case ' ':
        case '\n':
                return ACTION_LOOK;
        default:
                return ACTION_NONE;
        }
}

static enum action take_sequence(struct screen *screen)
{
        const char *keys = screen->sequence;

        if (strcmp(keys, "\033[A") == 0 || strcmp(keys, "\033[B") == 0)
                scroll(screen, keys[2] == 'B', 1);
        else if (strcmp(keys, "\033[5~") == 0 || strcmp(keys, "\033[6~") == 0)
                scroll(screen, keys[2] == '6', room_for_rows(screen));
        else
                return ACTION_NONE;
        return ACTION_DRAW;
}

/* Arrows and pages are "ESC [ parameters letter", which may come in pieces. */
static enum action take_byte(struct screen *screen, char byte)
{
        size_t used = strlen(screen->sequence);
        enum action action = ACTION_NONE;

        if (used == 0 && byte != '\033')
                return take_letter(screen, byte);
        screen->sequence[used] = byte;
        screen->sequence[used + 1] = '\0';
        if (used == 0 || (used == 1 && byte == '[') ||
            (used > 1 && (byte < '@' || byte > '~') && used + 2 < sizeof(screen->sequence)))
                return ACTION_NONE;
        action = take_sequence(screen);
        screen->sequence[0] = '\0';
        return action;
}

static enum action take_keys(struct screen *screen)
{
        char keys[64];
        ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));
        enum action action = ACTION_NONE;

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? ACTION_NONE : ACTION_LEAVE;
        if (n == 0)
                return ACTION_LEAVE;
        for (ssize_t i = 0; i < n; i++) {
                enum action one = take_byte(screen, keys[i]);

                if (one == ACTION_LEAVE)
                        return one;
                action = one > action ? one : action;
        }
        return action;
}

static enum action take_signals(struct screen *screen)
{
        struct signalfd_siginfo info;
        enum action action = ACTION_NONE;

        while (read(screen->signals, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return ACTION_LEAVE;
                read_size(screen);
                action = ACTION_DRAW;
        }
        return action;
}

/* Until the next look is due or wanted. */
static enum action wait_for_next(struct screen *screen, int64_t next)
{
        struct pollfd polled[] = {{STDIN_FILENO, POLLIN, 0}, {screen->signals, POLLIN, 0}};
        int n = poll(polled, ELEMENTS(polled), until_ms(next));
        enum action action = ACTION_NONE;

        if (n == 0)
                return ACTION_LOOK;
        if (n > 0 && polled[1].revents)
                action = take_signals(screen);
        if (n > 0 && action != ACTION_LEAVE && polled[0].revents) {
                enum action keys = take_keys(screen);

                action = keys == ACTION_LEAVE || keys > action ? keys : action;
        }
        return action;
}

int top_show(struct top_view *view)
{
        _cleanup_(screen_release) struct screen screen = {.view = view, .signals = -EBADF};
        int64_t next = now_ms(), shown = 0;
        int r = screen_enter(&screen);

        read_size(&screen);
        for (enum action action = ACTION_LOOK; r == 0 && action != ACTION_LEAVE;) {
                if (action == ACTION_LOOK) {
                        r = look_again(&screen);
                        next = now_ms() + view->interval_ms;
                }
                if (r == 0 && action != ACTION_NONE)
                        r = draw(&screen);
                if (r == 0 && action == ACTION_LOOK && view->count && ++shown >= view->count)
                        break;
                if (r == 0)
                        action = wait_for_next(&screen, next);
        }
        return r;
}
