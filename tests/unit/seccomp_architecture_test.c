/* What a seccomp profile promises of architectures, checked by running the generated filter. */
#include "tests/unit/seccomp_support.h"

static void a_foreign_architecture_is_killed(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("read"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask(&program, AUDIT_ARCH_S390X, 3, 0, 0), SECCOMP_RET_KILL_THREAD);
        assert_int_equal(ask(&program, AUDIT_ARCH_S390X, 100000, 0, 0), SECCOMP_RET_KILL_THREAD);
        seccomp_program_free(&program);
}

#ifdef __x86_64__

static const uint32_t x86_family[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};

static uint32_t audit_arch(uint32_t arch)
{
        return arch == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : arch;
}

static void calls_have_the_numbers_of_their_architecture(void **state)
{
        static const char *const names[] = {"read", "openat", "clone3", "rt_sigaction", "mmap", "getuid32", "statx"};
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                ARCHITECTURES(SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32),
                RULES({.names = {ELEMENTS(names), (const char **)(uintptr_t)names}, .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        for (size_t a = 0; a < ELEMENTS(x86_family); a++) {
                int base = x86_family[a] == SCMP_ARCH_X32 ? 0x40000000 : 0;
                int newest = seccomp_syscall_resolve_name_arch(x86_family[a], "clone3");
                int rt_sigaction = seccomp_syscall_resolve_name_arch(x86_family[a], "rt_sigaction");

                if (rt_sigaction > newest)
                        newest = rt_sigaction; /* 512 in x32 */
                for (int nr = base; nr < base + 700; nr++) {
                        uint32_t expected = nr > newest ? UNKNOWN : REFUSED;

                        for (size_t i = 0; i < ELEMENTS(names); i++)
                                if (seccomp_syscall_resolve_name_arch(x86_family[a], names[i]) == nr)
                                        expected = ALLOWED;
                        assert_int_equal(ask(&program, audit_arch(x86_family[a]), nr, 0, 0), expected);
                }
        }
        seccomp_program_free(&program);
}

static void an_architecture_without_calls_has_the_default(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                ARCHITECTURES(SCMP_ARCH_ARM, SCMP_ARCH_AARCH64, SCMP_ARCH_X86, SCMP_ARCH_X32),
                RULES({.names = NAMES("arch_prctl"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask(&program, AUDIT_ARCH_ARM, 3, 0, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_ARM, 2000, 0, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_AARCH64, 158, 0, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, 384, 0, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 158, 0, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 0x40000000 | 158, 0, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 0x40000000 | 157, 0, 0), REFUSED);
        seccomp_program_free(&program);
}

static void a_call_that_a_tracer_cancelled_is_not_killed(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("read"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, -1, 0, 0), UNKNOWN);
        seccomp_program_free(&program);
}

#define SOCKETCALL        102
#define SOCKETCALL_SOCKET 1
#define SOCKETCALL_BIND   2
#define DIRECT_SOCKET     359

static void a_call_inside_socketcall_has_its_rule_there_and_by_its_own_number(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                ARCHITECTURES(SCMP_ARCH_X86),
                RULES({.names = NAMES("socket", "semop", "accept"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, SOCKETCALL_SOCKET, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, 5, 0), ALLOWED); /* accept, which has no number */
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, SOCKETCALL_BIND, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, DIRECT_SOCKET, 0, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, 117, 1, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, 117, 2, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 41, 0, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void what_cannot_be_seen_inside_socketcall_is_never_allowed_by_it(void **state)
{
        struct oci_seccomp_rule only_unix = {
                .names = NAMES("socket"), ARGS({.index = 0, .value = 1, .op = SCMP_CMP_EQ}), .action = SCMP_ACT_ALLOW};
        struct oci_seccomp_rule not_vsock = {.names = NAMES("socket"),
                                             ARGS({.index = 0, .value = 40, .op = SCMP_CMP_EQ}),
                                             .action = SCMP_ACT_ERRNO(EPERM)};
        struct oci_seccomp lax = {.default_action = SCMP_ACT_ALLOW, .n_rules = 1, .rules = &not_vsock},
                           strict = {.default_action = SCMP_ACT_ERRNO(EPERM), .n_rules = 1, .rules = &only_unix};
        uint32_t arch = SCMP_ARCH_X86;
        struct seccomp_program program;

        (void)state;
        lax.n_architectures = strict.n_architectures = 1;
        lax.architectures = strict.architectures = &arch;
        program = compile(&strict);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, SOCKETCALL_SOCKET, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, DIRECT_SOCKET, 1, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, DIRECT_SOCKET, 40, 0), REFUSED);
        seccomp_program_free(&program);
        program = compile(&lax);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, SOCKETCALL_SOCKET, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, SOCKETCALL, SOCKETCALL_BIND, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, DIRECT_SOCKET, 40, 0), REFUSED);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, DIRECT_SOCKET, 1, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void x32_calls_stay_foreign_where_x32_is_not_listed(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                ARCHITECTURES(SCMP_ARCH_X86),
                RULES({.names = NAMES("read", "clone3"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 0x40000000, 0, 0), SECCOMP_RET_KILL_THREAD);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 0x40000000 | 600, 0, 0), SECCOMP_RET_KILL_THREAD);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 600, 0, 0), UNKNOWN);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, 600, 0, 0), UNKNOWN);
        assert_int_equal(ask(&program, AUDIT_ARCH_I386, 3, 0, 0), ALLOWED);
        assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 3, 0, 0), REFUSED);
        seccomp_program_free(&program);
}

#endif

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_foreign_architecture_is_killed),
#ifdef __x86_64__
                cmocka_unit_test(calls_have_the_numbers_of_their_architecture),
                cmocka_unit_test(an_architecture_without_calls_has_the_default),
                cmocka_unit_test(a_call_that_a_tracer_cancelled_is_not_killed),
                cmocka_unit_test(a_call_inside_socketcall_has_its_rule_there_and_by_its_own_number),
                cmocka_unit_test(what_cannot_be_seen_inside_socketcall_is_never_allowed_by_it),
                cmocka_unit_test(x32_calls_stay_foreign_where_x32_is_not_listed),
#endif
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
