#include <seccomp.h>
#include <string.h>

#include "base/cleanup.h"
#include "oci/tables.h"

#define ERRNO_MOST    4095  /* the kernel's MAX_ERRNO: more is cut to it (kernel/seccomp.c) */
#define TRACE_MOST    65535 /* SECCOMP_RET_DATA */
#define ERRNO_DEFAULT 1     /* EPERM */

/* An action and the number that two of the actions carry, put together. field: what the number is called. */
static int join_action(const struct decoder *decoder, const char *field, const struct optional_u64 *number,
                       uint32_t *action)
{
        bool is_errno = *action == SCMP_ACT_ERRNO(0), is_trace = *action == SCMP_ACT_TRACE(0);

        if (!is_errno && !is_trace) {
                if (number->set)
                        return decode_refuse(decoder, field, "belongs to SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not to %s",
                                             word_name(&seccomp_action_words, *action));
                return 0;
        }
        if (is_errno && number->set && number->value > ERRNO_MOST)
                return decode_refuse(decoder, field, "expected a number from 0 to %d, got %llu", ERRNO_MOST,
                                     (unsigned long long)number->value);
        *action |= number->set ? (uint32_t)number->value : ERRNO_DEFAULT;
        return 0;
}

static const struct decode_field arg_fields[] = {
        DECODE_U32(struct oci_seccomp_arg, index, "index", 0, 5, DECODE_REQUIRED),
        DECODE_U64(struct oci_seccomp_arg, value, "value", 0, UINT64_MAX, DECODE_REQUIRED),
        DECODE_U64(struct oci_seccomp_arg, value_two, "valueTwo", 0, UINT64_MAX, 0),
        DECODE_WORD(struct oci_seccomp_arg, op, "op", &seccomp_operator_words, DECODE_REQUIRED),
};

static int check_arg(struct decoder *decoder, void *structure)
{
        struct oci_seccomp_arg *arg = structure;

        (void)decoder;
        if (arg->op != SCMP_CMP_MASKED_EQ)
                arg->value_two = 0;
        return 0;
}

static const struct decode_table arg_table = DECODE_TABLE(struct oci_seccomp_arg, arg_fields, check_arg);

struct rule_entry {
        struct oci_seccomp_rule rule;
        struct optional_u64 errno_ret;
};

static const struct decode_field rule_fields[] = {
        DECODE_STRINGS(struct rule_entry, rule.names, "names", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_WORD(struct rule_entry, rule.action, "action", &seccomp_action_words, DECODE_REQUIRED),
        DECODE_OPTIONAL_U64(struct rule_entry, errno_ret, "errnoRet", 0, TRACE_MOST, 0),
        DECODE_ARRAY(struct rule_entry, rule.n_args, rule.args, "args", &arg_table, 0),
};

/* The parked init sends the listener's descriptor with sendmsg and reports with write: a filter that hands those over
 * to the one who waits for the descriptor would never come to an end. */
static int check_notify(const struct decoder *decoder, const struct oci_seccomp_rule *rule)
{
        static const char *const needed[] = {"write", "sendmsg"};

        for (size_t i = 0; i < rule->names.n; i++) {
                for (size_t j = 0; j < ELEMENTS(needed); j++) {
                        if (strcmp(rule->names.v[i], needed[j]) == 0)
                                return decode_refuse_at(decoder, "names", i,
                                                        "SCMP_ACT_NOTIFY cannot be used for the %s syscall", needed[j]);
                }
        }
        return 0;
}

static int check_rule(struct decoder *decoder, void *structure)
{
        struct rule_entry *entry = structure;

        for (size_t i = 0; i < entry->rule.names.n; i++) {
                if (!entry->rule.names.v[i][0])
                        return decode_refuse_at(decoder, "names", i, "must not be empty");
        }
        if (entry->rule.action == SCMP_ACT_NOTIFY) {
                int r = check_notify(decoder, &entry->rule);

                if (r < 0)
                        return r;
        }
        return join_action(decoder, "errnoRet", &entry->errno_ret, &entry->rule.action);
}

static const struct decode_table rule_table = DECODE_TABLE(struct rule_entry, rule_fields, check_rule);

/* ---- the whole ---- */

struct filter {
        uint32_t default_action;
        struct optional_u64 default_errno;
        struct {
                size_t n;
                struct rule_entry *v;
        } rules;
        struct oci_seccomp decoded;
};

static int arch_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        uint64_t arch = 0;
        int r = decode_word(decoder, node, &seccomp_arch_words, &arch);

        if (r == 0)
                ((uint32_t *)data)[index] = (uint32_t)arch;
        return r;
}

static int architectures_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_seccomp *seccomp = value;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        seccomp->architectures = arena_array(decoder->arena, node->n, sizeof(*seccomp->architectures));
        if (!seccomp->architectures)
                return decode_no_memory(decoder);
        seccomp->n_architectures = node->n;
        return decode_each(decoder, node, arch_element, seccomp->architectures);
}

static int flag_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        uint64_t flag = 0;
        int r = decode_word(decoder, node, &seccomp_flag_words, &flag);

        (void)index;
        *(uint32_t *)data |= (uint32_t)flag;
        return r;
}

static int flags_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_seccomp *seccomp = value;

        seccomp->flags_set = true;
        return decode_each(decoder, node, flag_element, &seccomp->flags);
}

static const struct decode_field filter_fields[] = {
        DECODE_WORD(struct filter, default_action, "defaultAction", &seccomp_action_words, DECODE_REQUIRED),
        DECODE_OPTIONAL_U64(struct filter, default_errno, "defaultErrnoRet", 0, TRACE_MOST, 0),
        DECODE_CUSTOM(struct filter, decoded, "architectures", architectures_decode, 0),
        DECODE_CUSTOM(struct filter, decoded, "flags", flags_decode, 0),
        DECODE_STRING(struct filter, decoded.listener_path, "listenerPath", DECODE_EMPTY_IS_ABSENT | DECODE_ABSOLUTE),
        DECODE_STRING(struct filter, decoded.listener_metadata, "listenerMetadata", DECODE_EMPTY_IS_ABSENT),
        DECODE_ARRAY(struct filter, rules.n, rules.v, "syscalls", &rule_table, 0),
};

static int check_listener(const struct decoder *decoder, const struct oci_seccomp *seccomp)
{
        if (seccomp->notifies && !seccomp->listener_path)
                return decode_refuse(decoder, "listenerPath", "required field is missing (SCMP_ACT_NOTIFY is used)");
        if (seccomp->listener_metadata && !seccomp->listener_path)
                return decode_refuse(decoder, "listenerMetadata", "needs listenerPath");
        return 0;
}

static int check_filter(struct decoder *decoder, void *structure)
{
        struct filter *filter = structure;
        struct oci_seccomp *seccomp = &filter->decoded;
        int r;

        if (filter->default_action == SCMP_ACT_NOTIFY)
                return decode_refuse(decoder, "defaultAction", "SCMP_ACT_NOTIFY cannot be the default action");
        r = join_action(decoder, "defaultErrnoRet", &filter->default_errno, &filter->default_action);
        if (r < 0)
                return r;
        seccomp->default_action = filter->default_action;
        seccomp->rules = arena_array(decoder->arena, filter->rules.n, sizeof(*seccomp->rules));
        if (!seccomp->rules)
                return decode_no_memory(decoder);
        seccomp->n_rules = filter->rules.n;
        for (size_t i = 0; i < filter->rules.n; i++) {
                seccomp->rules[i] = filter->rules.v[i].rule;
                seccomp->notifies |= seccomp->rules[i].action == SCMP_ACT_NOTIFY;
        }
        seccomp->set = true;
        return check_listener(decoder, seccomp);
}

static const struct decode_table filter_table = DECODE_TABLE(struct filter, filter_fields, check_filter);

int seccomp_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct filter filter = {0};
        int r = decode_object(decoder, &filter_table, node, &filter);

        if (r == 0)
                *(struct oci_seccomp *)value = filter.decoded;
        return r;
}
