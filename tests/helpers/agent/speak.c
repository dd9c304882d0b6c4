/* The bundle, and the connection to the agent. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "cgroups/controllers.h"
#include "tests/helpers/agent/host.h"

void die(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fprintf(stderr, "agent: ");
        vfprintf(stderr, format, args);
        fprintf(stderr, "\n");
        va_end(args);
        exit(FAILED);
}

struct oci_spec *read_bundle(const char *bundle)
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

size_t slots_of(const struct oci_spec *spec, plan_slot *mounts)
{
        size_t n = 1;

        for (size_t i = 0; i < spec->mounts.n; i++) {
                bool bind = spec->mounts.v[i].options.bind && !spec->mounts.v[i].options.remount;

                mounts[i] = bind ? (plan_slot)n++ : PLAN_NO_SLOT;
        }
        return n;
}

/* What a machine monitor wants to hear first on its vsock socket. */
static void ask_for_port(int fd, uint32_t port)
{
        char text[32], byte = 0;
        int n = snprintf(text, sizeof(text), "CONNECT %u\n", port);

        if (write_all(fd, text, (size_t)n) < 0)
                die("speak to the monitor: %s", strerror(errno));
        for (n = 0; byte != '\n' && n < 30; n++) {
                if (read(fd, &byte, 1) != 1)
                        die("port %u: nobody listens there", port);
                text[n] = byte;
        }
        if (strncmp(text, "OK", 2) != 0)
                die("the monitor says %.*s", n, text);
}

int connect_to(const char *directory, uint32_t port)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct stat st;
        bool monitor = stat(directory, &st) == 0 && S_ISSOCK(st.st_mode);

        if (monitor)
                snprintf(address.sun_path, sizeof(address.sun_path), "%s", directory);
        else
                snprintf(address.sun_path, sizeof(address.sun_path), "%s/%u", directory, port);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                die("connect to %s: %s", address.sun_path, strerror(errno));
        if (monitor)
                ask_for_port(fd, port);
        return fd;
}

void receive(int connection, struct message *message, int64_t deadline)
{
        int r = message_receive(connection, MESSAGE_MAX, message, deadline);

        if (r < 0)
                die("listen: %s", strerror(-r));
}

int connect_to_agent(const char *directory)
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

void send_it(int connection, struct message_builder *builder)
{
        int r = message_send(connection, builder, now_ms() + DEADLINE_MS);

        if (r < 0)
                die("speak: %s", strerror(-r));
}

void put_write(struct message_builder *builder, char *text, unsigned *controllers)
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

int say_error(const struct message *message)
{
        const char *text = message_text(message, PART_TEXT);
        int64_t number = 0;

        (void)message_number(message, PART_NUMBER, &number);
        fprintf(stderr, "error %" PRId64 ": %s\n", number, text ? text : "");
        return FAILED;
}
