#include "runtime/life/seccomp_listener.h"

#include "base/cleanup.h"
#include "runtime/life/hooks.h"
#include "runtime/life/seccomp_notify.h"

int seccomp_listener_deliver(void *data, int listener)
{
        const struct seccomp_listener *of = data;
        _cleanup_free_ char *state = NULL;
        struct seccomp_notification notification = {
                .listener_path = of->spec->linux_.seccomp.listener_path,
                .metadata = of->spec->linux_.seccomp.listener_metadata,
                .oci_version = of->spec->oci_version,
                .pid = of->pid,
        };
        int r = hooks_state(of->record, of->status, &state);

        if (r < 0)
                return r;
        notification.state = state;
        return seccomp_notify(&notification, listener);
}
