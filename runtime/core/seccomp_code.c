#include "runtime/core/seccomp_code.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* The bit that marks x32 numbers (asm/unistd.h, only on x86). */
#define X32_BIT 0x40000000U

/* The number of a call that a tracer cancelled. */
#define CANCELLED 0xffffffffU

/* A conditional jump reaches 255 instructions; the margin is for the one put between. */
#define REACH 250

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define LOW_WORD  0
#define HIGH_WORD 4
#else
#define LOW_WORD  4
#define HIGH_WORD 0
#endif

#define ANSWERS 32
#define SHARED  64 /* conditions of calls, remembered for other calls with the same */

/* Classic BPF jumps forward only. So the program is written from its end to its start: whatever a jump goes to is
 * there already. A label is the place of an instruction, counted from the end. */
struct writer {
        struct sock_filter *code; /* last instruction first */
        size_t n, room;
        int failed;
        size_t n_answers;
        struct {
                uint32_t action;
                size_t label;
        } answers[ANSWERS]; /* return instructions, for those who are near enough to share one */
        size_t n_shared;
        struct {
                const struct seccomp_alternative *v;
                size_t n, label;
        } shared[SHARED];
};

/* Numbers from `start` on (to the next range) have one answer, or the alternatives from `first` on. */
struct range {
        uint32_t start;
        bool plain;
        uint32_t action;
        size_t first, n;
};

static size_t put(struct writer *writer, struct sock_filter instruction)
{
        if (writer->n == writer->room) {
                size_t room = writer->room ? writer->room * 2 : 1024;
                struct sock_filter *bigger = reallocarray(writer->code, room, sizeof(*bigger));

                if (!bigger) {
                        writer->failed = 1;
                        return 0;
                }
                writer->code = bigger;
                writer->room = room;
        }
        writer->code[writer->n] = instruction;
        return writer->n++;
}

/* A label that the next instruction or two can jump to: a far one gets a long jump in between. */
static size_t near(struct writer *writer, size_t label)
{
        if (writer->n - label < REACH)
                return label;
        return put(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(writer->n - 1 - label)));
}

static size_t put_jump(struct writer *writer, uint16_t condition, uint32_t k, size_t yes, size_t no)
{
        if (yes == no)
                return yes;
        yes = near(writer, yes);
        no = near(writer, no);
        return put(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | condition, k, (uint8_t)(writer->n - 1 - yes),
                                                        (uint8_t)(writer->n - 1 - no)));
}

static size_t put_load(struct writer *writer, size_t offset)
{
        return put(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Makes the label what an instruction put next falls into. */
static void lead_to(struct writer *writer, size_t label)
{
        if (label != writer->n - 1)
                put(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(writer->n - 1 - label)));
}

static size_t put_answer(struct writer *writer, uint32_t action)
{
        size_t i = 0, label;

        while (i < writer->n_answers && writer->answers[i].action != action)
                i++;
        if (i < writer->n_answers && writer->n - writer->answers[i].label < REACH)
                return writer->answers[i].label;
        label = put(writer, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
        if (i < ANSWERS) {
                writer->answers[i].action = action;
                writer->answers[i].label = label;
                if (i == writer->n_answers)
                        writer->n_answers++;
        }
        return label;
}

/* ---- arguments ---- */

static size_t put_masked(struct writer *writer, size_t offset, uint32_t mask, uint32_t value, size_t yes, size_t no)
{
        put_jump(writer, BPF_JEQ, value, yes, no);
        put(writer, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
        return put_load(writer, offset);
}

/* Equal, or for BPF_JGT and BPF_JGE greater: the high words decide unless they are equal. */
static size_t put_compare(struct writer *writer, uint16_t condition, const struct oci_seccomp_arg *arg, size_t yes,
                          size_t no)
{
        size_t offset = offsetof(struct seccomp_data, args) + arg->index * sizeof(uint64_t);
        uint32_t high = (uint32_t)(arg->value >> 32), low = (uint32_t)arg->value;
        size_t low_words;

        put_jump(writer, condition, low, yes, no);
        low_words = put_load(writer, offset + LOW_WORD);
        if (condition == BPF_JEQ) {
                put_jump(writer, BPF_JEQ, high, low_words, no);
        } else {
                size_t equal = put_jump(writer, BPF_JEQ, high, low_words, no);

                put_jump(writer, BPF_JGT, high, yes, equal);
        }
        return put_load(writer, offset + HIGH_WORD);
}

static size_t put_masked_equal(struct writer *writer, const struct oci_seccomp_arg *arg, size_t yes, size_t no)
{
        size_t offset = offsetof(struct seccomp_data, args) + arg->index * sizeof(uint64_t);
        size_t low_words =
                put_masked(writer, offset + LOW_WORD, (uint32_t)arg->value, (uint32_t)arg->value_two, yes, no);

        if (!(arg->value >> 32) && !(arg->value_two >> 32))
                return low_words;
        return put_masked(writer, offset + HIGH_WORD, (uint32_t)(arg->value >> 32), (uint32_t)(arg->value_two >> 32),
                          low_words, no);
}

/* Less is not greater or equal, and so on. yes and no are different labels: no rule has the default's action. */
static size_t put_test(struct writer *writer, const struct oci_seccomp_arg *arg, size_t yes, size_t no)
{
        switch (arg->op) {
        case SCMP_CMP_EQ:
                return put_compare(writer, BPF_JEQ, arg, yes, no);
        case SCMP_CMP_NE:
                return put_compare(writer, BPF_JEQ, arg, no, yes);
        case SCMP_CMP_GT:
                return put_compare(writer, BPF_JGT, arg, yes, no);
        case SCMP_CMP_LE:
                return put_compare(writer, BPF_JGT, arg, no, yes);
        case SCMP_CMP_GE:
                return put_compare(writer, BPF_JGE, arg, yes, no);
        case SCMP_CMP_LT:
                return put_compare(writer, BPF_JGE, arg, no, yes);
        default:
                return put_masked_equal(writer, arg, yes, no);
        }
}

static size_t put_alternatives(struct writer *writer, const struct seccomp_alternative *v, size_t n,
                               uint32_t default_action)
{
        size_t next = put_answer(writer, default_action);

        for (size_t i = n; i-- > 0;) {
                size_t no = next;

                next = put_answer(writer, v[i].action);
                for (size_t k = v[i].n_args; k-- > 0;)
                        next = put_test(writer, &v[i].args[k], next, no);
        }
        return next;
}

static bool same_alternatives(const struct seccomp_alternative *a, const struct seccomp_alternative *b, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (a[i].action != b[i].action || a[i].n_args != b[i].n_args)
                        return false;
                for (size_t k = 0; k < a[i].n_args; k++) {
                        const struct oci_seccomp_arg *x = &a[i].args[k], *y = &b[i].args[k];

                        if (x->index != y->index || x->op != y->op || x->value != y->value ||
                            x->value_two != y->value_two)
                                return false;
                }
        }
        return true;
}

/* Profiles give one list of conditions to many calls, and every architecture has the calls again. The conditions look
 * at arguments only, so one copy of them does for all. */
static size_t share_alternatives(struct writer *writer, const struct seccomp_alternative *v, size_t n,
                                 uint32_t default_action)
{
        size_t label;

        for (size_t i = 0; i < writer->n_shared; i++)
                if (writer->shared[i].n == n && same_alternatives(writer->shared[i].v, v, n))
                        return writer->shared[i].label;
        label = put_alternatives(writer, v, n, default_action);
        if (writer->n_shared < SHARED) {
                writer->shared[writer->n_shared].v = v;
                writer->shared[writer->n_shared].n = n;
                writer->shared[writer->n_shared++].label = label;
        }
        return label;
}

/* ---- numbers ---- */

static void add_range(struct range *ranges, size_t *n, struct range range)
{
        if (*n && ranges[*n - 1].start == range.start)
                --*n;
        if (*n && range.plain && ranges[*n - 1].plain && ranges[*n - 1].action == range.action)
                return;
        ranges[(*n)++] = range;
}

/* The answer to numbers above the newest. */
static uint32_t answer_beyond(uint32_t default_action)
{
        switch (default_action & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG:
        case SECCOMP_RET_TRACE:
                return default_action;
        default:
                return SECCOMP_RET_ERRNO | ENOSYS;
        }
}

/* At most two ranges for each number that the table names, one at the start and one beyond. */
static size_t split(const struct seccomp_table *table, uint32_t default_action, struct range *ranges)
{
        struct range otherwise = {.plain = true, .action = default_action};
        struct range beyond = {
                .plain = true, .action = answer_beyond(default_action), .start = (uint32_t)(table->newest + 1)};
        size_t n = 0;

        add_range(ranges, &n, otherwise);
        for (size_t i = 0; i < table->n;) {
                const struct seccomp_alternative *v = &table->v[i];
                struct range range = {.start = v->nr, .plain = !v->n_args, .action = v->action, .first = i};

                while (i + range.n < table->n && v[range.n].nr == v->nr)
                        range.n++;
                i += range.n;
                add_range(ranges, &n, range);
                otherwise.start = v->nr + 1;
                add_range(ranges, &n, otherwise);
        }
        if (table->newest >= 0)
                add_range(ranges, &n, beyond);
        return n;
}

/* With the number in the accumulator. The depth of the recursion is the logarithm of n. */
static size_t put_tree(struct writer *writer, const struct seccomp_table *table, const struct range *ranges, size_t n,
                       uint32_t default_action)
{
        size_t middle = n / 2, high, low;

        if (n == 1 && ranges->plain)
                return put_answer(writer, ranges->action);
        if (n == 1)
                return share_alternatives(writer, &table->v[ranges->first], ranges->n, default_action);
        high = put_tree(writer, table, ranges + middle, n - middle, default_action);
        low = put_tree(writer, table, ranges, middle, default_action);
        return put_jump(writer, BPF_JGE, ranges[middle].start, high, low);
}

static size_t put_table(struct writer *writer, const struct seccomp_table *table, uint32_t default_action)
{
        _cleanup_free_ struct range *ranges = calloc(2 * table->n + 2, sizeof(*ranges));

        if (!ranges) {
                writer->failed = 1;
                return 0;
        }
        return put_tree(writer, table, ranges, split(table, default_action, ranges), default_action);
}

/* ---- architectures ---- */

static const struct seccomp_table *find(const struct seccomp_table *tables, size_t n, uint32_t audit_arch, bool x32)
{
        for (size_t i = 0; i < n; i++)
                if (tables[i].audit_arch == audit_arch && tables[i].x32 == x32)
                        return &tables[i];
        return NULL;
}

/* x86_64 and x32 share the audit architecture; the numbers of the one that is not listed are foreign. A call that a
 * tracer cancelled looks like an x32 number and must not kill. */
static size_t put_x86_64(struct writer *writer, const struct seccomp_table *normal, const struct seccomp_table *x32,
                         uint32_t default_action)
{
        size_t foreign = put_answer(writer, SECCOMP_RET_KILL_THREAD);
        size_t high = x32 ? put_table(writer, x32, default_action) : foreign;
        size_t cancelled = put_answer(writer, answer_beyond(default_action));
        size_t low;

        high = put_jump(writer, BPF_JEQ, CANCELLED, cancelled, high);
        low = normal ? put_table(writer, normal, default_action) : foreign;
        return put_jump(writer, BPF_JGE, X32_BIT, high, low);
}

/* One section for all tables with the audit architecture of tables[i]. */
static size_t put_section(struct writer *writer, const struct seccomp_table *tables, size_t n, size_t i,
                          uint32_t default_action)
{
        uint32_t audit_arch = tables[i].audit_arch;

        if (audit_arch == AUDIT_ARCH_X86_64)
                lead_to(writer, put_x86_64(writer, find(tables, n, audit_arch, false),
                                           find(tables, n, audit_arch, true), default_action));
        else
                lead_to(writer, put_table(writer, &tables[i], default_action));
        return put_load(writer, offsetof(struct seccomp_data, nr));
}

static bool opens_section(const struct seccomp_table *tables, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (tables[k].audit_arch == tables[i].audit_arch)
                        return false;
        return true;
}

static void put_program(struct writer *writer, const struct seccomp_table *tables, size_t n, uint32_t default_action,
                        size_t *sections)
{
        size_t next;

        for (size_t i = n; i-- > 0;)
                if (opens_section(tables, i))
                        sections[i] = put_section(writer, tables, n, i, default_action);
        next = put_answer(writer, SECCOMP_RET_KILL_THREAD);
        for (size_t i = n; i-- > 0;)
                if (opens_section(tables, i))
                        next = put_jump(writer, BPF_JEQ, tables[i].audit_arch, sections[i], next);
        put_load(writer, offsetof(struct seccomp_data, arch));
}

int seccomp_code_build(const struct seccomp_table *tables, size_t n_tables, uint32_t default_action,
                       struct sock_filter **code, size_t *n)
{
        _cleanup_free_ size_t *sections = calloc(n_tables + 1, sizeof(*sections));
        struct writer writer = {0};
        struct sock_filter *forward;

        if (!sections)
                return -ENOMEM;
        put_program(&writer, tables, n_tables, default_action, sections);
        *n = writer.n;
        forward = writer.failed || writer.n > BPF_MAXINSNS ? NULL : calloc(writer.n, sizeof(*forward));
        for (size_t i = 0; forward && i < writer.n; i++)
                forward[i] = writer.code[writer.n - 1 - i];
        free(writer.code);
        if (!forward)
                return !writer.failed && writer.n > BPF_MAXINSNS ? -E2BIG : -ENOMEM;
        *code = forward;
        return 0;
}
