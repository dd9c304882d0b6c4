#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/output.h"
#include "oci/features.h"
#include "oci/vocabulary.h"
#include "version.h"

#define TEXT_OF(x) TEXT_(x)
#define TEXT_(x)   #x

/* Engines keep strangers from setting these: whoever may set them steers the runtime. */
static const char *unsafe_annotations[] = {"berth.", "run.oci.", "org.systemd.property."};

/* A filter that is not there (NULL) gives EFAULT, but a flag that the kernel does not know gives EINVAL before that. */
static uint32_t probe_seccomp_flags(void)
{
        uint32_t working = 0;

        for (size_t i = 0; i < seccomp_flag_words.n; i++) {
                uint32_t flag = (uint32_t)seccomp_flag_words.v[i].value, with = flag;

                /* Only meant for the process that a listener watches (Linux 5.19). */
                if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
                        with |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
                if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, with, NULL) < 0 && errno == EFAULT)
                        working |= flag;
        }
        return working;
}

static int run(struct invocation *invocation)
{
        const struct oci_strings unsafe = {ELEMENTS(unsafe_annotations), unsafe_annotations};
        const struct features_facts facts = {
                .version = BERTH_VERSION,
                .commit = BERTH_COMMIT,
                .libseccomp_version = TEXT_OF(SCMP_VER_MAJOR) "." TEXT_OF(SCMP_VER_MINOR) "." TEXT_OF(SCMP_VER_MICRO),
                .seccomp_flags = probe_seccomp_flags(),
                .systemd = true,
                .systemd_user = true,
                .apparmor = true,
                .selinux = true,
                .intel_rdt = true,
                .unsafe_annotations = &unsafe,
        };
        _cleanup_free_ char *json = oci_features_json(&facts);

        (void)invocation;
        if (!json)
                return fail(ENOMEM, "print the features");
        return output_text(json);
}

const struct command command_features = {
        .name = "features",
        .arguments = "",
        .summary = "show what this runtime can do, as JSON",
        .description = "Prints the features document of the OCI specification: versions, hooks, mount options, "
                       "namespaces, capabilities, seccomp. Needs no privileges and no state.",
        .examples = "berth features | jq .linux.namespaces",
        .least = 0,
        .most = 0,
        .root = ROOT_UNUSED,
        .run = run,
};
