/* berth-proxy with both its sides played by the test: berth on the channel, the guest's agent on the machine's socket.
 * Everything that is waited for must come within PATIENCE_MS. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/process.h"
#include "base/syscalls.h"
#include "runtime/core/channel.h"
#include "runtime/core/plan.h"
#include "vmmode/protocol/message.h"

#define PATIENCE_MS  20000
#define STREAMS_PORT 5000
#define LAUNCH_BYTES 300000 /* too many to be sent in advance */

struct stage {
        char directory[64];
        int listener;        /* of the machine's socket */
        int channel;         /* berth's end */
        int in, out, errors; /* our ends of the program's stdio */
        int session;
        int streams[3];
        pid_t pid;
        int pidfd;
};

/* ---- starting it ---- */

/* The proxy sends the launch as it is. */
static inline char stage_launch_byte(size_t at)
{
        return (char)(at * 31 + at / 251);
}

static size_t stage_launch_size = LAUNCH_BYTES;

static inline int stage_launch_file(void)
{
        static char bytes[LAUNCH_BYTES];
        int fd = memfd_create("launch", MFD_CLOEXEC);

        for (size_t i = 0; i < LAUNCH_BYTES; i++)
                bytes[i] = stage_launch_byte(i);
        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, bytes, stage_launch_size), 0);
        return fd;
}

/* The program under test lies beside the tests. */
static inline int stage_program(const char *name)
{
        char path[4096], self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        int fd;

        assert_true(n > 0);
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        snprintf(path, sizeof(path), "%.2000s/../%.200s", self, name);
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                fail_msg("%s: %s", path, strerror(errno));
        return fd;
}

static inline int stage_listen(const char *directory)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/vsock.sock", directory);
        (void)unlink(address.sun_path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 16), 0);
        return fd;
}

/* Descriptors for the program, from 3 on in this order; 0 to 2 are its stdio. Closes them here. */
static inline void stage_execute(struct stage *stage, int program, const char *const *argv, int stdio[3], int *fds,
                                 size_t n, uint64_t namespaces)
{
        struct clone_args args = {
                .flags = CLONE_PIDFD | namespaces, .exit_signal = SIGCHLD, .pidfd = (uint64_t)(uintptr_t)&stage->pidfd};

        stage->pid = sys_clone3(&args);
        if (stage->pid == 0) {
                int high[32];

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (size_t i = 0; i < n; i++)
                        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
                program = fcntl(program, F_DUPFD_CLOEXEC, 100);
                for (int i = 0; i < 3; i++)
                        (void)dup2(stdio[i], i);
                for (size_t i = 0; i < n; i++)
                        (void)dup2(high[i], 3 + (int)i);
                sys_execveat(program, "", (char *const *)(uintptr_t)argv, (char *[]){NULL}, AT_EMPTY_PATH);
                _exit(126);
        }
        assert_true(stage->pid > 0);
        for (size_t i = 0; i < n; i++)
                close(fds[i]);
        for (int i = 0; i < 3; i++)
                if (stdio[i] > 2)
                        close(stdio[i]);
        close(program);
}

static inline void stage_pipes(struct stage *stage, int stdio[3])
{
        int pair[2];

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        stdio[0] = pair[0];
        stage->in = pair[1];
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        stage->out = pair[0];
        stdio[1] = pair[1];
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        stage->errors = pair[0];
        stdio[2] = pair[1];
}

static inline void stage_set(struct stage *stage)
{
        *stage = (struct stage){.session = -EBADF, .pidfd = -EBADF, .streams = {-EBADF, -EBADF, -EBADF}};
        strcpy(stage->directory, "/tmp/proxy-test-XXXXXX");
        assert_non_null(mkdtemp(stage->directory));
        stage->listener = stage_listen(stage->directory);
}

static inline int stage_socket(const struct stage *stage)
{
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/vsock.sock", stage->directory);
        fd = open(path, O_PATH | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

/* An exec: the channel is 3, the socket 4, the launch 5. */
static inline void stage_exec(struct stage *stage, const char *option)
{
        const char *const argv[] = {"berth-proxy", "exec", "agent=4", "launch=5", option, NULL};
        int pair[2], stdio[3];

        stage_set(stage);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        stage->channel = pair[0];
        stage_pipes(stage, stdio);
        {
                int fds[] = {pair[1], stage_socket(stage), stage_launch_file()};

                stage_execute(stage, stage_program("berth-proxy"), argv, stdio, fds, ELEMENTS(fds), 0);
        }
}

/* Its exit status. */
static inline int stage_end(struct stage *stage)
{
        int status = -1, r = process_reap(stage->pidfd, PATIENCE_MS, &status);
        int *const fds[] = {&stage->listener,   &stage->channel, &stage->in,         &stage->out,
                            &stage->errors,     &stage->session, &stage->streams[0], &stage->streams[1],
                            &stage->streams[2], &stage->pidfd};

        if (r < 0) {
                (void)kill(stage->pid, SIGKILL);
                fail_msg("the proxy did not end");
        }
        for (size_t i = 0; i < ELEMENTS(fds); i++)
                replace_fd(fds[i], -EBADF);
        assert_int_equal(remove_tree_at(AT_FDCWD, stage->directory), 0);
        return status;
}

/* ---- the guest's side ---- */

static inline void stage_await(int fd, short events)
{
        int r = wait_fd(fd, events, PATIENCE_MS);

        if (r < 0)
                fail_msg("nothing came: %s", strerror(-r));
}

/* The next connection and the port that it wants. `answer`: what the machine says to it; NULL: it is ended. */
static inline int stage_accept(struct stage *stage, unsigned *port, const char *answer)
{
        char line[64];
        size_t used = 0;
        int fd;

        stage_await(stage->listener, POLLIN);
        fd = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fd >= 0);
        do {
                stage_await(fd, POLLIN);
                assert_true(used + 1 < sizeof(line));
                assert_int_equal(read(fd, line + used, 1), 1);
        } while (line[used++] != '\n');
        line[used] = '\0';
        assert_int_equal(sscanf(line, "CONNECT %u", port), 1);
        if (!answer) {
                close(fd);
                return -EBADF;
        }
        assert_int_equal(write_all(fd, answer, strlen(answer)), 0);
        return fd;
}

static inline void stage_say(struct stage *stage, enum message_kind kind, int64_t number, const char *text)
{
        assert_int_equal(message_send_text(stage->session, kind, number, text, now_ms() + PATIENCE_MS), 0);
}

static inline void stage_hello(struct stage *stage, int64_t version)
{
        struct message_builder hello;

        message_begin(&hello, MESSAGE_HELLO);
        message_put_number(&hello, PART_VERSION, version);
        message_put_text(&hello, PART_TEXT, "6.1.0-test");
        assert_int_equal(message_send(stage->session, &hello, now_ms() + PATIENCE_MS), 0);
}

static inline void stage_take_session(struct stage *stage)
{
        unsigned port;

        stage->session = stage_accept(stage, &port, "OK\n");
        assert_int_equal(port, AGENT_PORT);
}

static inline void stage_read_launch(struct stage *stage)
{
        char bytes[4096];

        for (size_t at = 0; at < stage_launch_size;) {
                size_t left = stage_launch_size - at, room = left < sizeof(bytes) ? left : sizeof(bytes);
                ssize_t n;

                stage_await(stage->session, POLLIN);
                n = read(stage->session, bytes, room);
                assert_true(n > 0);
                for (ssize_t i = 0; i < n; i++)
                        if (bytes[i] != stage_launch_byte(at + (size_t)i))
                                fail_msg("byte %zu of the launch is another", at + (size_t)i);
                at += (size_t)n;
        }
}

/* Takes the connection of the session and the launch. */
static inline void stage_take_launch(struct stage *stage)
{
        stage_take_session(stage);
        stage_hello(stage, PROTOCOL_VERSION);
        stage_read_launch(stage);
}

static inline void stage_expect(struct stage *stage, enum message_kind kind, struct message *message)
{
        assert_int_equal(message_receive(stage->session, MESSAGE_SMALL_MAX, message, now_ms() + PATIENCE_MS), 0);
        assert_int_equal(message->kind, kind);
}

static inline int64_t stage_expect_number(struct stage *stage, enum message_kind kind)
{
        struct message message;
        int64_t number = -1;

        stage_expect(stage, kind, &message);
        assert_true(message_number(&message, PART_NUMBER, &number));
        message_free(&message);
        return number;
}

/* Says where the streams are and takes n of them. */
static inline void stage_take_streams(struct stage *stage, int n)
{
        stage_say(stage, MESSAGE_STREAMS, STREAMS_PORT, NULL);
        for (int i = 0; i < n; i++) {
                unsigned port;
                char name;
                int fd = stage_accept(stage, &port, "OK\n");

                assert_int_equal(port, STREAMS_PORT);
                stage_await(fd, POLLIN);
                assert_int_equal(read(fd, &name, 1), 1);
                assert_in_range(name, STREAM_IN, STREAM_ERR);
                stage->streams[name - STREAM_IN] = fd;
        }
}

/* ---- berth's side ---- */

static inline void stage_hear(struct stage *stage, enum channel_kind kind, struct channel_message *message, int *fd)
{
        int r = channel_receive(stage->channel, message, fd, fd ? 1 : 0, PATIENCE_MS);

        assert_int_equal(r, 0);
        if (message->kind != (uint32_t)kind)
                fail_msg("the channel says %u \"%s\" instead of %d", message->kind, message->text, (int)kind);
}

static inline void stage_hear_point(struct stage *stage, enum plan_point point)
{
        struct channel_message message;

        stage_hear(stage, CHANNEL_POINT, &message, NULL);
        assert_int_equal(message.number, point);
}

/* From the launch to the program. */
static inline void stage_bring_up(struct stage *stage, int n_streams)
{
        struct channel_message message;

        stage_take_launch(stage);
        stage_take_streams(stage, n_streams);
        stage_say(stage, MESSAGE_POINT, POINT_READY, NULL);
        stage_hear_point(stage, POINT_READY);
        assert_int_equal(channel_send(stage->channel, CHANNEL_CONTINUE, 0, NULL, -EBADF), 0);
        assert_int_equal(stage_expect_number(stage, MESSAGE_CONTINUE), 0);
        stage_say(stage, MESSAGE_EXECUTED, 0, NULL);
        stage_hear(stage, CHANNEL_END, &message, NULL);
}
