/* What reading linux.seccomp promises. */
#include "tests/unit/oci_support.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#define SECCOMP(rest) "'linux':{'seccomp':{" rest "}}"
#define ERRNO(rest)   SECCOMP("'defaultAction':'SCMP_ACT_ERRNO'," rest)
#define RULE(rest)    ERRNO("'syscalls':[{" rest "}]")

static void everything(void **state)
{
        struct oci_spec *spec = accept(SECCOMP(
                "'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'architectures':['SCMP_ARCH_X86_64',"
                "'SCMP_ARCH_X32'],'flags':['SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_SPEC_ALLOW'],"
                "'listenerPath':'/run/s','listenerMetadata':'m','syscalls':[{'names':['read','no_such_call'],"
                "'action':'SCMP_ACT_ALLOW'},{'names':['clone'],'action':'SCMP_ACT_ERRNO','errnoRet':1,"
                "'args':[{'index':5,'value':18446744073709551615,'valueTwo':7,'op':'SCMP_CMP_MASKED_EQ'},"
                "{'index':0,'value':1,'valueTwo':7,'op':'SCMP_CMP_EQ'}]},{'names':['open'],'action':'SCMP_ACT_NOTIFY'},"
                "{'names':['a'],'action':'SCMP_ACT_TRACE','errnoRet':65535},{'names':['b'],'action':'SCMP_ACT_ERRNO'}"
                "]"));
        const struct oci_seccomp *seccomp = &spec->linux_.seccomp;

        (void)state;
        assert_true(seccomp->set && seccomp->notifies && seccomp->flags_set);
        assert_int_equal(seccomp->default_action, SCMP_ACT_ERRNO(38));
        assert_int_equal(seccomp->n_architectures, 2);
        assert_true(seccomp->architectures[0] == SCMP_ARCH_X86_64 && seccomp->architectures[1] == SCMP_ARCH_X32);
        assert_int_equal(seccomp->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
        assert_string_equal(seccomp->listener_path, "/run/s");
        assert_string_equal(seccomp->listener_metadata, "m");
        assert_int_equal(seccomp->n_rules, 5);
        assert_string_equal(seccomp->rules[0].names.v[1], "no_such_call");
        assert_true(seccomp->rules[0].action == SCMP_ACT_ALLOW);
        assert_int_equal(seccomp->rules[1].n_args, 2);
        assert_int_equal(seccomp->rules[1].args[0].index, 5);
        assert_true(seccomp->rules[1].args[0].value == UINT64_MAX && seccomp->rules[1].args[0].value_two == 7);
        assert_int_equal(seccomp->rules[1].args[0].op, SCMP_CMP_MASKED_EQ);
        assert_int_equal(seccomp->rules[1].args[1].value_two, 0);
        assert_true(seccomp->rules[2].action == SCMP_ACT_NOTIFY);
        assert_true(seccomp->rules[3].action == SCMP_ACT_TRACE(65535));
        assert_true(seccomp->rules[4].action == SCMP_ACT_ERRNO(1));
        oci_spec_free(spec);
}

static void defaults(void **state)
{
        struct oci_spec *spec = accept(SECCOMP("'defaultAction':'SCMP_ACT_ALLOW'"));

        (void)state;
        assert_true(spec->linux_.seccomp.set && !spec->linux_.seccomp.flags_set && !spec->linux_.seccomp.notifies);
        assert_true(spec->linux_.seccomp.default_action == SCMP_ACT_ALLOW);
        oci_spec_free(spec);
        spec = accept(SECCOMP("'defaultAction':'SCMP_ACT_TRACE','flags':[]"));
        assert_true(spec->linux_.seccomp.default_action == SCMP_ACT_TRACE(1));
        assert_true(spec->linux_.seccomp.flags_set && spec->linux_.seccomp.flags == 0);
        oci_spec_free(spec);
        spec = accept(SECCOMP("'defaultAction':'SCMP_ACT_KILL'"));
        assert_true(spec->linux_.seccomp.default_action == SCMP_ACT_KILL_THREAD);
        oci_spec_free(spec);
        spec = accept("");
        assert_false(spec->linux_.seccomp.set);
        oci_spec_free(spec);
        ACCEPTED(SECCOMP("'defaultAction':'SCMP_ACT_ERRNO','listenerPath':'/s'"),
                 SECCOMP("'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':[]"));
}

static void actions(void **state)
{
        (void)state;
        REFUSED({SECCOMP("'syscalls':[]"), "linux.seccomp.defaultAction: required field is missing"},
                {SECCOMP("'defaultAction':'ALLOW'"), "linux.seccomp.defaultAction: unknown value 'ALLOW'"},
                {SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1"),
                 "linux.seccomp.defaultErrnoRet: belongs to SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not to SCMP_ACT_ALLOW"},
                {ERRNO("'defaultErrnoRet':4096"),
                 "linux.seccomp.defaultErrnoRet: expected a number from 0 to 4095, got 4096"},
                {RULE("'names':['a'],'action':'SCMP_ACT_LOG','errnoRet':1"),
                 "linux.seccomp.syscalls[0].errnoRet: belongs to SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not to "
                 "SCMP_ACT_LOG"},
                {RULE("'names':['a'],'action':'SCMP_ACT_TRACE','errnoRet':65536"),
                 "linux.seccomp.syscalls[0].errnoRet: expected a number from 0 to 65535, got 65536"},
                {RULE("'names':['a']"), "linux.seccomp.syscalls[0].action: required field is missing"},
                {RULE("'action':'SCMP_ACT_LOG'"), "linux.seccomp.syscalls[0].names: required field is missing"},
                {RULE("'names':[],'action':'SCMP_ACT_LOG'"), "linux.seccomp.syscalls[0].names: must not be empty"},
                {RULE("'names':['a',''],'action':'SCMP_ACT_LOG'"),
                 "linux.seccomp.syscalls[0].names[1]: must not be empty"},
                {ERRNO("'architectures':['x86']"), "linux.seccomp.architectures[0]: unknown value 'x86'"},
                {ERRNO("'flags':['SECCOMP_FILTER_FLAG_NEW_LISTENER']"),
                 "linux.seccomp.flags[0]: unknown value 'SECCOMP_FILTER_FLAG_NEW_LISTENER'"});
}

static void arguments(void **state)
{
        (void)state;
        REFUSED({RULE("'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':6,'value':0,'op':'SCMP_CMP_EQ'}]"),
                 "linux.seccomp.syscalls[0].args[0].index: expected a number from 0 to 5, got 6"},
                {RULE("'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':1,'op':'SCMP_CMP_EQ'}]"),
                 "linux.seccomp.syscalls[0].args[0].value: required field is missing"},
                {RULE("'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':1,'value':0}]"),
                 "linux.seccomp.syscalls[0].args[0].op: required field is missing"},
                {RULE("'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':1,'value':0,'op':'EQ'}]"),
                 "linux.seccomp.syscalls[0].args[0].op: unknown value 'EQ'"},
                {RULE("'names':['a'],'action':'SCMP_ACT_LOG','args':[{'index':1,'value':-1,'op':'SCMP_CMP_EQ'}]"),
                 "linux.seccomp.syscalls[0].args[0].value: expected a number from 0 to 18446744073709551615, got -1"});
}

static void notifications(void **state)
{
        (void)state;
        REFUSED({SECCOMP("'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/s'"),
                 "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default action"},
                {RULE("'names':['a'],'action':'SCMP_ACT_NOTIFY'"),
                 "linux.seccomp.listenerPath: required field is missing (SCMP_ACT_NOTIFY is used)"},
                {ERRNO("'listenerPath':'s'"), "linux.seccomp.listenerPath: expected an absolute path, got 's'"},
                {ERRNO("'listenerMetadata':'m'"), "linux.seccomp.listenerMetadata: needs listenerPath"},
                {RULE("'names':['read','write'],'action':'SCMP_ACT_NOTIFY'"),
                 "linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall"},
                {RULE("'names':['sendmsg'],'action':'SCMP_ACT_NOTIFY'"),
                 "linux.seccomp.syscalls[0].names[0]: SCMP_ACT_NOTIFY cannot be used for the sendmsg syscall"});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("a whole profile is read", everything),
                PROMISE("absent fields have the specification's defaults", defaults),
                PROMISE("actions carry an errno only where they can", actions),
                PROMISE("argument tests are checked", arguments),
                PROMISE("notifications need a listener and spare what the init needs", notifications),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
