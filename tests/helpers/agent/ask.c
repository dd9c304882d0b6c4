/* Requests, and what is none. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/helpers/agent/host.h"

/* Events may come late. */
#define ANSWER_DEADLINE_MS 120000

static enum message_kind kind_of(const char *name)
{
        static const struct {
                const char *name;
                enum message_kind kind;
        } kinds[] = {
                {"network", MESSAGE_NETWORK},       {"signal", MESSAGE_SIGNAL}, {"processes", MESSAGE_PROCESSES},
                {"statistics", MESSAGE_STATISTICS}, {"update", MESSAGE_UPDATE}, {"events", MESSAGE_EVENTS},
                {"power-off", MESSAGE_POWER_OFF},
        };

        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return kinds[i].kind;
        die("unknown request %s", name);
}

static void print_parts(const struct message *message)
{
        struct message_part part = {0};
        const char *name, *content;
        size_t size;

        while (message_next(message, &part))
                if (part.kind == PART_PROCESS)
                        printf("%s\n", part.data);
                else if (message_read_file(&part, &name, &content, &size))
                        printf("%s: %.*s\n", name, (int)strcspn(content, "\n"), content);
}

static int print_answers(int connection)
{
        for (;;) {
                struct message answer;
                int64_t number = 0;

                receive(connection, &answer, now_ms() + ANSWER_DEADLINE_MS);
                (void)message_number(&answer, PART_NUMBER, &number);
                switch (answer.kind) {
                case MESSAGE_DONE:
                        print_parts(&answer);
                        printf("done\n");
                        return 0;
                case MESSAGE_OOM:
                        printf("oom %" PRId64 "\n", number);
                        fflush(stdout);
                        break;
                case MESSAGE_ERROR:
                        return say_error(&answer);
                default:
                        die("message %d as an answer", (int)answer.kind);
                }
                message_free(&answer);
        }
}

int ask(char **argv)
{
        int connection = connect_to_agent(argv[0]);
        enum message_kind kind = kind_of(argv[1]);
        struct message_builder builder;
        unsigned controllers = 0;

        message_begin(&builder, kind);
        message_put_text(&builder, PART_ID, argv[2]);
        if (kind == MESSAGE_SIGNAL && argv[2] && argv[3]) {
                message_put_number(&builder, PART_NUMBER, atoi(argv[3]));
                message_put_number(&builder, PART_FLAGS, argv[4] ? MESSAGE_TO_ALL : 0);
        } else if (argv[2]) {
                for (char **write = argv + 3; *write; write++)
                        put_write(&builder, *write, &controllers);
        }
        message_put_number(&builder, PART_CONTROLLERS, controllers);
        send_it(connection, &builder);
        return print_answers(connection);
}

int raw(char **argv)
{
        int connection = connect_to_agent(argv[0]);
        char bytes[65536];
        ssize_t n;

        while ((n = read(0, bytes, sizeof(bytes))) > 0)
                if (write_all(connection, bytes, (size_t)n) < 0)
                        break;
        (void)shutdown(connection, SHUT_WR);
        for (;;) {
                struct message answer;
                int r = message_receive(connection, MESSAGE_MAX, &answer, now_ms() + DEADLINE_MS);

                if (r < 0 || answer.kind == MESSAGE_END)
                        return 0;
                printf("kind %d\n", (int)answer.kind);
                message_free(&answer);
        }
}

int crowd(char **argv)
{
        int n = atoi(argv[1]), greeted = 0, refused = 0;
        char byte;

        for (int i = 0; i < n; i++) {
                struct message message;

                receive(connect_to(argv[0], AGENT_PORT), &message, now_ms() + DEADLINE_MS);
                greeted += message.kind == MESSAGE_HELLO;
                refused += message.kind == MESSAGE_ERROR;
                message_free(&message);
        }
        printf("greeted %d refused %d\n", greeted, refused);
        fflush(stdout);
        return read(0, &byte, 1) < 0;
}
