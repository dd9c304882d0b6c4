/* What a seccomp profile promises, checked by running the generated filter. */
#include "tests/unit/seccomp_support.h"

static void all_arguments_of_a_rule_must_match(void **state)
{
        struct oci_seccomp profile = {
                .set = true,
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("personality", "kcmp"),
                       .action = SCMP_ACT_ALLOW,
                       ARGS({.index = 0, .value = 8, .op = SCMP_CMP_EQ}, {.index = 1, .value = 9, .op = SCMP_CMP_EQ})}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_personality, 8, 9), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 8, 0), REFUSED);
        assert_int_equal(ask_native(&program, SYS_personality, 0, 9), REFUSED);
        assert_int_equal(ask_native(&program, SYS_personality, 0, 0), REFUSED);
        assert_int_equal(ask_native(&program, SYS_kcmp, 8, 9), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_read, 8, 9), REFUSED);
        seccomp_program_free(&program);
}

static void several_rules_for_a_call_are_alternatives(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("personality"),
                       .action = SCMP_ACT_ALLOW,
                       ARGS({.index = 0, .value = 8, .op = SCMP_CMP_EQ})},
                      {.names = NAMES("personality"),
                       .action = SCMP_ACT_ALLOW,
                       ARGS({.index = 0, .value = 0xffffffff, .op = SCMP_CMP_EQ})}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_personality, 8, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 0xffffffff, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 0x1ffffffff, 0), REFUSED);
        assert_int_equal(ask_native(&program, SYS_personality, 9, 0), REFUSED);
        seccomp_program_free(&program);
}

static void an_argument_tested_twice_becomes_alternatives(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("personality"),
                       .action = SCMP_ACT_ALLOW,
                       ARGS({.index = 0, .value = 1, .op = SCMP_CMP_EQ}, {.index = 0, .value = 2, .op = SCMP_CMP_EQ},
                            {.index = 1, .value = 3, .op = SCMP_CMP_EQ})}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_personality, 1, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 2, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 5, 3), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_personality, 5, 0), REFUSED);
        seccomp_program_free(&program);
}

/* What an operator says, in C. */
static int holds(int op, uint64_t argument, uint64_t value, uint64_t value_two)
{
        switch (op) {
        case SCMP_CMP_NE:
                return argument != value;
        case SCMP_CMP_LT:
                return argument < value;
        case SCMP_CMP_LE:
                return argument <= value;
        case SCMP_CMP_EQ:
                return argument == value;
        case SCMP_CMP_GE:
                return argument >= value;
        case SCMP_CMP_GT:
                return argument > value;
        default:
                return (argument & value) == value_two;
        }
}

static const uint64_t edges[] = {
        0,           1,           2,           0x7fffffff,  0x80000000,         0xfffffffe,         0xffffffff,
        0x100000000, 0x100000001, 0x1ffffffff, 0x200000000, 0x7fffffffffffffff, 0xffffffff00000000, UINT64_MAX,
};

static void every_operator_compares_all_64_bits(void **state)
{
        (void)state;
        for (int op = SCMP_CMP_NE; op <= SCMP_CMP_MASKED_EQ; op++)
                for (size_t v = 0; v < ELEMENTS(edges); v++) {
                        uint64_t two = op == SCMP_CMP_MASKED_EQ ? edges[v] & 0xffffffff00000003 : 0;
                        struct oci_seccomp_arg arg = {.index = 0, .value = edges[v], .value_two = two, .op = op};
                        struct oci_seccomp profile = {
                                .default_action = SCMP_ACT_ERRNO(EPERM),
                                RULES({.names = NAMES("personality"),
                                       .action = SCMP_ACT_ALLOW,
                                       .n_args = 1,
                                       .args = &arg}),
                        };
                        struct seccomp_program program = compile(&profile);

                        for (size_t i = 0; i < ELEMENTS(edges); i++)
                                assert_int_equal(ask_native(&program, SYS_personality, edges[i], 0),
                                                 holds(op, edges[i], edges[v], two) ? ALLOWED : REFUSED);
                        seccomp_program_free(&program);
                }
}

/* A small generator of its own, so that a failure can be repeated. */
static uint64_t chance(uint64_t *seed)
{
        *seed = *seed * 6364136223846793005 + 1442695040888963407;
        return *seed >> 33;
}

#define RANDOM_RULES 6

static int some_rule_matches(const struct oci_seccomp_rule *rules, uint64_t a0, uint64_t a1)
{
        for (size_t i = 0; i < RANDOM_RULES; i++) {
                int all = 1;

                for (size_t k = 0; k < rules[i].n_args; k++) {
                        const struct oci_seccomp_arg *arg = &rules[i].args[k];

                        all &= holds(arg->op, arg->index ? a1 : a0, arg->value, arg->value_two);
                }
                if (all)
                        return 1;
        }
        return 0;
}

static void chance_rule(uint64_t *seed, struct oci_seccomp_rule *rule, struct oci_seccomp_arg args[2])
{
        static const char *name = "personality";

        rule->names = (struct oci_strings){1, &name};
        rule->action = SCMP_ACT_ALLOW;
        rule->n_args = 1 + chance(seed) % 2;
        rule->args = args;
        for (uint32_t k = 0; k < rule->n_args; k++) {
                args[k].index = rule->n_args == 2 ? k : (uint32_t)(chance(seed) % 2);
                args[k].op = (int)(SCMP_CMP_NE + chance(seed) % 7);
                args[k].value = edges[chance(seed) % ELEMENTS(edges)];
                args[k].value_two = args[k].op == SCMP_CMP_MASKED_EQ ? args[k].value & chance(seed) : 0;
        }
}

static void any_mixture_of_rules_means_or_of_ands(void **state)
{
        uint64_t seed = 20240229;

        (void)state;
        for (int round = 0; round < 300; round++) {
                struct oci_seccomp_rule rules[RANDOM_RULES];
                struct oci_seccomp_arg args[RANDOM_RULES][2];
                struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM)};
                struct seccomp_program program;

                for (size_t i = 0; i < RANDOM_RULES; i++)
                        chance_rule(&seed, &rules[i], args[i]);
                profile.rules = rules;
                profile.n_rules = RANDOM_RULES;
                program = compile(&profile);
                for (size_t i = 0; i < ELEMENTS(edges) * ELEMENTS(edges); i++) {
                        uint64_t a0 = edges[i / ELEMENTS(edges)], a1 = edges[i % ELEMENTS(edges)];

                        assert_int_equal(ask_native(&program, SYS_personality, a0, a1),
                                         some_rule_matches(rules, a0, a1) ? ALLOWED : REFUSED);
                }
                seccomp_program_free(&program);
        }
}

static void each_rule_keeps_its_own_errno(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ALLOW,
                RULES({.names = NAMES("mkdir"), .action = SCMP_ACT_ERRNO(EACCES)},
                      {.names = NAMES("rmdir"), .action = SCMP_ACT_ERRNO(ENOSYS)},
                      {.names = NAMES("reboot"), .action = SCMP_ACT_KILL_PROCESS},
                      {.names = NAMES("ptrace"), .action = SCMP_ACT_TRACE(7)},
                      {.names = NAMES("bpf"), .action = SCMP_ACT_TRAP}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_mkdir, 0, 0), SECCOMP_RET_ERRNO | EACCES);
        assert_int_equal(ask_native(&program, SYS_rmdir, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
        assert_int_equal(ask_native(&program, SYS_reboot, 0, 0), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(ask_native(&program, SYS_ptrace, 0, 0), SECCOMP_RET_TRACE | 7);
        assert_int_equal(ask_native(&program, SYS_bpf, 0, 0), SECCOMP_RET_TRAP);
        assert_int_equal(ask_native(&program, SYS_read, 0, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void an_unknown_name_is_skipped(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("no_such_call", "read", "call_of_2040"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_read, 0, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void a_rule_that_repeats_the_default_changes_nothing(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("read"), .action = SCMP_ACT_ERRNO(EPERM)},
                      {.names = NAMES("write"), .action = SCMP_ACT_ALLOW}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_read, 0, 0), REFUSED);
        assert_int_equal(ask_native(&program, SYS_write, 0, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void a_rule_without_conditions_decides_whatever_stands_beside_it(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("socket"),
                       .action = SCMP_ACT_ERRNO(EINVAL),
                       ARGS({.index = 0, .value = 16, .op = SCMP_CMP_EQ})},
                      {.names = NAMES("socket"), .action = SCMP_ACT_ALLOW},
                      {.names = NAMES("socket"), .action = SCMP_ACT_TRAP}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_socket, 16, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_socket, 1, 0), ALLOWED);
        seccomp_program_free(&program);
}

static void of_rules_with_conditions_the_first_that_matches_decides(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ERRNO(EPERM),
                RULES({.names = NAMES("socket"),
                       .action = SCMP_ACT_ERRNO(EINVAL),
                       ARGS({.index = 0, .value = 16, .op = SCMP_CMP_EQ})},
                      {.names = NAMES("socket"),
                       .action = SCMP_ACT_ALLOW,
                       ARGS({.index = 0, .value = 20, .op = SCMP_CMP_LT})}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_socket, 16, 0), SECCOMP_RET_ERRNO | EINVAL);
        assert_int_equal(ask_native(&program, SYS_socket, 17, 0), ALLOWED);
        assert_int_equal(ask_native(&program, SYS_socket, 20, 0), REFUSED);
        seccomp_program_free(&program);
}

/* Every call with conditions: no jump of the program is long enough for all of it. */
static void a_long_program_reaches_its_ends(void **state)
{
        enum { CALLS = 300 };
        struct oci_seccomp_rule *rules = calloc(CALLS, sizeof(*rules));
        struct oci_seccomp_arg *args = calloc(CALLS, sizeof(*args));
        char **names = calloc(CALLS, sizeof(*names));
        struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM), .rules = rules};
        struct seccomp_program program;

        (void)state;
        for (int nr = 0; nr < CALLS; nr++) {
                names[nr] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
                if (!names[nr])
                        continue;
                args[nr] = (struct oci_seccomp_arg){
                        .index = nr % 2, .value = (uint64_t)nr << 20, .op = nr % 3 ? SCMP_CMP_GT : SCMP_CMP_EQ};
                rules[profile.n_rules++] =
                        (struct oci_seccomp_rule){.names = {1, (const char **)(uintptr_t)&names[nr]},
                                                  .action = nr % 5 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(100 + nr % 50),
                                                  .n_args = 1,
                                                  .args = &args[nr]};
        }
        program = compile(&profile);
        assert_true(program.n > 1000);
        for (int nr = 0; nr < CALLS; nr++) {
                uint32_t action = nr % 5 ? ALLOWED : SECCOMP_RET_ERRNO | (uint32_t)(100 + nr % 50);
                uint64_t value = (uint64_t)nr << 20;

                if (!names[nr])
                        continue;
                assert_int_equal(ask_native(&program, nr, value, value), nr % 3 ? REFUSED : action);
                assert_int_equal(ask_native(&program, nr, value + 1, value + 1), nr % 3 ? action : REFUSED);
                free(names[nr]);
        }
        seccomp_program_free(&program);
        free(names);
        free(args);
        free(rules);
}

static void a_profile_too_long_for_the_kernel_is_refused(void **state)
{
        const char *name = "read";
        struct oci_seccomp_arg arg = {.index = 0, .value = 1, .op = SCMP_CMP_GT};
        struct oci_seccomp_rule *rules = calloc(1000, sizeof(*rules));
        struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM), .n_rules = 1000, .rules = rules};
        struct seccomp_program program;

        (void)state;
        for (int i = 0; i < 1000; i++)
                rules[i] = (struct oci_seccomp_rule){
                        .names = {1, &name}, .action = SCMP_ACT_ALLOW, .n_args = 1, .args = &arg};
        assert_int_equal(seccomp_compile(&profile, &program), -E2BIG);
        assert_non_null(strstr(error_message(), "4096"));
        free(rules);
}

static uint32_t answer_for_a_new_call(uint32_t default_action)
{
        /* Whatever the default is, one rule differs from it. */
        struct oci_seccomp profile = {
                .default_action = default_action,
                RULES({.names = NAMES("read"), .action = SCMP_ACT_ERRNO(ENOTSUP)}),
        };
        struct seccomp_program program = compile(&profile);
        uint32_t answer = ask_native(&program, 1000, 0, 0);

        seccomp_program_free(&program);
        return answer;
}

static void a_call_newer_than_the_profile_answers_enosys_unless_the_default_allows(void **state)
{
        (void)state;
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_ERRNO(EPERM)), UNKNOWN);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_ERRNO(ENOSYS)), UNKNOWN);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_KILL_PROCESS), UNKNOWN);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_TRAP), UNKNOWN);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_ALLOW), ALLOWED);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_LOG), SECCOMP_RET_LOG);
        assert_int_equal(answer_for_a_new_call(SCMP_ACT_TRACE(3)), SECCOMP_RET_TRACE | 3);
}

static void a_profile_without_rules_has_only_its_default(void **state)
{
        struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM)};
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_int_equal(ask_native(&program, SYS_read, 0, 0), REFUSED);
        assert_int_equal(ask_native(&program, 1000, 0, 0), REFUSED);
        seccomp_program_free(&program);
}

static void without_flags_speculation_is_allowed(void **state)
{
        struct oci_seccomp absent = {0}, empty = {.flags_set = true},
                           some = {.flags_set = true, .flags = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC};

        (void)state;
        assert_int_equal(seccomp_flags(&absent), SECCOMP_FILTER_FLAG_SPEC_ALLOW);
        assert_int_equal(seccomp_flags(&empty), 0);
        assert_int_equal(seccomp_flags(&some), SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
}

static void notifying_asks_for_a_listener(void **state)
{
        struct oci_seccomp profile = {
                .default_action = SCMP_ACT_ALLOW,
                .notifies = true,
                .listener_path = "/run/agent.sock",
                RULES({.names = NAMES("mkdir"), .action = SCMP_ACT_NOTIFY}),
        };
        struct seccomp_program program = compile(&profile);

        (void)state;
        assert_true(program.listener);
        assert_true(program.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
        assert_int_equal(ask_native(&program, SYS_mkdir, 0, 0), SECCOMP_RET_USER_NOTIF);
        seccomp_program_free(&program);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_arguments_of_a_rule_must_match),
                cmocka_unit_test(several_rules_for_a_call_are_alternatives),
                cmocka_unit_test(an_argument_tested_twice_becomes_alternatives),
                cmocka_unit_test(every_operator_compares_all_64_bits),
                cmocka_unit_test(any_mixture_of_rules_means_or_of_ands),
                cmocka_unit_test(each_rule_keeps_its_own_errno),
                cmocka_unit_test(a_rule_without_conditions_decides_whatever_stands_beside_it),
                cmocka_unit_test(of_rules_with_conditions_the_first_that_matches_decides),
                cmocka_unit_test(a_long_program_reaches_its_ends),
                cmocka_unit_test(a_profile_too_long_for_the_kernel_is_refused),
                cmocka_unit_test(an_unknown_name_is_skipped),
                cmocka_unit_test(a_rule_that_repeats_the_default_changes_nothing),
#ifdef __x86_64__
#endif
                cmocka_unit_test(a_call_newer_than_the_profile_answers_enosys_unless_the_default_allows),
                cmocka_unit_test(a_profile_without_rules_has_only_its_default),
                cmocka_unit_test(without_flags_speculation_is_allowed),
                cmocka_unit_test(notifying_asks_for_a_listener),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
