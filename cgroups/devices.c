#include "cgroups/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define ACCESS_ALL (OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD)
#define ANY        (-1)

static const struct oci_device_rule char_defaults[] = {
        {true, 'c', ANY, ANY, OCI_DEVICE_MKNOD}, {true, 'c', 1, 3, ACCESS_ALL}, /* null */
        {true, 'c', 1, 5, ACCESS_ALL},                                          /* zero */
        {true, 'c', 1, 7, ACCESS_ALL},                                          /* full */
        {true, 'c', 1, 8, ACCESS_ALL},                                          /* random */
        {true, 'c', 1, 9, ACCESS_ALL},                                          /* urandom */
        {true, 'c', 5, 0, ACCESS_ALL},                                          /* tty */
        {true, 'c', 5, 2, ACCESS_ALL},                                          /* ptmx */
        {true, 'c', 136, ANY, ACCESS_ALL},                                      /* pts/N and, bound over it, console */
        {true, 'c', 10, 200, ACCESS_ALL},                                       /* net/tun */
};

static const struct oci_device_rule block_defaults[] = {
        {true, 'b', ANY, ANY, OCI_DEVICE_MKNOD},
};

static bool covers(const struct oci_device_rule *rule, char type)
{
        return rule->type == 'a' || rule->type == type || (rule->type == 'u' && type == 'c');
}

static unsigned rule_access(const struct oci_device_rule *rule)
{
        return rule->access & ACCESS_ALL ? rule->access & ACCESS_ALL : ACCESS_ALL;
}

static bool is_every_number(const struct oci_device_rule *rule)
{
        return rule->major == ANY && rule->minor == ANY;
}

/* ---- the rules with the defaults in their place ---- */

/* One past the last rule that denies the whole type. */
static size_t defaults_place(const struct oci_device_rules *rules, char type)
{
        size_t place = 0;

        for (size_t i = 0; i < rules->n; i++) {
                const struct oci_device_rule *rule = &rules->v[i];

                if (!rule->allow && covers(rule, type) && is_every_number(rule) && rule_access(rule) == ACCESS_ALL)
                        place = i + 1;
        }
        return place;
}

static struct oci_device_rule *add_rules(struct oci_device_rule *end, const struct oci_device_rule *rules, size_t n)
{
        memcpy(end, rules, n * sizeof(*rules));
        return end + n;
}

/* malloc'ed; NULL when memory is short. */
static struct oci_device_rule *with_defaults(const struct oci_device_rules *rules, size_t *n)
{
        size_t char_place = defaults_place(rules, 'c'), block_place = defaults_place(rules, 'b');
        struct oci_device_rule *all, *end;

        *n = rules->n + ELEMENTS(char_defaults) + ELEMENTS(block_defaults);
        all = reallocarray(NULL, *n, sizeof(*all));
        if (!all)
                return NULL;
        end = all;
        for (size_t i = 0; i <= rules->n; i++) {
                if (i == char_place)
                        end = add_rules(end, char_defaults, ELEMENTS(char_defaults));
                if (i == block_place)
                        end = add_rules(end, block_defaults, ELEMENTS(block_defaults));
                if (i < rules->n)
                        end = add_rules(end, &rules->v[i], 1);
        }
        return all;
}

/* ---- instructions ---- */

/* What the program holds in its registers. PENDING: the accesses that no rule has decided yet. */
enum {
        RESULT = BPF_REG_0,
        CONTEXT = BPF_REG_1,
        TYPE = BPF_REG_2,
        PENDING = BPF_REG_3,
        MAJOR = BPF_REG_4,
        MINOR = BPF_REG_5
};

#define RULE_MOST  7 /* instructions of one rule: three comparisons and four of its answer */
#define FRAME_MOST 8 /* the loads in front and the denial at the end */

struct assembler {
        struct bpf_insn *v;
        size_t n;
};

static void emit(struct assembler *out, unsigned code, unsigned target, unsigned source, int offset, uint32_t value)
{
        out->v[out->n++] = (struct bpf_insn){
                .code = (uint8_t)code,
                .dst_reg = (uint8_t)(target & 15),
                .src_reg = (uint8_t)(source & 15),
                .off = (int16_t)offset,
                .imm = (int32_t)value,
        };
}

static void emit_load(struct assembler *out, unsigned target, size_t offset)
{
        emit(out, BPF_LDX | BPF_MEM | BPF_W, target, CONTEXT, (int)offset, 0);
}

static void emit_answer(struct assembler *out, bool allow)
{
        emit(out, BPF_ALU | BPF_MOV | BPF_K, RESULT, 0, 0, allow);
        emit(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* access_type holds the accesses above 16 bits of type (linux/bpf.h, struct bpf_cgroup_dev_ctx). */
static void emit_head(struct assembler *out)
{
        emit_load(out, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
        emit(out, BPF_ALU | BPF_MOV | BPF_X, PENDING, TYPE, 0, 0);
        emit(out, BPF_ALU | BPF_RSH | BPF_K, PENDING, 0, 0, 16);
        emit(out, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
        emit_load(out, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
        emit_load(out, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

static uint32_t kernel_access(unsigned access)
{
        return (access & OCI_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0U) |
               (access & OCI_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0U) |
               (access & OCI_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0U);
}

/* A jump to the next rule whose target is not known yet: all but the one over a jump, whose offset is 1. */
static bool is_open_jump(const struct bpf_insn *instruction)
{
        unsigned class = BPF_CLASS(instruction->code);

        return (class == BPF_JMP || class == BPF_JMP32) && BPF_OP(instruction->code) != BPF_EXIT &&
               instruction->off == 0;
}

/* Rules are tested from the last to the first. A deny rule ends the request when one of its pending accesses is named;
 * an allow rule takes its accesses off the pending ones and ends the request when none is left. Returns true when the
 * rule answers every request: what would follow could not be reached, and the kernel's verifier refuses that. */
static bool emit_rule(struct assembler *out, const struct oci_device_rule *rule)
{
        uint32_t access = kernel_access(rule_access(rule)), every = kernel_access(ACCESS_ALL);
        size_t start = out->n;

        if (rule->type != 'a')
                emit(out, BPF_JMP32 | BPF_JNE | BPF_K, TYPE, 0, 0,
                     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (rule->major != ANY)
                emit(out, BPF_JMP32 | BPF_JNE | BPF_K, MAJOR, 0, 0, (uint32_t)rule->major);
        if (rule->minor != ANY)
                emit(out, BPF_JMP32 | BPF_JNE | BPF_K, MINOR, 0, 0, (uint32_t)rule->minor);
        if (access != every && rule->allow) {
                emit(out, BPF_ALU | BPF_AND | BPF_K, PENDING, 0, 0, every & ~access);
                emit(out, BPF_JMP32 | BPF_JNE | BPF_K, PENDING, 0, 0, 0);
        } else if (access != every) {
                emit(out, BPF_JMP32 | BPF_JSET | BPF_K, PENDING, 0, 1, access);
                emit(out, BPF_JMP | BPF_JA, 0, 0, 0, 0);
        }
        emit_answer(out, rule->allow);
        for (size_t i = start; i < out->n; i++)
                if (is_open_jump(&out->v[i]))
                        out->v[i].off = (int16_t)(out->n - i - 1);
        return out->n - start == 2;
}

static int check_rule(const struct oci_device_rule *rule, size_t index)
{
        if (!strchr("abcup", rule->type))
                return refuse(EINVAL, "linux.resources.devices[%zu].type: unknown type '%c'", index, rule->type);
        if (rule->major < ANY || rule->major > UINT32_MAX)
                return refuse(EINVAL, "linux.resources.devices[%zu].major: %" PRId64 " is no device number", index,
                              rule->major);
        if (rule->minor < ANY || rule->minor > UINT32_MAX)
                return refuse(EINVAL, "linux.resources.devices[%zu].minor: %" PRId64 " is no device number", index,
                              rule->minor);
        return 0;
}

int device_program_build(const struct oci_device_rules *rules, struct bpf_insn **program, size_t *n)
{
        _cleanup_free_ struct oci_device_rule *all = NULL;
        struct assembler out = {0};
        bool answered = false;
        size_t n_all;

        for (size_t i = 0; i < rules->n; i++) {
                int r = check_rule(&rules->v[i], i);

                if (r < 0)
                        return r;
        }
        all = with_defaults(rules, &n_all);
        if (all)
                out.v = reallocarray(NULL, n_all * RULE_MOST + FRAME_MOST, sizeof(*out.v));
        if (!out.v)
                return fail(ENOMEM, "build the device program");
        emit_head(&out);
        for (size_t i = n_all; i > 0 && !answered; i--)
                if (all[i - 1].type != 'p')
                        answered = emit_rule(&out, &all[i - 1]);
        if (!answered)
                emit_answer(&out, false);
        *program = out.v;
        *n = out.n;
        return 0;
}

/* From the last rule to the first: everything is allowed when the accesses of both types are before a denial comes. A
 * denial that later rules take back piece by piece counts as one; the program then says the same. */
bool device_rules_allow_all(const struct oci_device_rules *rules)
{
        unsigned pending_char = ACCESS_ALL, pending_block = ACCESS_ALL;

        for (size_t i = rules->n; i > 0 && (pending_char | pending_block); i--) {
                const struct oci_device_rule *rule = &rules->v[i - 1];
                unsigned access = rule_access(rule);

                if (!rule->allow &&
                    ((covers(rule, 'c') && (pending_char & access)) || (covers(rule, 'b') && (pending_block & access))))
                        return false;
                if (!rule->allow || !is_every_number(rule))
                        continue;
                if (covers(rule, 'c'))
                        pending_char &= ~access;
                if (covers(rule, 'b'))
                        pending_block &= ~access;
        }
        return (pending_char | pending_block) == 0;
}
