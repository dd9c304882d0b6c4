#include "vmmode/proxy/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "namespaces/console.h"
#include "runtime/core/channel.h"

#define SAY_DEADLINE_MS 30000

static int open_pair(int *master, int *slave, char *name, size_t size)
{
        _cleanup_close_ int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        int unlock = 0, number;

        if (fd < 0)
                return fail(errno, "open /dev/ptmx");
        if (ioctl(fd, TIOCSPTLCK, &unlock) < 0 || ioctl(fd, TIOCGPTN, &number) < 0)
                return fail(errno, "unlock the pseudo-terminal");
        *slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (*slave < 0)
                return fail(errno, "open the pseudo-terminal's slave");
        snprintf(name, size, "/dev/pts/%d", number);
        *master = take_fd(&fd);
        return 0;
}

static int make_raw(int slave)
{
        struct termios settings;

        if (tcgetattr(slave, &settings) < 0)
                return fail(errno, "read the pseudo-terminal's settings");
        cfmakeraw(&settings);
        return tcsetattr(slave, TCSANOW, &settings) < 0 ? fail(errno, "make the pseudo-terminal raw") : 0;
}

int terminal_make(struct proxy *proxy)
{
        _cleanup_close_ int master = -EBADF, slave = -EBADF;
        char name[32];
        int r = open_pair(&master, &slave, name, sizeof(name));

        if (r == 0)
                r = make_raw(slave);
        if (r < 0)
                return r;
        r = channel_send(proxy->channel, CHANNEL_CONSOLE, 0, name, master);
        if (r < 0)
                return fail(-r, "hand over the console");
        return console_attach(slave);
}

int terminal_tell_size(struct proxy *proxy)
{
        struct message_builder message;
        struct winsize size;
        int r;

        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || (size.ws_row == 0 && size.ws_col == 0))
                return 0;
        message_begin(&message, MESSAGE_WINDOW);
        message_put_number(&message, PART_ROWS, size.ws_row);
        message_put_number(&message, PART_COLUMNS, size.ws_col);
        r = message_send(proxy->session, &message, now_ms() + SAY_DEADLINE_MS);
        return r < 0 ? fail(-r, "tell the guest the terminal's size") : 0;
}
