#include "runtime/core/seccomp_table.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

/* libseccomp's numbers for calls that a carrier takes: -(base + sub-call), of socketcall from 100, of ipc from 200. */
#define IS_CARRIED(number) ((number) <= -101 && (number) >= -224)
#define SUB_CALL(number)   ((uint64_t)(-(number) % 100))

/* How far above the first call of an architecture the direct numbers of carried calls are looked for. */
#define DIRECT_SPAN 600

struct filling {
        const struct oci_seccomp *profile;
        struct seccomp_table *table;
        struct arena *arena;
        uint32_t arch;
        size_t room;
};

static int add(struct filling *filling, struct seccomp_alternative alternative)
{
        struct seccomp_table *table = filling->table;

        if (table->n == filling->room) {
                size_t room = filling->room ? filling->room * 2 : 512;
                struct seccomp_alternative *bigger = arena_array(filling->arena, room, sizeof(*bigger));

                if (!bigger)
                        return -ENOMEM;
                if (table->n)
                        memcpy(bigger, table->v, table->n * sizeof(*bigger));
                table->v = bigger;
                filling->room = room;
        }
        table->v[table->n++] = alternative;
        return 0;
}

static bool tests_one_argument_twice(const struct oci_seccomp_rule *rule)
{
        unsigned seen = 0;

        for (size_t i = 0; i < rule->n_args; i++) {
                if (seen & 1U << rule->args[i].index)
                        return true;
                seen |= 1U << rule->args[i].index;
        }
        return false;
}

static int add_direct(struct filling *filling, uint32_t order, int number)
{
        const struct oci_seccomp_rule *rule = &filling->profile->rules[order];
        struct seccomp_alternative alternative = {
                .nr = (uint32_t)number,
                .order = order,
                .action = rule->action,
                .n_args = rule->n_args,
                .args = rule->args,
                .asks = rule->n_args > 0,
        };
        int r = 0;

        if (!tests_one_argument_twice(rule))
                return add(filling, alternative);
        alternative.n_args = 1;
        for (size_t i = 0; r == 0 && i < rule->n_args; i++) {
                alternative.args = &rule->args[i];
                r = add(filling, alternative);
        }
        return r;
}

/* The kernel itself orders actions so: SECCOMP_RET_* as signed numbers, the lower the stricter (linux/seccomp.h). */
static bool is_stricter(uint32_t action, uint32_t than)
{
        return (int32_t)(action & SECCOMP_RET_ACTION_FULL) < (int32_t)(than & SECCOMP_RET_ACTION_FULL);
}

static int add_carried(struct filling *filling, uint32_t order, const char *name, int number)
{
        const struct oci_seccomp_rule *rule = &filling->profile->rules[order];
        int carrier = seccomp_syscall_resolve_name_rewrite(filling->arch, name);
        struct oci_seccomp_arg *sub_call;

        if (carrier < 0 || (rule->n_args && !is_stricter(rule->action, filling->profile->default_action)))
                return 0;
        sub_call = arena_alloc(filling->arena, sizeof(*sub_call));
        if (!sub_call)
                return -ENOMEM;
        *sub_call = (struct oci_seccomp_arg){.index = 0, .value = SUB_CALL(number), .op = SCMP_CMP_EQ};
        return add(filling, (struct seccomp_alternative){
                                    .nr = (uint32_t)carrier,
                                    .order = order,
                                    .action = rule->action,
                                    .n_args = 1,
                                    .args = sub_call,
                                    .asks = rule->n_args > 0,
                            });
}

/* libseccomp tells the direct number of a carried call only the other way round. -1: there is none. */
static int find_direct(uint32_t arch, const char *name)
{
        int first = seccomp_syscall_resolve_name_arch(arch, "exit");

        for (int number = first; first >= 0 && number < first + DIRECT_SPAN; number++) {
                char *found = seccomp_syscall_resolve_num_arch(arch, number);
                int same = found && strcmp(found, name) == 0;

                free(found);
                if (same)
                        return number;
        }
        return -1;
}

static int add_call(struct filling *filling, uint32_t order, const char *name)
{
        const struct oci_seccomp_rule *rule = &filling->profile->rules[order];
        int number = seccomp_syscall_resolve_name_arch(filling->arch, name);
        int direct = IS_CARRIED(number) ? find_direct(filling->arch, name) : number;
        int r = 0;

        if (direct > filling->table->newest)
                filling->table->newest = direct;
        if (rule->action == filling->profile->default_action)
                return 0;
        if (IS_CARRIED(number))
                r = add_carried(filling, order, name, number);
        if (r == 0 && direct >= 0)
                r = add_direct(filling, order, direct);
        return r;
}

static int compare(const void *a, const void *b)
{
        const struct seccomp_alternative *x = a, *y = b;

        if (x->nr != y->nr)
                return x->nr < y->nr ? -1 : 1;
        if (x->asks != y->asks)
                return x->asks ? 1 : -1;
        if (!x->n_args != !y->n_args)
                return x->n_args ? 1 : -1;
        return x->order < y->order ? -1 : x->order > y->order;
}

int seccomp_table_fill(const struct oci_seccomp *profile, uint32_t arch, struct arena *arena,
                       struct seccomp_table *table)
{
        struct filling filling = {.profile = profile, .table = table, .arena = arena, .arch = arch};
        int r = 0;

        *table = (struct seccomp_table){
                .audit_arch =
                        arch == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : arch, /* the other tokens are the audit ones */
                .x32 = arch == SCMP_ARCH_X32,
                .newest = -1,
        };
        for (size_t i = 0; i < profile->n_rules; i++)
                for (size_t k = 0; r == 0 && k < profile->rules[i].names.n; k++)
                        r = add_call(&filling, (uint32_t)i, profile->rules[i].names.v[k]);
        if (r == 0 && table->n)
                qsort(table->v, table->n, sizeof(*table->v), compare);
        return r;
}
