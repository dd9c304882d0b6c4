#include "runtime/core/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "runtime/core/seccomp_cache.h"
#include "runtime/core/seccomp_stub.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define RULE_ARGUMENTS 6

static void release_context(scmp_filter_ctx *context)
{
        if (*context)
                seccomp_release(*context);
}

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

/* ---- rules ---- */

static struct scmp_arg_cmp comparison(const struct oci_seccomp_arg *arg)
{
        struct scmp_arg_cmp result = {.arg = arg->index, .op = (enum scmp_compare)arg->op, .datum_a = arg->value};

        if (arg->op == SCMP_CMP_MASKED_EQ)
                result.datum_b = arg->value_two;
        return result;
}

static int tests_one_argument_twice(const struct oci_seccomp_rule *rule)
{
        unsigned seen = 0;

        for (size_t i = 0; i < rule->n_args; i++) {
                if (seen & 1U << rule->args[i].index)
                        return 1;
                seen |= 1U << rule->args[i].index;
        }
        return 0;
}

static int add_one(scmp_filter_ctx context, const struct oci_seccomp_rule *rule, int number,
                   const struct oci_seccomp_arg *args, size_t n_args)
{
        struct scmp_arg_cmp comparisons[RULE_ARGUMENTS];
        int r;

        for (size_t i = 0; i < n_args; i++)
                comparisons[i] = comparison(&args[i]);
        r = seccomp_rule_add_array(context, rule->action, number, (unsigned)n_args, comparisons);
        return r == -EEXIST ? 0 : r; /* said before */
}

static int add_call(scmp_filter_ctx context, const struct oci_seccomp_rule *rule, int number)
{
        int r = 0;

        if (!tests_one_argument_twice(rule))
                return add_one(context, rule, number, rule->args, rule->n_args);
        for (size_t i = 0; r == 0 && i < rule->n_args; i++)
                r = add_one(context, rule, number, &rule->args[i], 1);
        return r;
}

static int add_rule(scmp_filter_ctx context, const struct oci_seccomp *profile, size_t index)
{
        const struct oci_seccomp_rule *rule = &profile->rules[index];

        /* libseccomp refuses a rule that repeats the default action. */
        if (rule->action == profile->default_action)
                return 0;
        for (size_t i = 0; i < rule->names.n; i++) {
                int number = seccomp_syscall_resolve_name(rule->names.v[i]);
                int r;

                if (number == __NR_SCMP_ERROR) {
                        log_debug("linux.seccomp.syscalls[%zu]: libseccomp does not know %s, skipped", index,
                                  rule->names.v[i]);
                        continue;
                }
                r = add_call(context, rule, number);
                if (r < 0)
                        return fail(-r, "linux.seccomp.syscalls[%zu]: add a rule for %s", index, rule->names.v[i]);
        }
        return 0;
}

static int add_architectures(scmp_filter_ctx context, const struct oci_seccomp *profile)
{
        for (size_t i = 0; i < profile->n_architectures; i++) {
                int r = seccomp_arch_add(context, profile->architectures[i]);

                if (r < 0 && r != -EEXIST)
                        return fail(-r, "linux.seccomp.architectures[%zu]: add architecture 0x%x to the filter", i,
                                    profile->architectures[i]);
        }
        return 0;
}

static int set_attributes(scmp_filter_ctx context)
{
        /* The process sets no_new_privs itself or not; 2 is a binary tree over the numbers instead of a list. */
        int r = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);

        if (r == 0)
                r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        return r < 0 ? fail(-r, "set up libseccomp") : 0;
}

/* ---- the stub ---- */

/* As runc decides: not where the default lets everything pass (a tracer answers for new calls itself), and not where it
 * says ENOSYS already. */
static int wants_stub(const struct oci_seccomp *profile)
{
        uint32_t action = profile->default_action;

        return action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG && action != SCMP_ACT_ERRNO(ENOSYS) &&
               (action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE;
}

/* The highest number that the profile names on an architecture, -1: none. Numbers below zero are libseccomp's own, for
 * calls that the architecture does not have. */
static int64_t newest_call(const struct oci_seccomp *profile, uint32_t arch)
{
        int64_t newest = -1;

        for (size_t i = 0; i < profile->n_rules; i++)
                for (size_t k = 0; k < profile->rules[i].names.n; k++) {
                        int number = seccomp_syscall_resolve_name_arch(arch, profile->rules[i].names.v[k]);

                        if (number > newest)
                                newest = number;
                }
        return newest;
}

static void add_stub_arch(const struct oci_seccomp *profile, uint32_t arch, struct seccomp_stub_arch *archs, size_t *n)
{
        int x32 = arch == SCMP_ARCH_X32;
        uint32_t audit_arch = x32 ? AUDIT_ARCH_X86_64 : arch; /* libseccomp's other tokens are the audit ones */
        int64_t newest;

        for (size_t i = 0; i < *n; i++)
                if (archs[i].audit_arch == audit_arch && archs[i].x32 == x32)
                        return;
        newest = newest_call(profile, arch);
        if (newest >= 0)
                archs[(*n)++] = (struct seccomp_stub_arch){audit_arch, x32, (uint32_t)newest};
}

static int make_stub(const struct oci_seccomp *profile, struct sock_filter **stub, size_t *n)
{
        _cleanup_free_ struct seccomp_stub_arch *archs = calloc(profile->n_architectures + 1, sizeof(*archs));
        size_t n_archs = 0;

        *n = 0;
        if (!wants_stub(profile))
                return 0;
        if (!archs)
                return fail(ENOMEM, "linux.seccomp");
        /* The native one first: its calls are the ones that are made all the time. */
        add_stub_arch(profile, seccomp_arch_native(), archs, &n_archs);
        for (size_t i = 0; i < profile->n_architectures; i++)
                if (profile->architectures[i] != SCMP_ARCH_NATIVE)
                        add_stub_arch(profile, profile->architectures[i], archs, &n_archs);
        return seccomp_stub_build(archs, n_archs, stub, n) < 0 ? fail(ENOMEM, "linux.seccomp") : 0;
}

/* ---- the program ---- */

static int export_program(scmp_filter_ctx context, const struct oci_seccomp *profile, struct seccomp_program *program)
{
        _cleanup_free_ struct sock_filter *stub = NULL;
        _cleanup_free_ struct sock_filter *filter = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n_stub, n;
        struct stat st;
        int r = make_stub(profile, &stub, &n_stub);

        if (r < 0)
                return r;
        fd = memfd_create("seccomp", MFD_CLOEXEC); /* libseccomp 2.5 exports to descriptors only */
        if (fd < 0)
                return fail(errno, "make a memory file for the seccomp filter");
        r = seccomp_export_bpf(context, fd);
        if (r < 0)
                return fail(-r, "linux.seccomp: generate the filter");
        if (fstat(fd, &st) < 0)
                return fail(errno, "look at the seccomp filter");
        n = (size_t)st.st_size / sizeof(*filter);
        if (n_stub + n > BPF_MAXINSNS)
                return refuse(E2BIG, "linux.seccomp: the filter has %zu instructions, the kernel takes %d", n_stub + n,
                              BPF_MAXINSNS);
        filter = calloc(n_stub + n, sizeof(*filter));
        if (!filter)
                return fail(ENOMEM, "linux.seccomp");
        if (n_stub)
                memcpy(filter, stub, n_stub * sizeof(*filter));
        if (pread(fd, filter + n_stub, n * sizeof(*filter), 0) != (ssize_t)(n * sizeof(*filter)))
                return fail(EIO, "read the seccomp filter");
        program->filter = take_ptr(&filter);
        program->n = (unsigned short)(n_stub + n);
        return 0;
}

static void set_flags(const struct oci_seccomp *profile, struct seccomp_program *program)
{
        program->flags = seccomp_flags(profile);
        program->listener = program->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
}

int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *program)
{
        _cleanup_(release_context) scmp_filter_ctx context = NULL;
        int r;

        *program = (struct seccomp_program){0};
        context = seccomp_init(profile->default_action);
        if (!context)
                return refuse(EINVAL,
                              "linux.seccomp.defaultAction: this kernel or libseccomp does not have action 0x%x",
                              profile->default_action);
        r = set_attributes(context);
        if (r == 0)
                r = add_architectures(context, profile);
        for (size_t i = 0; r == 0 && i < profile->n_rules; i++)
                r = add_rule(context, profile, i);
        if (r == 0)
                r = export_program(context, profile, program);
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
