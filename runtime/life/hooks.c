#include "runtime/life/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "oci/vocabulary.h"
#include "runtime/core/hook_run.h"
#include "runtime/core/launch.h"

int hooks_state(const struct record *record, enum container_status status, char **json)
{
        /* Read only: the view that state_json takes. */
        const struct container view = {
                .record = (struct record *)(uintptr_t)record, .dir_fd = -EBADF, .status = status};

        return container_state_json(&view, json);
}

int hooks_state_fd(const struct record *record, enum container_status status)
{
        _cleanup_free_ char *json = NULL;
        int r = hooks_state(record, status, &json);

        if (r < 0)
                return r;
        r = memfd_sealed("berth-state", json, strlen(json), false);
        return r < 0 ? fail(-r, "store the state for hooks") : r;
}

/* As for the other runtimes' hooks. Where the bundle has gone already (poststop), wherever the caller is. */
static int bundle_directory(const struct record *record)
{
        return open(record->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A hook without an environment gets ours, as with other runtimes: one of its own would have no PATH to find anything.
 */
static int run_one(const struct runtime *runtime, enum oci_hook_kind kind, size_t index, const struct oci_hook *hook,
                   const char *json, int bundle, int interrupt)
{
        struct oci_hook complete = *hook;

        if (hook->env.n == 0 && runtime->environment) {
                complete.env.v = (const char **)(uintptr_t)runtime->environment;
                while (runtime->environment[complete.env.n])
                        complete.env.n++;
        }
        return hook_run(word_name(&hook_words, kind), index, &complete, json, bundle, interrupt);
}

int hooks_run(const struct runtime *runtime, const struct oci_spec *spec, enum oci_hook_kind kind,
              const struct record *record, enum container_status status, int interrupt)
{
        _cleanup_free_ char *json = NULL;
        _cleanup_close_ int bundle = spec->hooks[kind].n ? bundle_directory(record) : -EBADF;
        int r = spec->hooks[kind].n ? hooks_state(record, status, &json) : 0;

        for (size_t i = 0; r == 0 && i < spec->hooks[kind].n; i++)
                r = run_one(runtime, kind, i, &spec->hooks[kind].v[i], json, bundle, interrupt);
        return r;
}

void hooks_run_all(const struct runtime *runtime, const struct oci_spec *spec, enum oci_hook_kind kind,
                   const struct record *record, enum container_status status)
{
        _cleanup_free_ char *json = NULL;
        _cleanup_close_ int bundle = -EBADF;

        if (!spec->hooks[kind].n)
                return;
        bundle = bundle_directory(record);
        if (hooks_state(record, status, &json) < 0) {
                log_warning("%s", error_message());
                error_clear();
                return;
        }
        for (size_t i = 0; i < spec->hooks[kind].n; i++)
                if (run_one(runtime, kind, i, &spec->hooks[kind].v[i], json, bundle, -EBADF) < 0) {
                        log_warning("%s", error_message());
                        error_clear();
                }
}

int hooks_deadline_ms(const struct oci_spec *spec, enum oci_hook_kind kind)
{
        const struct oci_hooks *hooks = &spec->hooks[kind];
        int64_t seconds = LAUNCH_STEP_DEADLINE_MS / 1000;

        for (size_t i = 0; i < hooks->n && seconds < INT_MAX / 1000; i++) {
                int64_t more = hooks->v[i].timeout.set ? hooks->v[i].timeout.value : HOOK_TIMEOUT_SECONDS;

                seconds = more > INT_MAX / 1000 - seconds ? INT_MAX / 1000 : seconds + more;
        }
        return (int)seconds * 1000;
}
