#include "cgroups/systemd_call.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/io.h"
#include "base/number.h"

#define HELPER       "berth-systemd"
#define GRACE_MS     2000 /* for the helper to come up and to say why it gives up */
#define ARGUMENTS    3
#define MESSAGE_MOST 4096

/* properties: NULL, none go to the helper. */
static int begin(bool user, const char *operation, const char *unit, const char *const *arguments, int timeout_ms,
                 const struct systemd_properties *properties, struct systemd_call *call)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int input = -EBADF;
        char path[PATH_MAX], timeout[16];
        const char *args[5 + ARGUMENTS + 1] = {path, user ? "user" : "system", timeout, operation, unit};
        size_t size = 0;
        int r = helper_find(HELPER, path, sizeof(path));

        *call = (struct systemd_call){PROCESS_CALL_NONE, timeout_ms};
        snprintf(timeout, sizeof(timeout), "%d", timeout_ms);
        for (size_t i = 0; arguments && arguments[i] && i < ARGUMENTS; i++)
                args[5 + i] = arguments[i];
        if (r < 0)
                return fail_in(r, "the systemd cgroup driver");
        if (properties)
                r = systemd_properties_encode(properties, &text, &size);
        if (r < 0)
                return r;
        /* Not a pipe: who fills one must not be the one who waits for its reader. */
        input = memfd_sealed("berth-properties", text ? text : "", size, false);
        if (input < 0 || lseek(input, 0, SEEK_SET) < 0)
                return fail(input < 0 ? -input : errno, "keep the properties for " HELPER);
        r = process_begin(path, args, input, &call->process);
        return r < 0 ? fail_in(r, "start " HELPER) : 0;
}

/* "ERRNO MESSAGE" is what the helper has to say; anything else (the loader, a signal) is not from it. */
static int explain(int status, const char *output)
{
        size_t length = strcspn(output, " ");
        char digits[8];
        uint64_t number = 0;

        if (status == 1 && length < sizeof(digits) && output[length]) {
                memcpy(digits, output, length);
                digits[length] = '\0';
                if (parse_u64(digits, 4095, &number) == 0 && number > 0)
                        return refuse((int)number, "%s", output + length + 1);
        }
        return refuse(ECHILD, HELPER " ended with status %d%s%s", status, output[0] ? ": " : "", output);
}

int systemd_finish(struct systemd_call *call, int interrupt)
{
        char output[MESSAGE_MOST];
        int r = process_finish(&call->process, call->timeout_ms + GRACE_MS, interrupt, output, sizeof(output));

        if (r == -EINTR)
                return r;
        if (r < 0)
                return fail_in(r, HELPER);
        return r == 0 ? 0 : explain(r, output);
}

void systemd_drop(struct systemd_call *call)
{
        process_drop(&call->process);
}

int systemd_begin_start(bool user, const char *unit, const struct systemd_properties *properties,
                        struct systemd_call *call)
{
        return begin(user, "start", unit, NULL, SYSTEMD_DEADLINE_MS, properties, call);
}

int systemd_set(bool user, const char *unit, const struct systemd_properties *properties)
{
        struct systemd_call call;
        int r = begin(user, "set", unit, NULL, SYSTEMD_DEADLINE_MS, properties, &call);

        return r < 0 ? r : systemd_finish(&call, -EBADF);
}

int systemd_stop(bool user, const char *unit, const char *description, int timeout_ms)
{
        const char *const arguments[] = {description, NULL};
        struct systemd_call call;
        int r = begin(user, "stop", unit, arguments, timeout_ms, NULL, &call);

        return r < 0 ? r : systemd_finish(&call, -EBADF);
}

int systemd_attach(bool user, const char *unit, const char *subgroup, pid_t pid, int interrupt)
{
        char number[16];
        const char *const arguments[] = {subgroup, number, NULL};
        struct systemd_call call;
        int r;

        snprintf(number, sizeof(number), "%d", (int)pid);
        r = begin(user, "attach", unit, arguments, SYSTEMD_DEADLINE_MS, NULL, &call);
        return r < 0 ? r : systemd_finish(&call, interrupt);
}
