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
/* The kernel's own device numbers (linux/kdev_t.h, not for user space). */
#define MINOR_BITS 20
#define MAJOR_MOST 0xfff
#define MINOR_MOST 0xfffff

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

static char type_of(const struct oci_device_rule *rule)
{
        return rule->type == 'u' ? 'c' : rule->type;
}

static bool covers(const struct oci_device_rule *rule, char type)
{
        return rule->type == 'a' || type_of(rule) == type;
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

/* A rule says nothing when a later one names at least the same devices and accesses: whatever reaches it has those
 * accesses decided. Engines repeat the default devices, so this halves a usual program. Numbers that the kernel cannot
 * have (12 and 20 bits) name no device at all. */
static bool says_nothing(const struct oci_device_rule *rules, size_t n, size_t index)
{
        const struct oci_device_rule *rule = &rules[index];

        if (rule->type == 'p' || rule->major > MAJOR_MOST || rule->minor > MINOR_MOST)
                return true;
        for (size_t i = index + 1; i < n; i++) {
                const struct oci_device_rule *later = &rules[i];

                if (later->type != 'p' && (later->type == 'a' || (rule->type != 'a' && covers(later, type_of(rule)))) &&
                    (later->major == ANY || later->major == rule->major) &&
                    (later->minor == ANY || later->minor == rule->minor) &&
                    (rule_access(rule) & ~rule_access(later)) == 0)
                        return true;
        }
        return false;
}

/* ---- instructions ---- */

/* What the program holds in its registers. PENDING: the accesses that no rule has decided yet. NUMBER: major and minor
 * in one word, so that a usual rule is one comparison. */
enum {
        RESULT = BPF_REG_0,
        CONTEXT = BPF_REG_1,
        TYPE = BPF_REG_2,
        PENDING = BPF_REG_3,
        MAJOR = BPF_REG_4,
        MINOR = BPF_REG_5,
        NUMBER = BPF_REG_6,
};

/* Targets of jumps that are not known yet. */
enum { TO_ALLOW = INT16_MIN, TO_DENY = INT16_MIN + 1 };

#define RULE_MOST    6 /* instructions of one rule with the section that it may open */
#define FRAME_MOST   16
#define PROGRAM_MOST 30000 /* jumps are 16 bits wide */

struct assembler {
        struct bpf_insn *v;
        size_t n;
        char section;      /* 'b' or 'c': the instructions here run for this type only; 0: for both */
        size_t section_at; /* the jump that leads the other type past the section */
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

static void emit_jump(struct assembler *out, unsigned condition, unsigned target, uint32_t value, int offset)
{
        emit(out, BPF_JMP32 | condition | BPF_K, target, 0, offset, value);
}

static void emit_load(struct assembler *out, unsigned target, size_t offset)
{
        emit(out, BPF_LDX | BPF_MEM | BPF_W, target, CONTEXT, (int)offset, 0);
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
        emit(out, BPF_ALU | BPF_MOV | BPF_X, NUMBER, MAJOR, 0, 0);
        emit(out, BPF_ALU | BPF_LSH | BPF_K, NUMBER, 0, 0, MINOR_BITS);
        emit(out, BPF_ALU | BPF_OR | BPF_X, NUMBER, MINOR, 0, 0);
}

static uint32_t kernel_type(char type)
{
        return type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
}

static uint32_t kernel_access(unsigned access)
{
        return (access & OCI_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0U) |
               (access & OCI_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0U) |
               (access & OCI_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0U);
}

/* Runs the next `body` instructions only if the register holds the value. One jump over them would do; but the verifier
 * goes straight on first, and where it knows the register's one value it cannot forget it again: it would walk the rest
 * of the program once for each rule (a million instructions for 800 rules, where it gives up). Straight on is therefore
 * the way on which nothing was learnt. */
static void emit_only_if(struct assembler *out, unsigned where, uint32_t value, int body)
{
        emit_jump(out, BPF_JEQ, where, value, 1);
        emit(out, BPF_JMP | BPF_JA, 0, 0, body, 0);
}

/* Neighbouring rules of one type share one comparison of the type. */
static void enter_section(struct assembler *out, char type)
{
        if (out->section == type)
                return;
        if (out->section)
                out->v[out->section_at].off = (int16_t)(out->n - out->section_at - 1);
        out->section = type;
        if (type)
                emit_only_if(out, TYPE, kernel_type(type), 0);
        out->section_at = out->n - 1;
}

/* What a rule compares, and with what; false: nothing, it names every number. */
static bool number_test(const struct oci_device_rule *rule, unsigned *where, uint32_t *value)
{
        if (is_every_number(rule))
                return false;
        *where = rule->minor == ANY ? MAJOR : rule->major == ANY ? MINOR : NUMBER;
        *value = *where == MAJOR   ? (uint32_t)rule->major
                 : *where == MINOR ? (uint32_t)rule->minor
                                   : (uint32_t)rule->major << MINOR_BITS | (uint32_t)rule->minor;
        return true;
}

/* Rules are tested from the last to the first. A deny rule ends the request when one of its pending accesses is named;
 * an allow rule takes its accesses off the pending ones and ends the request when none is left. Returns true when the
 * rule answers every request: what would follow could not be reached, and the kernel's verifier refuses that. */
static bool emit_rule(struct assembler *out, const struct oci_device_rule *rule)
{
        uint32_t access = kernel_access(rule_access(rule)), every = kernel_access(ACCESS_ALL), value = 0;
        int answer = rule->allow ? TO_ALLOW : TO_DENY;
        unsigned where = 0;
        bool tests_number = number_test(rule, &where, &value);

        if (access == every && !tests_number) {
                enter_section(out, 0);
                if (rule->type == 'a')
                        return true;
                emit_jump(out, BPF_JEQ, TYPE, kernel_type(rule->type), answer);
                return false;
        }
        enter_section(out, rule->type == 'a' ? 0 : type_of(rule));
        if (access == every) {
                emit_jump(out, BPF_JEQ, where, value, answer);
                return false;
        }
        if (tests_number)
                emit_only_if(out, where, value, rule->allow ? 2 : 1);
        if (rule->allow) {
                emit(out, BPF_ALU | BPF_AND | BPF_K, PENDING, 0, 0, every & ~access);
                emit_jump(out, BPF_JEQ, PENDING, 0, TO_ALLOW);
        } else {
                emit_jump(out, BPF_JSET, PENDING, access, TO_DENY);
        }
        return false;
}

/* Resolves the jumps to one answer to the instructions that come next; true when there are any. */
static bool resolve(struct assembler *out, int answer)
{
        bool found = false;

        for (size_t i = 0; i < out->n; i++) {
                if (out->v[i].off != answer)
                        continue;
                out->v[i].off = (int16_t)(out->n - i - 1);
                found = true;
        }
        return found;
}

static void emit_answer(struct assembler *out, bool allow)
{
        emit(out, BPF_ALU | BPF_MOV | BPF_K, RESULT, 0, 0, allow);
        emit(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The answer that the rules run into, then the other one if any jump leads there. */
static void emit_tail(struct assembler *out, bool allow)
{
        (void)resolve(out, allow ? TO_ALLOW : TO_DENY);
        emit_answer(out, allow);
        if (resolve(out, allow ? TO_DENY : TO_ALLOW))
                emit_answer(out, !allow);
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
        bool allow_rest = false, answered = false;
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
        for (size_t i = n_all; i > 0 && !answered; i--) {
                if (says_nothing(all, n_all, i - 1))
                        continue;
                answered = emit_rule(&out, &all[i - 1]);
                allow_rest = answered && all[i - 1].allow;
        }
        enter_section(&out, 0);
        emit_tail(&out, allow_rest);
        if (out.n > PROGRAM_MOST) {
                free(out.v);
                return refuse(E2BIG, "linux.resources.devices: %zu rules are too many for one program", rules->n);
        }
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
