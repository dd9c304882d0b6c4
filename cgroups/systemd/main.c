/* berth-systemd: the one program of berth that speaks D-Bus. berth starts it for one operation at a time and waits for
 * it (cgroups/systemd_call.h); nobody else does.
 *
 *      berth-systemd system|user DEADLINE_MS start UNIT                  properties on standard input
 *      berth-systemd system|user DEADLINE_MS set UNIT                    properties on standard input
 *      berth-systemd system|user DEADLINE_MS stop UNIT DESCRIPTION
 *      berth-systemd system|user DEADLINE_MS attach UNIT SUBGROUP PID
 *
 * Ends with 0, or with 1 and "ERRNO MESSAGE" on standard output. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "cgroups/systemd/unit.h"

#define INPUT_MOST ((size_t)16 << 20)

struct operation {
        struct bus *bus;
        const char *unit;
        char **arguments; /* behind UNIT */
        struct systemd_properties properties;
};

static int start(const struct operation *operation)
{
        return unit_start(operation->bus, operation->unit, &operation->properties);
}

static int set(const struct operation *operation)
{
        return unit_set(operation->bus, operation->unit, &operation->properties);
}

static int stop(const struct operation *operation)
{
        return unit_stop(operation->bus, operation->unit, operation->arguments[0]);
}

static int attach(const struct operation *operation)
{
        uint32_t pid;

        if (parse_u32(operation->arguments[1], &pid) < 0 || pid == 0)
                return refuse(EINVAL, "attach: \"%s\" is no process", operation->arguments[1]);
        return unit_attach(operation->bus, operation->unit, operation->arguments[0], pid);
}

static const struct {
        const char *name;
        int arguments;
        bool reads;
        int (*run)(const struct operation *operation);
} operations[] = {
        {"start", 0, true, start},
        {"set", 0, true, set},
        {"stop", 1, false, stop},
        {"attach", 2, false, attach},
};

/* Nobody waits for the answer of a berth that is dead; and what it wanted would be left behind. */
static int end_with_parent(void)
{
        struct pollfd output = {.fd = STDOUT_FILENO};

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return fail(errno, "end with the caller");
        return poll(&output, 1, 0) > 0 && output.revents & (POLLERR | POLLHUP) ? refuse(EPIPE, "nobody listens") : 0;
}

static int run(int argc, char **argv)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_(bus_close) struct bus bus = {0};
        _cleanup_free_ char *input = NULL;
        struct operation operation = {.bus = &bus};
        uint64_t deadline;
        size_t kind = 0, size;
        int r = end_with_parent();

        if (r < 0)
                return r;
        while (argc >= 5 && kind < ELEMENTS(operations) && strcmp(operations[kind].name, argv[3]) != 0)
                kind++;
        if (argc < 5 || kind == ELEMENTS(operations) || argc != 5 + operations[kind].arguments ||
            (strcmp(argv[1], "system") != 0 && strcmp(argv[1], "user") != 0) ||
            parse_u64(argv[2], INT_MAX, &deadline) < 0)
                return refuse(EINVAL, "berth-systemd is part of berth, not to be called by hand");
        operation.unit = argv[4];
        operation.arguments = argv + 5;
        if (operations[kind].reads) {
                r = read_all(STDIN_FILENO, INPUT_MOST, &input, &size);
                if (r < 0)
                        return fail(-r, "read the properties");
                r = systemd_properties_decode(input, size, &arena, &operation.properties);
        }
        if (r == 0)
                r = bus_open(&bus, strcmp(argv[1], "user") == 0, now_ms() + (int64_t)deadline);
        return r == 0 ? operations[kind].run(&operation) : r;
}

int main(int argc, char **argv)
{
        int r = run(argc, argv);
        char message[ERROR_MESSAGE_MAX];

        if (r >= 0)
                return 0;
        snprintf(message, sizeof(message), "%s", error_message());
        for (char *p = message; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        printf("%d %s\n", -r, message);
        return 1;
}
