/* The device program, run by an interpreter of the few BPF instructions that it may use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/devices.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define R OCI_DEVICE_READ
#define W OCI_DEVICE_WRITE
#define M OCI_DEVICE_MKNOD

struct request {
        char type;
        uint32_t major, minor;
        unsigned access;
};

/* ---- interpreter ---- */

static uint32_t load_word(const struct bpf_cgroup_dev_ctx *context, int offset)
{
        uint32_t word;

        assert_true(offset >= 0 && (size_t)offset + sizeof(word) <= sizeof(*context));
        memcpy(&word, (const char *)context + offset, sizeof(word));
        return word;
}

static bool jump_taken(const struct bpf_insn *in, uint32_t value)
{
        switch (BPF_OP(in->code)) {
        case BPF_JNE:
                return value != (uint32_t)in->imm;
        case BPF_JEQ:
                return value == (uint32_t)in->imm;
        case BPF_JSET:
                return value & (uint32_t)in->imm;
        default:
                fail_msg("unknown jump %#x", in->code);
        }
        return false;
}

/* Marks the instructions that were run in `reached`. */
static bool run(const struct bpf_insn *program, size_t n, const struct bpf_cgroup_dev_ctx *context, bool *reached)
{
        uint32_t r[11] = {0};

        for (size_t pc = 0; pc < n; pc++) {
                const struct bpf_insn *in = &program[pc];

                if (reached)
                        reached[pc] = true;
                switch (in->code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        assert_int_equal(in->src_reg, BPF_REG_1);
                        r[in->dst_reg] = load_word(context, in->off);
                        break;
                case BPF_ALU | BPF_MOV | BPF_X:
                        r[in->dst_reg] = r[in->src_reg];
                        break;
                case BPF_ALU | BPF_MOV | BPF_K:
                        r[in->dst_reg] = (uint32_t)in->imm;
                        break;
                case BPF_ALU | BPF_RSH | BPF_K:
                        r[in->dst_reg] >>= in->imm;
                        break;
                case BPF_ALU | BPF_LSH | BPF_K:
                        r[in->dst_reg] <<= in->imm;
                        break;
                case BPF_ALU | BPF_OR | BPF_X:
                        r[in->dst_reg] |= r[in->src_reg];
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        r[in->dst_reg] &= (uint32_t)in->imm;
                        break;
                case BPF_JMP | BPF_JA:
                        assert_true(in->off >= 0);
                        pc += (size_t)in->off;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return r[0];
                default:
                        assert_int_equal(BPF_CLASS(in->code), BPF_JMP32);
                        assert_true(in->off >= 0); /* the kernel wants programs that end */
                        if (jump_taken(in, r[in->dst_reg]))
                                pc += (size_t)in->off;
                }
        }
        fail_msg("the program runs over its end");
        return false;
}

static bool ask(const struct bpf_insn *program, size_t n, struct request q)
{
        struct bpf_cgroup_dev_ctx context = {
                .access_type = (q.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR) |
                               ((q.access & R ? BPF_DEVCG_ACC_READ : 0U) | (q.access & W ? BPF_DEVCG_ACC_WRITE : 0U) |
                                (q.access & M ? BPF_DEVCG_ACC_MKNOD : 0U))
                                       << 16,
                .major = q.major,
                .minor = q.minor,
        };

        return run(program, n, &context, NULL);
}

static bool allowed(const struct oci_device_rule *rules, size_t n_rules, struct request q)
{
        struct oci_device_rules list = {.n = n_rules, .v = (struct oci_device_rule *)(uintptr_t)rules};
        _cleanup_free_ struct bpf_insn *program = NULL;
        size_t n;

        assert_int_equal(device_program_build(&list, &program, &n), 0);
        return ask(program, n, q);
}

#define ALLOWED(rules, ...) assert_true(allowed(rules, ELEMENTS(rules), (struct request){__VA_ARGS__}))
#define DENIED(rules, ...)  assert_false(allowed(rules, ELEMENTS(rules), (struct request){__VA_ARGS__}))

/* ---- the meaning of the rules, told in another way: each access on its own, the last rule that names it ---- */

static bool names(const struct oci_device_rule *rule, struct request q, unsigned access)
{
        char type = rule->type == 'u' ? 'c' : rule->type;

        return (type == 'a' || type == q.type) && (rule->major == -1 || rule->major == q.major) &&
               (rule->minor == -1 || rule->minor == q.minor) && ((rule->access ? rule->access : 7U) & access);
}

static bool expected(const struct oci_device_rule *rules, size_t n, struct request q)
{
        for (unsigned access = R; access <= M; access <<= 1) {
                bool verdict = false;

                if (!(q.access & access))
                        continue;
                for (size_t i = 0; i < n; i++)
                        if (names(&rules[i], q, access))
                                verdict = rules[i].allow;
                if (!verdict)
                        return false;
        }
        return true;
}

/* Every request that a set of rules over these numbers can tell apart, against the program. The rules begin with an
 * allowance of everything and a denial of all, so that the defaults in between are spelt out here. */
static void check_all_requests(const struct oci_device_rule *rules, size_t n_rules)
{
        static const uint32_t majors[] = {0, 1, 5, 8, 10, 136, 4095}, minors[] = {0, 2, 3, 7, 200, 0xfffff};
        struct oci_device_rules list = {.n = n_rules, .v = (struct oci_device_rule *)(uintptr_t)rules};
        static const struct oci_device_rule defaults[] = {
                {true, 'c', -1, -1, M},          {true, 'b', -1, -1, M},          {true, 'c', 1, 3, R | W | M},
                {true, 'c', 1, 5, R | W | M},    {true, 'c', 1, 7, R | W | M},    {true, 'c', 1, 8, R | W | M},
                {true, 'c', 1, 9, R | W | M},    {true, 'c', 5, 0, R | W | M},    {true, 'c', 5, 2, R | W | M},
                {true, 'c', 136, -1, R | W | M}, {true, 'c', 10, 200, R | W | M},
        };
        struct oci_device_rule all[32];
        _cleanup_free_ struct bpf_insn *program = NULL;
        size_t n, n_all = 0;

        assert_true(n_rules >= 1 && rules[0].type == 'a' && !rules[0].allow);
        all[n_all++] = rules[0];
        for (size_t i = 0; i < ELEMENTS(defaults); i++)
                all[n_all++] = defaults[i];
        for (size_t i = 1; i < n_rules; i++)
                all[n_all++] = rules[i];
        assert_int_equal(device_program_build(&list, &program, &n), 0);
        for (size_t t = 0; t < 2; t++)
                for (size_t a = 0; a < ELEMENTS(majors); a++)
                        for (size_t i = 0; i < ELEMENTS(minors); i++)
                                for (unsigned access = 1; access <= 7; access++) {
                                        struct request q = {"bc"[t], majors[a], minors[i], access};

                                        if (ask(program, n, q) != expected(all, n_all, q))
                                                fail_msg("%c %u:%u access %u: program and rules disagree", q.type,
                                                         q.major, q.minor, q.access);
                                }
}

/* ---- tests ---- */

static void no_rules_leave_the_default_devices(void **state)
{
        static const struct oci_device_rule deny_all[] = {{false, 'a', -1, -1, R | W | M}};

        (void)state;
        assert_true(allowed(NULL, 0, (struct request){'c', 1, 3, R | W}));
        assert_false(allowed(NULL, 0, (struct request){'b', 8, 0, R}));
        ALLOWED(deny_all, 'c', 1, 3, R | W);
        ALLOWED(deny_all, 'c', 1, 5, R | W);
        ALLOWED(deny_all, 'c', 1, 7, R | W);
        ALLOWED(deny_all, 'c', 1, 8, R | W);
        ALLOWED(deny_all, 'c', 1, 9, R | W);
        ALLOWED(deny_all, 'c', 5, 0, R | W);
        ALLOWED(deny_all, 'c', 5, 2, R | W);
        ALLOWED(deny_all, 'c', 136, 17, R | W);
        ALLOWED(deny_all, 'c', 10, 200, R | W);
        ALLOWED(deny_all, 'c', 1, 1, M);
        ALLOWED(deny_all, 'b', 8, 0, M);
        DENIED(deny_all, 'c', 1, 1, R);
        DENIED(deny_all, 'b', 8, 0, R);
        DENIED(deny_all, 'b', 8, 0, R | M);
        DENIED(deny_all, 'c', 5, 1, R);
        DENIED(deny_all, 'b', 1, 3, R);
}

static void the_last_rule_that_names_an_access_decides(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M},
                {true, 'b', 8, -1, R | W},
                {false, 'b', 8, 3, W},
        };

        (void)state;
        ALLOWED(rules, 'b', 8, 0, R | W);
        ALLOWED(rules, 'b', 8, 3, R);
        DENIED(rules, 'b', 8, 3, W);
        DENIED(rules, 'b', 8, 3, R | W);
        DENIED(rules, 'c', 8, 0, R);
        DENIED(rules, 'b', 9, 0, R);
}

static void accesses_allowed_by_two_rules_add_up(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M},
                {true, 'c', 4, 64, R},
                {true, 'c', 4, 64, W},
        };

        (void)state;
        ALLOWED(rules, 'c', 4, 64, R | W);
        DENIED(rules, 'c', 4, 65, R);
}

static void an_explicit_denial_behind_wins_over_a_default_device(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M},
                {true, 'b', 8, 0, R},
                {false, 'c', 10, 200, R | W | M},
                {false, 'c', -1, -1, M},
        };

        (void)state;
        DENIED(rules, 'c', 10, 200, R);
        DENIED(rules, 'c', 1, 3, M);
        ALLOWED(rules, 'c', 1, 3, R | W);
        ALLOWED(rules, 'b', 8, 0, M);
}

static void a_denial_of_one_whole_type_keeps_that_types_defaults(void **state)
{
        static const struct oci_device_rule rules[] = {
                {true, 'a', -1, -1, R | W | M},
                {false, 'c', -1, -1, R | W | M},
        };

        (void)state;
        ALLOWED(rules, 'c', 1, 3, R | W);
        DENIED(rules, 'c', 1, 1, R);
        ALLOWED(rules, 'b', 8, 0, R | W);
}

static void a_denial_of_blocks_does_not_undo_an_earlier_denial_of_a_default(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'c', 1, 8, R | W | M},
                {false, 'b', -1, -1, R | W | M},
        };

        (void)state;
        DENIED(rules, 'c', 1, 8, R);
        ALLOWED(rules, 'c', 1, 9, R);
}

static void type_u_is_c_and_type_p_is_nothing(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M},
                {true, 'u', 4, 1, R},
                {true, 'p', -1, -1, R | W | M},
        };

        (void)state;
        ALLOWED(rules, 'c', 4, 1, R);
        DENIED(rules, 'b', 4, 1, R);
        DENIED(rules, 'c', 4, 2, R);
}

static void a_rule_without_access_means_all(void **state)
{
        static const struct oci_device_rule deny[] = {{true, 'b', 8, 0, R}, {false, 'a', -1, -1, 0}};
        static const struct oci_device_rule allow[] = {{false, 'a', -1, -1, 7}, {true, 'b', 8, 0, 0}};

        (void)state;
        DENIED(deny, 'b', 8, 0, R);
        ALLOWED(allow, 'b', 8, 0, R | W | M);
}

static void every_request_gets_the_answer_of_the_rules(void **state)
{
        static const int64_t majors[] = {-1, 1, 8}, minors[] = {-1, 3, 7};
        static const char types[] = "abc";
        struct oci_device_rule rules[4] = {{false, 'a', -1, -1, R | W | M}};
        unsigned seed = 20240711;

        (void)state;
        /* Rules that deny a whole type would move the defaults and are told of above. */
        for (unsigned round = 0; round < 600; round++) {
                for (size_t i = 1; i < ELEMENTS(rules); i++) {
                        unsigned pick;

                        seed = seed * 1103515245 + 12345;
                        pick = seed >> 8;
                        rules[i] = (struct oci_device_rule){pick & 1, types[pick / 2 % 3], majors[pick / 6 % 3],
                                                            minors[pick / 18 % 3], 1 + pick / 54 % 7};
                        if (!rules[i].allow && rules[i].major == -1 && rules[i].minor == -1 && rules[i].access == 7)
                                rules[i].access = R | W;
                }
                check_all_requests(rules, ELEMENTS(rules));
        }
}

static void no_instruction_is_out_of_reach(void **state)
{
        static const struct oci_device_rule rules[] = {
                {true, 'b', 8, 0, R},
                {true, 'a', -1, -1, R | W | M},
                {false, 'b', 8, 0, R | W | M},
                {false, 'a', 5, -1, W},
        };
        struct oci_device_rules list = {.n = ELEMENTS(rules), .v = (struct oci_device_rule *)(uintptr_t)rules};
        _cleanup_free_ struct bpf_insn *program = NULL;
        bool reached[256] = {false};
        size_t n;

        (void)state;
        assert_int_equal(device_program_build(&list, &program, &n), 0);
        assert_true(n < ELEMENTS(reached));
        for (uint32_t type = 1; type <= 2; type++)
                for (uint32_t major = 0; major < 10; major++)
                        for (uint32_t minor = 0; minor < 10; minor++)
                                for (uint32_t access = 1; access < 8; access++) {
                                        struct bpf_cgroup_dev_ctx q = {access << 16 | type, major, minor};

                                        (void)run(program, n, &q, reached);
                                }
        for (size_t i = 0; i < n; i++)
                if (!reached[i])
                        fail_msg("instruction %zu of %zu is never run", i, n);
}

static void rules_that_repeat_the_defaults_cost_nothing(void **state)
{
        struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M}, {true, 'c', -1, -1, M},          {true, 'b', -1, -1, M},
                {true, 'c', 1, 3, R | W | M},    {true, 'c', 1, 8, R | W | M},    {true, 'c', 5, 0, R | W | M},
                {true, 'c', 5, 2, R | W | M},    {true, 'c', 136, -1, R | W | M},
        };
        struct oci_device_rules long_list = {.n = ELEMENTS(rules), .v = rules}, short_list = {.n = 1, .v = rules};
        _cleanup_free_ struct bpf_insn *with = NULL;
        _cleanup_free_ struct bpf_insn *without = NULL;
        size_t n_with, n_without;

        (void)state;
        assert_int_equal(device_program_build(&long_list, &with, &n_with), 0);
        assert_int_equal(device_program_build(&short_list, &without, &n_without), 0);
        assert_in_range(n_with, n_without, n_without + 3); /* one more change of the type */
}

static void rules_for_numbers_that_no_device_has_change_nothing(void **state)
{
        static const struct oci_device_rule rules[] = {
                {false, 'a', -1, -1, R | W | M},
                {true, 'b', 4096, 3, R},
                {true, 'b', 0, 0x100000, R},
                {false, 'c', 0, 0x100003, R},
        };

        (void)state;
        DENIED(rules, 'b', 1, 0, R);
        DENIED(rules, 'b', 0, 3, R);
        DENIED(rules, 'b', 0, 0, R);
        ALLOWED(rules, 'c', 1, 3, R);
}

static void numbers_that_are_no_device_numbers_are_refused(void **state)
{
        struct oci_device_rule rule = {true, 'c', 4294967296, 0, R};
        struct oci_device_rules list = {.n = 1, .v = &rule};
        struct bpf_insn *program = NULL;
        size_t n;

        (void)state;
        assert_int_equal(device_program_build(&list, &program, &n), -EINVAL);
        assert_string_equal(error_message(), "linux.resources.devices[0].major: 4294967296 is no device number");
        rule = (struct oci_device_rule){true, 'c', 1, -2, R};
        assert_int_equal(device_program_build(&list, &program, &n), -EINVAL);
        assert_string_equal(error_message(), "linux.resources.devices[0].minor: -2 is no device number");
        assert_null(program);
}

static bool allow_all(struct oci_device_rule *rules, size_t n)
{
        struct oci_device_rules list = {.n = n, .v = rules};

        return device_rules_allow_all(&list);
}

static void only_rules_that_allow_everything_need_no_program(void **state)
{
        struct oci_device_rule privileged[] = {{false, 'a', -1, -1, 7}, {true, 'a', -1, -1, 7}};
        struct oci_device_rule two_types[] = {{true, 'c', -1, -1, 7}, {true, 'b', -1, -1, 7}};
        struct oci_device_rule in_parts[] = {{true, 'a', -1, -1, R | M}, {true, 'a', -1, -1, W}};
        struct oci_device_rule one_denied[] = {{true, 'a', -1, -1, 7}, {false, 'b', 8, 0, W}};
        struct oci_device_rule not_written[] = {{true, 'a', -1, -1, R | M}};
        struct oci_device_rule chars_only[] = {{true, 'c', -1, -1, 7}};

        (void)state;
        assert_true(allow_all(privileged, 2));
        assert_true(allow_all(two_types, 2));
        assert_true(allow_all(in_parts, 2));
        assert_false(allow_all(one_denied, 2));
        assert_false(allow_all(not_written, 1));
        assert_false(allow_all(chars_only, 1));
        assert_false(allow_all(NULL, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_rules_leave_the_default_devices),
                cmocka_unit_test(the_last_rule_that_names_an_access_decides),
                cmocka_unit_test(accesses_allowed_by_two_rules_add_up),
                cmocka_unit_test(an_explicit_denial_behind_wins_over_a_default_device),
                cmocka_unit_test(a_denial_of_one_whole_type_keeps_that_types_defaults),
                cmocka_unit_test(a_denial_of_blocks_does_not_undo_an_earlier_denial_of_a_default),
                cmocka_unit_test(type_u_is_c_and_type_p_is_nothing),
                cmocka_unit_test(a_rule_without_access_means_all),
                cmocka_unit_test(every_request_gets_the_answer_of_the_rules),
                cmocka_unit_test(no_instruction_is_out_of_reach),
                cmocka_unit_test(rules_that_repeat_the_defaults_cost_nothing),
                cmocka_unit_test(rules_for_numbers_that_no_device_has_change_nothing),
                cmocka_unit_test(numbers_that_are_no_device_numbers_are_refused),
                cmocka_unit_test(only_rules_that_allow_everything_need_no_program),
        };

        return cmocka_run_group_tests_name("the device program", tests, NULL, NULL);
}
