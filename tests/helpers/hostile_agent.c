/* A guest that an attacker has: in place of a machine's socket, it says to whoever connects with the agent what no
 * agent would say. Ends when it is killed.
 *
 *      hostile_agent SOCKET HABIT
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "runtime/core/plan.h"
#include "vmmode/protocol/message.h"

#define PATIENCE_MS 60000

static int64_t patience(void)
{
        return now_ms() + PATIENCE_MS;
}

static void hello(int fd, int64_t version)
{
        struct message_builder builder;

        message_begin(&builder, MESSAGE_HELLO);
        message_put_number(&builder, PART_VERSION, version);
        message_put_text(&builder, PART_TEXT, "6.1.0");
        if (message_send(fd, &builder, patience()) < 0)
                _exit(0);
}

static void say(int fd, enum message_kind kind, int64_t number, const char *text)
{
        if (message_send_text(fd, kind, number, text, patience()) < 0)
                _exit(0);
}

static void hear(int fd)
{
        struct message message;

        if (message_receive(fd, MESSAGE_MAX, &message, patience()) < 0 || message.kind == MESSAGE_END)
                _exit(0);
        message_free(&message);
}

/* ---- habits ---- */

static void nonsense(int fd)
{
        static const char text[] = "no machine says this\n";

        (void)!write(fd, text, sizeof(text));
}

static void silent(int fd)
{
        (void)wait_fd(fd, POLLRDHUP, PATIENCE_MS);
}

static void stranger(int fd)
{
        hello(fd, PROTOCOL_VERSION + 1);
        silent(fd);
}

/* The head of a message that is larger than memory. */
static void huge(int fd)
{
        const uint32_t head[4] = {0x62727468, MESSAGE_HELLO, UINT32_MAX, 0};

        (void)!write(fd, head, sizeof(head));
        silent(fd);
}

/* A byte now and then: each wait is short, and all of them are without end. */
static void dripping(int fd)
{
        const uint32_t head[4] = {0x62727468, MESSAGE_HELLO, 4096, 0};

        (void)!write(fd, head, sizeof(head));
        while (wait_fd(fd, POLLRDHUP, 200) == -ETIMEDOUT && write(fd, "", 1) == 1)
                continue;
}

/* Answers, but not what it was asked. */
static void crooked(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        say(fd, MESSAGE_EXIT, 999, NULL);
        silent(fd);
}

static void mute(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        silent(fd);
}

static void rude(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        say(fd, MESSAGE_ERROR, -1,
            "it\033[2J \xc2\x9b"
            "2J failed\nand more");
        silent(fd);
}

static void killing(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        for (;;)
                say(fd, MESSAGE_OOM, INT64_MAX, NULL);
}

static void talking(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        for (;;)
                say(fd, MESSAGE_LOG, 0, "and so on");
}

static void streaming(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        for (;;)
                say(fd, MESSAGE_STREAMS, INT64_MIN, NULL);
}

/* Runs a program that was never started, and ends it in a way that there is not. */
static void ending(int fd)
{
        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        say(fd, MESSAGE_POINT, POINT_READY, NULL);
        say(fd, MESSAGE_EXECUTED, 0, NULL);
        say(fd, MESSAGE_EXIT, -1, NULL);
        silent(fd);
}

/* Its processes and its numbers, both as they are not. */
static void lying(int fd)
{
        static const char file[] = "memory.stat\0\xff\033 18446744073709551616\nanon -1\nfile \xc2\x9b";
        struct message_builder builder;

        hello(fd, PROTOCOL_VERSION);
        hear(fd);
        message_begin(&builder, MESSAGE_DONE);
        for (int i = 0; i < 1000; i++) {
                message_put(&builder, PART_PROCESS, "\033[2J\xc2\x9b", 6);
                message_put(&builder, PART_PROCESS, NULL, 0);
                message_put(&builder, PART_FILE, file, sizeof(file) - 1);
        }
        (void)message_send(fd, &builder, patience());
        silent(fd);
}

static const struct {
        const char *name;
        void (*serve)(int fd);
} habits[] = {
        {"nonsense", nonsense}, {"silent", silent},   {"stranger", stranger},   {"huge", huge},
        {"dripping", dripping}, {"crooked", crooked}, {"mute", mute},           {"rude", rude},
        {"killing", killing},   {"talking", talking}, {"streaming", streaming}, {"ending", ending},
        {"lying", lying},
};

static void greet(int fd)
{
        char byte = '\0';

        while (byte != '\n')
                if (read(fd, &byte, 1) != 1)
                        _exit(0);
        (void)!write(fd, "OK\n", 3);
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                errx(2, "hostile_agent: %s is too long", path);
        strcpy(address.sun_path, path);
        (void)unlink(path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
                err(2, "hostile_agent: %s", path);
        return fd;
}

int main(int argc, char **argv)
{
        size_t habit = 0;
        int listener;

        while (argc == 3 && habit < ELEMENTS(habits) && strcmp(habits[habit].name, argv[2]) != 0)
                habit++;
        if (argc != 3 || habit == ELEMENTS(habits))
                errx(2, "usage: hostile_agent SOCKET HABIT");
        listener = listen_at(argv[1]);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        puts("listening");
        fflush(stdout);
        for (;;) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd >= 0 && fork() == 0) {
                        if (strcmp(argv[2], "nonsense") != 0)
                                greet(fd);
                        habits[habit].serve(fd);
                        _exit(0);
                }
                close(fd);
        }
}
