#include "runtime/core/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

/* The names stand here once more (beside oci/vocabulary) because berth-init has no vocabulary; a unit test compares. */
static const char *const names[] = {
        [CAP_CHOWN] = "CAP_CHOWN",
        [CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
        [CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
        [CAP_FOWNER] = "CAP_FOWNER",
        [CAP_FSETID] = "CAP_FSETID",
        [CAP_KILL] = "CAP_KILL",
        [CAP_SETGID] = "CAP_SETGID",
        [CAP_SETUID] = "CAP_SETUID",
        [CAP_SETPCAP] = "CAP_SETPCAP",
        [CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
        [CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
        [CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
        [CAP_NET_ADMIN] = "CAP_NET_ADMIN",
        [CAP_NET_RAW] = "CAP_NET_RAW",
        [CAP_IPC_LOCK] = "CAP_IPC_LOCK",
        [CAP_IPC_OWNER] = "CAP_IPC_OWNER",
        [CAP_SYS_MODULE] = "CAP_SYS_MODULE",
        [CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
        [CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
        [CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
        [CAP_SYS_PACCT] = "CAP_SYS_PACCT",
        [CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
        [CAP_SYS_BOOT] = "CAP_SYS_BOOT",
        [CAP_SYS_NICE] = "CAP_SYS_NICE",
        [CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
        [CAP_SYS_TIME] = "CAP_SYS_TIME",
        [CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
        [CAP_MKNOD] = "CAP_MKNOD",
        [CAP_LEASE] = "CAP_LEASE",
        [CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
        [CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
        [CAP_SETFCAP] = "CAP_SETFCAP",
        [CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
        [CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
        [CAP_SYSLOG] = "CAP_SYSLOG",
        [CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
        [CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
        [CAP_AUDIT_READ] = "CAP_AUDIT_READ",
        [CAP_PERFMON] = "CAP_PERFMON",
        [CAP_BPF] = "CAP_BPF",
        [CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

static uint64_t bit(unsigned capability)
{
        return UINT64_C(1) << capability;
}

const char *capability_name(unsigned capability, char buffer[static 16])
{
        if (capability < ELEMENTS(names) && names[capability])
                return names[capability];
        snprintf(buffer, 16, "CAP_%u", capability);
        return buffer;
}

static int get_sets(struct oci_capabilities *sets)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, data) < 0)
                return fail(errno, "read own capabilities");
        sets->effective = (uint64_t)data[1].effective << 32 | data[0].effective;
        sets->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
        sets->inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
        return 0;
}

static int put_sets(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
                {
                        .effective = (uint32_t)effective,
                        .permitted = (uint32_t)permitted,
                        .inheritable = (uint32_t)inheritable,
                },
                {
                        .effective = (uint32_t)(effective >> 32),
                        .permitted = (uint32_t)(permitted >> 32),
                        .inheritable = (uint32_t)(inheritable >> 32),
                },
        };

        if (syscall(SYS_capset, &header, data) < 0)
                return fail(errno, "set capabilities (effective 0x%016llx, permitted 0x%016llx, inheritable 0x%016llx)",
                            (unsigned long long)effective, (unsigned long long)permitted,
                            (unsigned long long)inheritable);
        return 0;
}

int capabilities_read(struct oci_capabilities *sets, uint64_t of)
{
        int r;

        *sets = (struct oci_capabilities){.set = true};
        r = get_sets(sets);
        if (r < 0)
                return r;
        for (int capability = 0; of >> capability && capability < 64; capability++) {
                if (!(of & bit((unsigned)capability)))
                        continue;
                if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
                        sets->bounding |= bit((unsigned)capability);
                if ((sets->inheritable & sets->permitted & bit((unsigned)capability)) &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
                        sets->ambient |= bit((unsigned)capability);
        }
        return 0;
}

/* Keeps in *set only what is `possible`; what goes is added to *lost. */
static void keep(uint64_t *set, uint64_t possible, uint64_t *lost)
{
        *lost |= *set & ~possible;
        *set &= possible;
}

uint64_t capabilities_reduce(struct oci_capabilities *wanted, const struct oci_capabilities *held)
{
        uint64_t lost = 0;

        keep(&wanted->bounding, held->bounding, &lost);
        keep(&wanted->permitted, held->permitted, &lost);
        keep(&wanted->effective, wanted->permitted, &lost);
        keep(&wanted->inheritable, held->inheritable | (held->permitted & held->bounding), &lost);
        keep(&wanted->ambient, wanted->permitted & wanted->inheritable, &lost);
        return lost;
}

/* One line for all of them: a rootless container may lack dozens. */
static void warn_lost(uint64_t lost)
{
        char list[1280] = "", buffer[16];
        size_t used = 0;

        for (unsigned capability = 0; lost; capability++, lost >>= 1) {
                int n;

                if (!(lost & 1))
                        continue;
                n = snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                             capability_name(capability, buffer));
                if (n < 0 || (size_t)n >= sizeof(list) - used)
                        break;
                used += (size_t)n;
        }
        log_warning("process.capabilities: going on without what cannot be granted here: %s", list);
}

int capabilities_limit(struct oci_capabilities *wanted)
{
        struct oci_capabilities held;
        uint64_t lost;
        int r = capabilities_read(&held, wanted->bounding | wanted->inheritable | wanted->ambient);

        if (r < 0)
                return r;
        lost = capabilities_reduce(wanted, &held);
        if (lost)
                warn_lost(lost);
        return 0;
}

int capabilities_prepare(const struct oci_capabilities *sets)
{
        char buffer[16];

        /* EINVAL: the first number that this kernel does not know. Dropping what is gone is fine, but needs CAP_SETPCAP
         * all the same. */
        for (int capability = 0; capability < 64; capability++) {
                if (sets->bounding & bit((unsigned)capability) || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
                        continue;
                if (errno == EINVAL)
                        break;
                if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
                        return fail(EPERM, "drop %s from the bounding set",
                                    capability_name((unsigned)capability, buffer));
        }
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return fail(errno, "keep capabilities over the user switch");
        return 0;
}

/* Linux 4.3. A set that capset has just narrowed has lost those ambient capabilities already, but one that the caller
 * came with and the configuration lists elsewhere would survive: so it is always cleared first. */
static int set_ambient(uint64_t ambient)
{
        char buffer[16];

        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return fail(errno, "clear the ambient capabilities");
        for (unsigned capability = 0; ambient; capability++, ambient >>= 1) {
                if (!(ambient & 1))
                        continue;
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
                        return fail(errno, "raise ambient %s", capability_name(capability, buffer));
        }
        return 0;
}

int capabilities_apply(const struct oci_capabilities *sets)
{
        int r = put_sets(sets->effective, sets->permitted, sets->inheritable);

        if (r < 0)
                return r;
        r = set_ambient(sets->ambient);
        if (r < 0)
                return r;
        if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
                return fail(errno, "end keeping capabilities over user switches");
        return 0;
}
