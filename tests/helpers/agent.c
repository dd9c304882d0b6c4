/* The host's side of berth-agent for tests, without a machine.
 *
 *   agent serve DIRECTORY BUNDLE AGENT     namespaces, the share of BUNDLE's root and bind mounts, AGENT as PID 1 in it
 *   agent launch DIRECTORY BUNDLE ID [OPTION...] [-- ARGUMENT...]
 *                                          the bundle's process with our descriptors 0 to 2; ends with its status, or
 *                                          with 125 and "error NUMBER: TEXT"
 *       exec            into the running container
 *       terminal        the process has a terminal, of 40 rows and 132 columns
 *       hold=FIFO       say "ready" on descriptor 2, and start when FIFO is written to
 *       limit=FILE:VALUE   a write into its group's file
 *       only=IN         no output is connected
 *       SIGTERM is handed on to the process.
 *   agent ask DIRECTORY KIND ID [NUMBER [all] | FILE:VALUE...]
 *                                          one request; prints what is answered
 *   agent raw DIRECTORY                    sends standard input, prints the kinds of what is answered */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/syscalls.h"
#include "cgroups/controllers.h"
#include "namespaces/namespace.h"
#include "oci/spec.h"
#include "runtime/core/plan_inside.h"
#include "vmmode/protocol/message.h"

#define DEADLINE_MS 20000
#define FAILED      125

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fprintf(stderr, "agent: ");
        vfprintf(stderr, format, args);
        fprintf(stderr, "\n");
        va_end(args);
        exit(FAILED);
}

static struct oci_spec *read_bundle(const char *bundle)
{
        struct oci_spec *spec;
        char path[4096], *text;
        size_t size;

        snprintf(path, sizeof(path), "%s/config.json", bundle);
        if (read_file_at(AT_FDCWD, path, MESSAGE_MAX, &text, &size) < 0)
                die("cannot read %s", path);
        if (oci_spec_parse(text, size, &spec) < 0)
                die("%s", error_message());
        free(text);
        return spec;
}

/* The slots of the plan, the same at both ends: the root, then each bind mount. */
static size_t slots_of(const struct oci_spec *spec, plan_slot *mounts)
{
        size_t n = 1;

        for (size_t i = 0; i < spec->mounts.n; i++) {
                bool bind = spec->mounts.v[i].options.bind && !spec->mounts.v[i].options.remount;

                mounts[i] = bind ? (plan_slot)n++ : PLAN_NO_SLOT;
        }
        return n;
}

/* ---- serve ---- */

static void mount_or_die(const char *source, const char *target, const char *type, unsigned long flags)
{
        if (sys_mount(source, target, type, flags, NULL) < 0)
                die("mount on %s: %s", target, strerror(errno));
}

static void share(const char *source, plan_slot slot)
{
        char target[64];
        struct stat st;

        snprintf(target, sizeof(target), SHARE_MOUNT "/%d", slot);
        if (stat(source, &st) < 0)
                die("%s: %s", source, strerror(errno));
        if (S_ISDIR(st.st_mode) ? mkdir(target, 0755) < 0 : mknod(target, S_IFREG | 0644, 0) < 0)
                die("%s: %s", target, strerror(errno));
        mount_or_die(source, target, NULL, MS_BIND | MS_REC);
}

static void __attribute__((noreturn)) be_the_machine(const char *directory, const char *bundle, char *agent)
{
        struct oci_spec *spec = read_bundle(bundle);
        plan_slot mounts[PLAN_SLOTS_MAX];
        char root[4096], transport[4096];
        char *const argv[] = {agent, transport, NULL};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        mount_or_die(NULL, "/", NULL, MS_REC | MS_PRIVATE);
        mount_or_die("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
        mount_or_die("run", "/run", "tmpfs", 0);
        if (mkdir("/run/berth", 0700) < 0 || mkdir(SHARE_MOUNT, 0700) < 0)
                die("%s: %s", SHARE_MOUNT, strerror(errno));
        (void)slots_of(spec, mounts);
        snprintf(root, sizeof(root), "%s/%s", bundle, spec->root_path);
        share(root, 0);
        for (size_t i = 0; i < spec->mounts.n; i++)
                if (mounts[i] != PLAN_NO_SLOT)
                        share(spec->mounts.v[i].source, mounts[i]);
        snprintf(transport, sizeof(transport), "transport=unix:%s", directory);
        execv(agent, argv);
        die("%s: %s", agent, strerror(errno));
}

static int serve(const char *directory, const char *bundle, char *agent)
{
        int status;
        pid_t pid;

        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID) < 0)
                die("unshare: %s", strerror(errno));
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pid = fork();
        if (pid == 0)
                be_the_machine(directory, bundle, agent);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                die("fork: %s", strerror(errno));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- speaking ---- */

static int connect_to(const char *directory, uint32_t port)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%u", directory, port);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                die("connect to %s: %s", address.sun_path, strerror(errno));
        return fd;
}

static void receive(int connection, struct message *message, int64_t deadline)
{
        int r = message_receive(connection, MESSAGE_MAX, message, deadline);

        if (r < 0)
                die("listen: %s", strerror(-r));
}

static int connect_to_agent(const char *directory)
{
        int connection = connect_to(directory, AGENT_PORT);
        struct message hello;
        int64_t version = 0;

        receive(connection, &hello, now_ms() + DEADLINE_MS);
        if (hello.kind != MESSAGE_HELLO || !message_number(&hello, PART_VERSION, &version) ||
            version != PROTOCOL_VERSION || !message_text(&hello, PART_TEXT))
                die("no hello");
        message_free(&hello);
        return connection;
}

static void send_it(int connection, struct message_builder *builder)
{
        int r = message_send(connection, builder, now_ms() + DEADLINE_MS);

        if (r < 0)
                die("speak: %s", strerror(-r));
}

/* "pids.max:5" */
static void put_write(struct message_builder *builder, char *text, unsigned *controllers)
{
        char *colon = strchr(text, ':');
        struct message_write write = {.file = text, .value = colon + 1, .field = text};

        if (!colon)
                die("FILE:VALUE, not %s", text);
        *colon = '\0';
        write.controller = cgroup_controller_of_file(text);
        *controllers |= write.controller;
        message_put_write(builder, &write);
}

static int say_error(const struct message *message)
{
        const char *text = message_text(message, PART_TEXT);
        int64_t number = 0;

        (void)message_number(message, PART_NUMBER, &number);
        fprintf(stderr, "error %" PRId64 ": %s\n", number, text ? text : "");
        return FAILED;
}

/* ---- launch ---- */

struct launching {
        const char *directory, *bundle, *id, *hold, *only;
        bool exec, terminal;
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
        struct plan_exec_facts facts = {.id = launching->id, .pidfd = 0, .container = &launching->spec->linux_};

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

static void __attribute__((noreturn)) pump(int from, int to)
{
        static char bytes[65536];

        signal(SIGPIPE, SIG_DFL);
        for (;;) {
                ssize_t n = read(from, bytes, sizeof(bytes));

                if (n <= 0 || write_all(to, bytes, (size_t)n) < 0)
                        break;
        }
        (void)shutdown(to, SHUT_WR);
        _exit(0);
}

static pid_t start_pump(int from, int to)
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
        pump(from, to);
}

static void connect_stream(struct launching *launching, uint32_t port, int which)
{
        int stream = connect_to(launching->directory, port);
        char name = (char)(STREAM_IN + which);

        if (write(stream, &name, 1) != 1)
                die("name a stream: %s", strerror(errno));
        launching->pumps[which] = which == 0 ? start_pump(0, stream) : start_pump(stream, which);
        if (launching->terminal)
                launching->pumps[1] = start_pump(stream, 1);
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
                (void)message_send_number(launching->connection, MESSAGE_SIGNAL, (int)info.ssi_signo,
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

static int launch(char **argv)
{
        struct launching launching = {.directory = argv[0], .bundle = argv[1], .id = argv[2]};
        int status;

        launching.spec = read_bundle(launching.bundle);
        read_options(&launching, argv + 3);
        launching.signals = watch_signals();
        launching.connection = connect_to_agent(launching.directory);
        send_launch(&launching);
        status = converse(&launching);
        /* Every byte of output is in the streams by now. */
        for (int i = 1; i < 3; i++)
                if (launching.pumps[i])
                        (void)waitpid(launching.pumps[i], NULL, 0);
        if (launching.pumps[0])
                kill(launching.pumps[0], SIGKILL);
        return status;
}

/* ---- ask ---- */

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

                receive(connection, &answer, now_ms() + DEADLINE_MS);
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

static int ask(char **argv)
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

static int raw(char **argv)
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

int main(int argc, char **argv)
{
        signal(SIGPIPE, SIG_IGN);
        if (argc == 5 && strcmp(argv[1], "serve") == 0)
                return serve(argv[2], argv[3], argv[4]);
        if (argc >= 5 && strcmp(argv[1], "launch") == 0)
                return launch(argv + 2);
        if (argc >= 4 && strcmp(argv[1], "ask") == 0)
                return ask(argv + 2);
        if (argc == 3 && strcmp(argv[1], "raw") == 0)
                return raw(argv + 2);
        die("serve, launch, ask or raw");
}
