#include "runtime/core/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "runtime/core/seccomp_cache.h"
#include "runtime/core/seccomp_code.h"
#include "runtime/core/seccomp_table.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

void seccomp_program_free(struct seccomp_program *program)
{
        free(program->filter);
        *program = (struct seccomp_program){0};
}

unsigned seccomp_flags(const struct oci_seccomp *profile)
{
        unsigned flags = profile->flags_set ? profile->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW;

        if (profile->notifies)
                return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
        /* About how a listener receives: the kernel refuses it without one, libseccomp and runc leave it out. */
        return flags & ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

/* The native architecture first: its calls are the ones that are made all the time. Each is listed once. */
static int fill_tables(const struct oci_seccomp *profile, struct arena *arena, struct seccomp_table *tables, size_t *n)
{
        uint32_t native = seccomp_arch_native();
        int r = seccomp_table_fill(profile, native, arena, &tables[0]);

        *n = 1;
        for (size_t i = 0; r == 0 && i < profile->n_architectures; i++) {
                uint32_t arch = profile->architectures[i];
                bool listed = arch == native || arch == SCMP_ARCH_NATIVE;

                for (size_t k = 0; k < i; k++)
                        listed |= profile->architectures[k] == arch;
                if (!listed)
                        r = seccomp_table_fill(profile, arch, arena, &tables[(*n)++]);
        }
        return r;
}

static int build(const struct oci_seccomp *profile, struct arena *arena, struct seccomp_program *program)
{
        struct seccomp_table *tables = arena_array(arena, profile->n_architectures + 1, sizeof(*tables));
        size_t n_tables, n = 0;
        int r;

        if (!tables)
                return fail(ENOMEM, "linux.seccomp");
        r = fill_tables(profile, arena, tables, &n_tables);
        if (r == 0)
                r = seccomp_code_build(tables, n_tables, profile->default_action, &program->filter, &n);
        if (r == -E2BIG)
                return refuse(E2BIG, "linux.seccomp: the filter has %zu instructions, the kernel takes %d", n,
                              BPF_MAXINSNS);
        if (r < 0)
                return fail(-r, "linux.seccomp");
        program->n = (unsigned short)n;
        return 0;
}

static void set_flags(const struct oci_seccomp *profile, struct seccomp_program *program)
{
        program->flags = seccomp_flags(profile);
        program->listener = program->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
}

int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *program)
{
        struct arena arena = {0};
        int r;

        *program = (struct seccomp_program){0};
        r = build(profile, &arena, program);
        arena_free(&arena);
        if (r < 0)
                return r;
        set_flags(profile, program);
        return 0;
}

int seccomp_prepare(const struct oci_seccomp *profile, int cache, struct seccomp_program *program)
{
        _cleanup_free_ char *key = NULL;
        size_t size = 0;
        int r;

        if (cache < 0)
                return seccomp_compile(profile, program);
        *program = (struct seccomp_program){0};
        if (seccomp_cache_key(profile, &key, &size) < 0)
                return fail(ENOMEM, "linux.seccomp");
        r = seccomp_cache_load(cache, key, size, &program->filter, &program->n);
        if (r > 0) {
                set_flags(profile, program);
                return 0;
        }
        if (r < 0)
                log_debug("seccomp cache: not read: %s", strerror(-r));
        r = seccomp_compile(profile, program);
        if (r < 0)
                return r;
        r = seccomp_cache_store(cache, key, size, program->filter, program->n);
        if (r < 0)
                log_debug("seccomp cache: not stored: %s", strerror(-r));
        return 0;
}
