/* A process in the guest, with our streams. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "namespaces/namespace.h"
#include "runtime/core/plan_inside.h"
#include "tests/helpers/agent/host.h"

struct launching {
        const char *directory, *bundle, *id, *hold, *only;
        bool exec, terminal, let_go;
        char *limits[16];
        size_t n_limits;
        char **args;
        size_t n_args;
        struct oci_spec *spec;
        int connection, signals;
        pid_t pumps[3];
};

static void plan_first(const struct launching *launching, struct plan_builder *plan, uint8_t *sources, size_t *n)
{
        const struct oci_spec *spec = launching->spec;
        plan_slot mounts[PLAN_SLOTS_MAX], none[PLAN_SLOTS_MAX];
        struct plan_facts facts = {
                .id = launching->id,
                .bundle = launching->bundle,
                .root = "/",
                .root_tree = 0,
                .mount_sources = mounts,
                .mount_user_namespaces = none,
                .start_socket = PLAN_NO_SLOT,
                .notify_tree = PLAN_NO_SLOT,
                .needs_report = spec->hooks[OCI_HOOK_CREATE_CONTAINER].n > 0,
        };

        for (int i = 0; i < OCI_NS_KINDS; i++)
                facts.namespaces[i] = PLAN_NO_SLOT;
        for (size_t i = 0; i < PLAN_SLOTS_MAX; i++)
                none[i] = PLAN_NO_SLOT;
        *n = slots_of(spec, mounts);
        memset(sources, SLOT_TREE_ALL, *n);
        if (plan_container(spec, &facts, plan) < 0)
                die("%s", error_message());
}

static void plan_another(const struct launching *launching, struct plan_builder *plan, uint8_t *sources, size_t *n)
{
        struct plan_exec_facts facts = {
                .id = launching->id, .pidfd = 0, .root = PLAN_NO_SLOT, .container = &launching->spec->linux_};

        for (int i = 0; i < OCI_NS_KINDS; i++)
                if (launching->spec->linux_.namespaces[i].listed)
                        facts.namespaces |= (uint32_t)namespace_kinds[i].flag;
        *n = 1;
        sources[0] = SLOT_FIRST_INIT;
        if (plan_exec(&launching->spec->process, &facts, plan) < 0)
                die("%s", error_message());
}

static void send_launch(const struct launching *launching)
{
        int64_t flags = (launching->exec ? MESSAGE_IS_EXEC : 0) | (launching->terminal ? MESSAGE_TERMINAL : 0);
        bool staged = launching->exec || plan_is_staged(launching->spec);
        struct plan_builder plan = {0};
        uint8_t sources[PLAN_SLOTS_MAX];
        struct message_builder builder;
        unsigned controllers = 0;
        size_t n, size;
        void *block;

        (launching->exec ? plan_another : plan_first)(launching, &plan, sources, &n);
        if (plan_finish(&plan, &block, &size) < 0)
                die("%s", error_message());
        message_begin(&builder, MESSAGE_LAUNCH);
        message_put_number(&builder, PART_VERSION, PROTOCOL_VERSION);
        message_put_text(&builder, PART_ID, launching->id);
        message_put_number(&builder, PART_FLAGS, flags | (staged ? MESSAGE_STAGED : 0));
        message_put(&builder, PART_PLAN, block, size);
        message_put(&builder, PART_SLOTS, sources, n);
        message_put_text(&builder, PART_CGROUP, "/");
        message_put_number(&builder, PART_NAMESPACES,
                           launching->exec ? 0 : (int64_t)plan_launch_namespaces(launching->spec));
        for (size_t i = 0; i < launching->n_limits; i++)
                put_write(&builder, launching->limits[i], &controllers);
        message_put_number(&builder, PART_CONTROLLERS, controllers);
        free(block);
        send_it(launching->connection, &builder);
}

static void __attribute__((noreturn)) pump(int from, int to, bool terminal)
{
        static char bytes[65536];

        signal(SIGPIPE, SIG_DFL);
        for (;;) {
                ssize_t n = read(from, bytes, sizeof(bytes));

                if (n <= 0 || write_all(to, bytes, (size_t)n) < 0)
                        break;
        }
        /* A terminal's stream ends only with the terminal. */
        if (terminal)
                pause();
        (void)shutdown(to, SHUT_WR);
        _exit(0);
}

static pid_t start_pump(int from, int to, bool terminal)
{
        pid_t pid = fork();

        if (pid < 0)
                die("fork: %s", strerror(errno));
        if (pid > 0)
                return pid;
        /* The parent may be killed: its streams end with it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 64; fd++)
                if (fd != from && fd != to)
                        close(fd);
        pump(from, to, terminal);
}

static void connect_stream(struct launching *launching, uint32_t port, int which)
{
        int stream = connect_to(launching->directory, port);
        char name = (char)(STREAM_IN + which);

        if (write(stream, &name, 1) != 1)
                die("name a stream: %s", strerror(errno));
        launching->pumps[which] =
                which == 0 ? start_pump(0, stream, launching->terminal) : start_pump(stream, which, false);
        if (launching->terminal)
                launching->pumps[1] = start_pump(stream, 1, false);
        close(stream);
}

static void connect_streams(struct launching *launching, const struct message *message)
{
        int64_t port = 0;

        if (!message_number(message, PART_NUMBER, &port))
                die("no port for the streams");
        for (int i = 0; i < (launching->terminal || launching->only ? 1 : 3); i++)
                connect_stream(launching, (uint32_t)port, i);
}

static void answer_point(const struct launching *launching, const struct message *message)
{
        int64_t point = -1;
        char byte;

        (void)message_number(message, PART_NUMBER, &point);
        if (point == POINT_READY && launching->let_go)
                die("the agent asks for what was said");
        if (point == POINT_READY && launching->hold) {
                int fd;

                fprintf(stderr, "ready\n");
                fd = open(launching->hold, O_RDONLY | O_CLOEXEC);
                if (fd < 0 || read(fd, &byte, 1) != 1)
                        die("%s: %s", launching->hold, strerror(errno));
                close(fd);
        }
        if (point == POINT_READY && launching->terminal) {
                struct message_builder window;

                message_begin(&window, MESSAGE_WINDOW);
                message_put_number(&window, PART_ROWS, 40);
                message_put_number(&window, PART_COLUMNS, 132);
                send_it(launching->connection, &window);
        }
        /* One that was killed meanwhile has ended the connection. */
        (void)message_send_text(launching->connection, MESSAGE_CONTINUE, 0, "{\"id\":\"state\"}",
                                now_ms() + DEADLINE_MS);
}

/* -1: go on. */
static int take(struct launching *launching, const struct message *message)
{
        int64_t number = 0;

        (void)message_number(message, PART_NUMBER, &number);
        switch (message->kind) {
        case MESSAGE_LOG:
                if (number < 2)
                        fprintf(stderr, "log: %s\n", message_text(message, PART_TEXT));
                return -1;
        case MESSAGE_STREAMS:
                if (!launching->let_go)
                        connect_streams(launching, message);
                return -1;
        case MESSAGE_POINT:
                answer_point(launching, message);
                return -1;
        case MESSAGE_EXECUTED:
                return -1;
        case MESSAGE_ERROR:
                return say_error(message);
        case MESSAGE_EXIT:
                return (int)number;
        default:
                die("message %d in a launch", (int)message->kind);
        }
}

static void pass_signal(const struct launching *launching)
{
        struct signalfd_siginfo info;

        if (read(launching->signals, &info, sizeof(info)) == sizeof(info))
                (void)message_send_text(launching->connection, MESSAGE_SIGNAL, (int)info.ssi_signo, NULL,
                                        now_ms() + DEADLINE_MS);
}

static int watch_signals(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int converse(struct launching *launching)
{
        struct pollfd fds[] = {{.fd = launching->connection, .events = POLLIN},
                               {.fd = launching->signals, .events = POLLIN}};
        int status = -1;

        while (status < 0) {
                struct message message;

                if (poll(fds, ELEMENTS(fds), -1) < 0)
                        die("poll: %s", strerror(errno));
                if (fds[1].revents)
                        pass_signal(launching);
                if (!fds[0].revents)
                        continue;
                receive(launching->connection, &message, now_ms() + DEADLINE_MS);
                status = take(launching, &message);
                message_free(&message);
        }
        return status;
}

static void read_options(struct launching *launching, char **argv)
{
        for (; *argv && strcmp(*argv, "--") != 0; argv++) {
                if (strcmp(*argv, "exec") == 0)
                        launching->exec = true;
                else if (strcmp(*argv, "terminal") == 0)
                        launching->terminal = launching->spec->process.terminal = true;
                else if (strcmp(*argv, "let-go") == 0)
                        launching->let_go = true;
                else if (strncmp(*argv, "hold=", 5) == 0)
                        launching->hold = *argv + 5;
                else if (strncmp(*argv, "only=", 5) == 0)
                        launching->only = *argv + 5;
                else if (strncmp(*argv, "limit=", 6) == 0 && launching->n_limits < ELEMENTS(launching->limits))
                        launching->limits[launching->n_limits++] = *argv + 6;
                else
                        die("unknown option %s", *argv);
        }
        if (!*argv)
                return;
        launching->spec->process.args.v = (const char **)(uintptr_t)(argv + 1);
        for (launching->spec->process.args.n = 0; argv[1 + launching->spec->process.args.n];)
                launching->spec->process.args.n++;
}

int launch(char **argv)
{
        struct launching launching = {.directory = argv[0], .bundle = argv[1], .id = argv[2]};
        int status;

        launching.spec = read_bundle(launching.bundle);
        read_options(&launching, argv + 3);
        launching.signals = watch_signals();
        launching.connection = connect_to_agent(launching.directory);
        send_launch(&launching);
        if (launching.let_go)
                (void)message_send_text(launching.connection, MESSAGE_CONTINUE, 0, NULL, now_ms() + DEADLINE_MS);
        status = converse(&launching);
        /* Every byte of output is in the streams by now. */
        for (int i = 1; i < 3; i++)
                if (launching.pumps[i])
                        (void)waitpid(launching.pumps[i], NULL, 0);
        if (launching.pumps[0])
                kill(launching.pumps[0], SIGKILL);
        return status;
}
