/* What the container says goes into the log and to who is attached; what they type goes to its terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/keeper/keeper.h"

#define CONSOLE_MS 5000 /* from the connection to the descriptor */

int keeper_open_log(struct keeper *keeper)
{
        struct stat st;

        keeper->log =
                openat(KEEPER_DIRECTORY, KEEPER_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (keeper->log < 0 || fstat(keeper->log, &st) < 0)
                return -errno;
        keeper->log_size = st.st_size;
        return 0;
}

/* Both of its ends are open everywhere: who writes into it never sees it broken, whatever becomes of this keeper, and
 * the next one goes on reading. */
int keeper_open_output(int flags)
{
        return open(KEEPER_OUTPUT, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags);
}

void keeper_make_output(struct keeper *keeper)
{
        replace_fd(&keeper->output, -1);
        if ((unlink(KEEPER_OUTPUT) == 0 || errno == ENOENT) && mkfifo(KEEPER_OUTPUT, 0600) == 0)
                keeper->output = keeper_open_output(O_NONBLOCK);
}

/* A log that cannot be written (a full disk) must not stop the container. */
static void write_log(struct keeper *keeper, const char *data, size_t size)
{
        if (keeper->log_size + (int64_t)size > keeper->log_most && keeper->log_size > 0) {
                replace_fd(&keeper->log, -1);
                (void)renameat(KEEPER_DIRECTORY, KEEPER_LOG, KEEPER_DIRECTORY, KEEPER_LOG_OLD);
                (void)keeper_open_log(keeper);
        }
        if (keeper->log >= 0 && write_all(keeper->log, data, size) == 0)
                keeper->log_size += (int64_t)size;
}

static void drop_client(struct keeper *keeper, size_t client)
{
        replace_fd(&keeper->clients[client], -1);
        keeper->attached[client] = keeper->asked[client] = false;
}

/* packet: with room for the letter in front. Who does not read loses the connection, not the container its time. */
static void broadcast(struct keeper *keeper, const char *packet, size_t size)
{
        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                if (keeper->clients[i] >= 0 && keeper->attached[i] &&
                    send(keeper->clients[i], packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        drop_client(keeper, i);
}

void keeper_pump(struct keeper *keeper, int *from)
{
        char packet[1 + KEEPER_BUFFER];
        ssize_t n = read(*from, packet + 1, KEEPER_BUFFER);

        if (n > 0) {
                packet[0] = KEEPER_DATA;
                write_log(keeper, packet + 1, (size_t)n);
                broadcast(keeper, packet, 1 + (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                replace_fd(from, -1);
                keeper->typed_size = keeper->typed_at = 0;
        }
}

/* What it said before it ended. The terminal goes with the container; the pipe stays for the next. */
void keeper_drain(struct keeper *keeper)
{
        /* Bounded: somebody whom it left behind may go on writing. */
        for (int i = 0; i < 256 && keeper->console >= 0 && wait_fd(keeper->console, POLLIN, 0) > 0; i++)
                keeper_pump(keeper, &keeper->console);
        for (int i = 0; i < 256 && keeper->output >= 0 && wait_fd(keeper->output, POLLIN, 0) > 0; i++)
                keeper_pump(keeper, &keeper->output);
        replace_fd(&keeper->console, -1);
        replace_fd(&keeper->console_peer, -1);
        keeper_await_holder(keeper);
        keeper->typed_size = keeper->typed_at = 0;
}

/* berth hands over the master of the container's terminal. */
void keeper_take_console(struct keeper *keeper)
{
        int connection = accept4(keeper->console_listener, NULL, NULL, SOCK_CLOEXEC);
        char name[256];
        int fd = -1;

        if (connection < 0)
                return;
        if (receive_message(connection, name, sizeof(name), &fd, 1, CONSOLE_MS) >= 0 && fd >= 0)
                keeper_take_terminal(keeper, fd);
        (void)close(connection);
}

/* When all places are taken, one who has never said what he wants makes room. */
void keeper_accept(struct keeper *keeper)
{
        int fd = accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC);
        size_t place = KEEPER_CLIENTS;

        if (fd < 0)
                return;
        for (size_t i = KEEPER_CLIENTS; i-- > 0;)
                if (keeper->clients[i] < 0 || (place == KEEPER_CLIENTS && !keeper->attached[i] && !keeper->asked[i]))
                        place = i;
        if (place < KEEPER_CLIENTS)
                replace_fd(&keeper->clients[place], fd);
        else
                (void)close(fd);
}

/* Whoever held it was killed together with the keeper. */
static void tell_lost(struct keeper *keeper, size_t client)
{
        static const char text[] =
                "dThe terminal was lost when all that held it was killed. A restart gives another.\r\n";

        (void)send(keeper->clients[client], text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        drop_client(keeper, client);
}

static void attach(struct keeper *keeper, size_t client)
{
        const char full = KEEPER_FULL;
        size_t n = 0;

        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                n += keeper->attached[i];
        keeper->attached[client] = keeper->attached[client] || n < KEEPER_CLIENTS - 1;
        if (keeper->attached[client]) {
                if (keeper->terminal && keeper->console < 0 && keeper->state == KEEPER_RUNNING)
                        tell_lost(keeper, client);
                return;
        }
        (void)send(keeper->clients[client], &full, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        drop_client(keeper, client);
}

/* While it is being started nobody can tell what there is to be stopped. */
static void stop(struct keeper *keeper, size_t client)
{
        char answer = KEEPER_STOP;

        keeper->stopping = true;
        if (keeper->state == KEEPER_WAITING)
                keeper->state = KEEPER_DONE;
        if (keeper->state == KEEPER_LAUNCHING) {
                keeper->asked[client] = true;
                answer = KEEPER_LATER;
        }
        (void)send(keeper->clients[client], &answer, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* To those who asked while it was being started. */
void keeper_answer(struct keeper *keeper)
{
        const char answer = KEEPER_STOP;

        for (size_t i = 0; i < KEEPER_CLIENTS; i++)
                if (keeper->asked[i]) {
                        keeper->asked[i] = false;
                        (void)send(keeper->clients[i], &answer, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
                }
}

static void set_window(const struct keeper *keeper, const char *data, size_t size)
{
        uint16_t numbers[2];
        struct winsize window = {0};

        if (size != sizeof(numbers) || keeper->console < 0)
                return;
        memcpy(numbers, data, sizeof(numbers));
        window.ws_row = numbers[0];
        window.ws_col = numbers[1];
        (void)ioctl(keeper->console, TIOCSWINSZ, &window);
}

void keeper_write_typed(struct keeper *keeper)
{
        ssize_t n = write(keeper->console, keeper->typed + keeper->typed_at, keeper->typed_size - keeper->typed_at);

        if (n > 0)
                keeper->typed_at += (size_t)n;
        if (keeper->typed_at == keeper->typed_size || (n < 0 && errno != EAGAIN && errno != EINTR))
                keeper->typed_size = keeper->typed_at = 0;
}

static void take_typed(struct keeper *keeper, const char *data, size_t size)
{
        if (keeper->console < 0 || size > sizeof(keeper->typed))
                return;
        memcpy(keeper->typed, data, size);
        keeper->typed_size = size;
        keeper->typed_at = 0;
        keeper_write_typed(keeper);
}

void keeper_serve(struct keeper *keeper, size_t client)
{
        char packet[KEEPER_PACKET_MOST];
        ssize_t n = receive_message(keeper->clients[client], packet, sizeof(packet), NULL, 0, 0);

        if (n == -ETIMEDOUT || n == -EINTR)
                return;
        if (n <= 0) {
                drop_client(keeper, client);
                return;
        }
        switch (packet[0]) {
        case KEEPER_ATTACH:
                attach(keeper, client);
                return;
        case KEEPER_DATA:
                if (keeper->attached[client])
                        take_typed(keeper, packet + 1, (size_t)n - 1);
                return;
        case KEEPER_WINDOW:
                set_window(keeper, packet + 1, (size_t)n - 1);
                return;
        case KEEPER_STOP:
                stop(keeper, client);
                return;
        default:
                drop_client(keeper, client);
        }
}
