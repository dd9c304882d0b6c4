/* What reading `process` promises, inside config.json and alone. */
#include "tests/unit/oci_support.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/resource.h>

#define PROCESS(rest) "'process':{'cwd':'/','args':['sh']," rest "}"

static void everything(void **state)
{
        struct oci_spec *spec =
                accept("'process':{'terminal':true,'consoleSize':{'height':24,'width':80},'cwd':'/"
                       "w','env':['A=1','B=','A=2=3'],"
                       "'args':['sh','-c',''],'user':{'uid':1,'gid':4294967294,'umask':63,'additionalGids':[5,6]},"
                       "'noNewPrivileges':true,'apparmorProfile':'p','selinuxLabel':'l','oomScoreAdj':-1000,"
                       "'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':7},'execCPUAffinity':{'initial':'0-3,7','"
                       "final':'1'},"
                       "'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':18446744073709551615},"
                       "{'type':'RLIMIT_CORE','soft':18446744073709551615,'hard':18446744073709551615}]}");
        const struct oci_process *process = &spec->process;

        (void)state;
        assert_true(spec->process_set && process->terminal && process->no_new_privileges);
        assert_true(process->console_size.set);
        assert_int_equal(process->console_size.height, 24);
        assert_int_equal(process->console_size.width, 80);
        assert_string_equal(process->cwd, "/w");
        assert_int_equal(process->env.n, 2);
        assert_string_equal(process->env.v[0], "B=");
        assert_string_equal(process->env.v[1], "A=2=3");
        assert_int_equal(process->args.n, 3);
        assert_string_equal(process->args.v[2], "");
        assert_int_equal(process->user.uid, 1);
        assert_int_equal(process->user.gid, 4294967294U);
        assert_true(process->user.umask.set && process->user.umask.value == 077);
        assert_int_equal(process->user.n_additional_gids, 2);
        assert_int_equal(process->user.additional_gids[1], 6);
        assert_string_equal(process->apparmor_profile, "p");
        assert_string_equal(process->selinux_label, "l");
        assert_true(process->oom_score_adj.set && process->oom_score_adj.value == -1000);
        assert_true(process->io_priority.set);
        assert_int_equal(process->io_priority.class, IOPRIO_CLASS_BE);
        assert_int_equal(process->io_priority.priority, 7);
        assert_string_equal(process->exec_affinity_initial, "0-3,7");
        assert_string_equal(process->exec_affinity_final, "1");
        assert_int_equal(process->rlimits.n, 2);
        assert_int_equal(process->rlimits.v[0].resource, RLIMIT_NOFILE);
        assert_true(process->rlimits.v[0].hard == UINT64_MAX && process->rlimits.v[1].soft == RLIM_INFINITY);
        assert_false(process->capabilities.set);
        assert_false(process->scheduler.set);
        oci_spec_free(spec);
}

static void required(void **state)
{
        (void)state;
        REFUSED({"'process':{'args':['sh']}", "process.cwd: required field is missing"},
                {"'process':{'cwd':'w','args':['sh']}", "process.cwd: expected an absolute path, got 'w'"},
                {"'process':{'cwd':'/'}", "process.args: required field is missing"},
                {"'process':{'cwd':'/','args':[]}", "process.args: must not be empty"},
                {"'process':{'cwd':'/','args':['']}", "process.args[0]: must not be empty"},
                {"'process':{'cwd':'/','args':['a',1]}", "process.args[1]: expected a string, got 1"},
                {PROCESS("'user':{'gid':'0'}"), "process.user.gid: expected a number from 0 to 4294967294, got \"0\""});
}

static void bounds(void **state)
{
        (void)state;
        REFUSED({PROCESS("'user':{'uid':'root','gid':0}"),
                 "process.user.uid: expected a number from 0 to 4294967294, got 'root'"},
                {PROCESS("'user':{'uid':4294967295,'gid':0}"),
                 "process.user.uid: expected a number from 0 to 4294967294, got 4294967295"},
                {PROCESS("'user':{'uid':0,'gid':-1}"),
                 "process.user.gid: expected a number from 0 to 4294967294, got -1"},
                {PROCESS("'user':{'uid':0,'gid':0,'umask':4294967296}"),
                 "process.user.umask: expected a number from 0 to 4294967295, got 4294967296"},
                {PROCESS("'user':{'uid':0,'gid':0,'additionalGids':[0,4294967295]}"),
                 "process.user.additionalGids[1]: expected a number from 0 to 4294967294, got 4294967295"},
                {PROCESS("'consoleSize':{'height':1}"), "process.consoleSize.width: required field is missing"},
                {PROCESS("'consoleSize':{'height':65536,'width':1}"),
                 "process.consoleSize.height: expected a number from 0 to 65535, got 65536"},
                {PROCESS("'oomScoreAdj':1001"), "process.oomScoreAdj: expected a number from -1000 to 1000, got 1001"},
                {PROCESS("'env':['A']"), "process.env[0]: expected NAME=VALUE, got 'A'"},
                {PROCESS("'env':['A=1','=1']"), "process.env[1]: expected NAME=VALUE, got '=1'"},
                {PROCESS("'env':['A=1','']"), "process.env[1]: expected NAME=VALUE, got ''"},
                {PROCESS("'env':['A=\\u0000']"), "process.env[0]: expected a string, got a string with a NUL byte"});
}

static void rlimits(void **state)
{
        (void)state;
        REFUSED({PROCESS("'rlimits':[{'type':'RLIMIT_NOFILE','soft':2,'hard':1}]"),
                 "process.rlimits[0].soft: 2 is above the hard limit 1"},
                {PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_AS','soft':1,'hard':1},"
                         "{'type':'RLIMIT_FOO','soft':1,'hard':1}]"),
                 "process.rlimits[2].type: unknown value 'RLIMIT_FOO'"},
                {PROCESS("'rlimits':[{'type':'RLIMIT_AS','soft':1,'hard':1},{'type':'RLIMIT_AS','soft':1,'hard':1}]"),
                 "process.rlimits[1]: RLIMIT_AS is given twice"},
                {PROCESS("'rlimits':[{'soft':1,'hard':1}]"), "process.rlimits[0].type: required field is missing"},
                {PROCESS("'rlimits':[{'type':'RLIMIT_AS','hard':1}]"),
                 "process.rlimits[0].soft: required field is missing"},
                {PROCESS("'rlimits':[{'type':'RLIMIT_AS','soft':1}]"),
                 "process.rlimits[0].hard: required field is missing"},
                {PROCESS("'rlimits':[{'type':'RLIMIT_AS','soft':-1,'hard':1}]"),
                 "process.rlimits[0].soft: expected a number from 0 to 18446744073709551615, got -1"});
}

static void scheduling(void **state)
{
        struct oci_spec *spec = accept(PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':1,'deadline':2,"
                                               "'period':9223372036854775807,'flags':['SCHED_FLAG_RECLAIM',"
                                               "'SCHED_FLAG_RESET_ON_FORK']}"));

        (void)state;
        assert_int_equal(spec->process.scheduler.policy, SCHED_DEADLINE);
        assert_int_equal(spec->process.scheduler.flags, SCHED_FLAG_RECLAIM | SCHED_FLAG_RESET_ON_FORK);
        assert_true(spec->process.scheduler.period == INT64_MAX);
        oci_spec_free(spec);
        ACCEPTED(PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':-20}"),
                 PROCESS("'scheduler':{'policy':'SCHED_RR','priority':99}"),
                 PROCESS("'scheduler':{'policy':'SCHED_IDLE'}"),
                 PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':5,'deadline':5}"));
        REFUSED({PROCESS("'scheduler':{}"), "process.scheduler.policy: required field is missing"},
                {PROCESS("'scheduler':{'policy':'SCHED_ISO'}"), "process.scheduler.policy: unknown value 'SCHED_ISO'"},
                {PROCESS("'scheduler':{'policy':'SCHED_BATCH','nice':20}"),
                 "process.scheduler.nice: expected a number from -20 to 19, got 20"},
                {PROCESS("'scheduler':{'policy':'SCHED_FIFO'}"),
                 "process.scheduler.priority: SCHED_FIFO and SCHED_RR need a priority from 1 to 99"},
                {PROCESS("'scheduler':{'policy':'SCHED_OTHER','priority':1}"),
                 "process.scheduler.priority: belongs to SCHED_FIFO and SCHED_RR"},
                {PROCESS("'scheduler':{'policy':'SCHED_FIFO','priority':1,'runtime':1}"),
                 "process.scheduler: runtime, deadline and period belong to SCHED_DEADLINE"},
                {PROCESS("'scheduler':{'policy':'SCHED_DEADLINE'}"),
                 "process.scheduler.runtime: SCHED_DEADLINE needs a runtime above 0"},
                {PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':3,'deadline':2}"),
                 "process.scheduler.deadline: must not be below the runtime"},
                {PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':1,'deadline':3,'period':2}"),
                 "process.scheduler.period: must not be below the deadline"},
                {PROCESS("'scheduler':{'policy':'SCHED_OTHER','flags':['X']}"),
                 "process.scheduler.flags[0]: unknown value 'X'"},
                {PROCESS("'ioPriority':{'priority':1}"), "process.ioPriority.class: required field is missing"},
                {PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_NONE','priority':1}"),
                 "process.ioPriority.class: unknown value 'IOPRIO_CLASS_NONE'"},
                {PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':8}"),
                 "process.ioPriority.priority: expected a number from 0 to 7, got 8"});
}

static void cpu_lists(void **state)
{
        static const char *const bad[] = {"3-1", "1,", ",1", "a", "1-", "-1", "1--2", "0 1", "8192", "01", "0-3\\n"};
        char members[256], message[256];

        (void)state;
        ACCEPTED(PROCESS("'execCPUAffinity':{}"), PROCESS("'execCPUAffinity':{'initial':'','final':'0,2-2,8191'}"));
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                const struct refusal row = {members, message};

                snprintf(members, sizeof(members), PROCESS("'execCPUAffinity':{'final':'%s'}"), bad[i]);
                snprintf(message, sizeof(message),
                         "process.execCPUAffinity.final: expected a list like '0-3,7' of numbers up to 8191, got '%s'",
                         strchr(bad[i], '\\') ? "0-3\\u000a" : bad[i]);
                refuse_all(&row, 1);
        }
}

#define BIT(name) (1ULL << (name))

static void capabilities(void **state)
{
        struct oci_spec *spec;

        (void)state;
        catch_warnings();
        spec = accept(PROCESS("'capabilities':{'bounding':['CAP_CHOWN','CAP_CHECKPOINT_RESTORE'],"
                              "'effective':['CAP_KILL'],'permitted':['CAP_KILL'],'inheritable':['CAP_KILL'],"
                              "'ambient':['CAP_KILL']}"));
        assert_true(spec->process.capabilities.set);
        assert_true(spec->process.capabilities.bounding == (BIT(CAP_CHOWN) | BIT(CAP_CHECKPOINT_RESTORE)));
        assert_true(spec->process.capabilities.effective == BIT(CAP_KILL));
        assert_true(spec->process.capabilities.ambient == BIT(CAP_KILL));
        assert_int_equal(warnings, 0);
        oci_spec_free(spec);

        spec = accept(PROCESS("'capabilities':{'bounding':['CAP_CHOWN','CAP_NEW']}"));
        assert_true(spec->process.capabilities.bounding == BIT(CAP_CHOWN));
        assert_int_equal(warnings, 1);
        assert_string_equal(last_warning,
                            "process.capabilities.bounding[1]: unknown capability \"CAP_NEW\" is ignored");
        oci_spec_free(spec);

        oci_spec_free(accept(PROCESS("'capabilities':{'permitted':['CAP_KILL'],'ambient':['CAP_CHOWN','CAP_KILL']}")));
        assert_int_equal(warnings, 2);
        assert_string_equal(last_warning, "process.capabilities.ambient: not both permitted and inheritable, cannot be "
                                          "raised: CAP_CHOWN CAP_KILL");
        oci_spec_free(accept(PROCESS("'capabilities':{'bounding':['CAP_CHOWN'],'ambient':['CAP_CHOWN']}")));
        assert_int_equal(warnings, 2);
        oci_spec_free(accept(PROCESS("'capabilities':{'bounding':['CAP_CHOWN'],'ambient':['CAP_CHOWN']},"
                                     "'user':{'uid':1,'gid':1}")));
        assert_int_equal(warnings, 3);
        oci_spec_free(accept(PROCESS("'capabilities':{'bounding':['CAP_CHOWN'],'ambient':['CAP_CHOWN']},"
                                     "'noNewPrivileges':true")));
        assert_int_equal(warnings, 4);
        REFUSED({PROCESS("'capabilities':{'bounding':'CAP_CHOWN'}"),
                 "process.capabilities.bounding: expected an array, got 'CAP_CHOWN'"},
                {PROCESS("'capabilities':{'ambient':[1]}"),
                 "process.capabilities.ambient[0]: expected a string, got 1"});
}

static void lenient(void **state)
{
        struct oci_spec *spec =
                accept(PROCESS("'terminal':true,'consoleSize':{'height':0,'width':0},'apparmorProfile':'',"
                               "'selinuxLabel':'','commandLine':'x','capabilities':null"));

        (void)state;
        assert_false(spec->process.console_size.set);
        assert_null(spec->process.apparmor_profile);
        assert_null(spec->process.selinux_label);
        assert_false(spec->process.capabilities.set);
        assert_int_equal(spec->process.user.uid, 0);
        oci_spec_free(spec);
        spec = accept(PROCESS("'consoleSize':{'height':24,'width':80}"));
        assert_false(spec->process.console_size.set);
        oci_spec_free(spec);
}

static void many_variables_are_quick(void **state)
{
        enum { N = 50000 };
        struct arena arena = {0};
        struct oci_process process;
        char *text = malloc(N * 16 + 64), *p = text;

        (void)state;
        assert_non_null(text);
        p += sprintf(p, "{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[");
        for (int i = 0; i < N; i++)
                p += sprintf(p, "\"V%d=%d\",", i % 100, i);
        sprintf(p, "\"END=1\"]}");
        assert_int_equal(oci_process_parse(text, strlen(text), &arena, &process), 0);
        assert_int_equal(process.env.n, 101);
        assert_string_equal(process.env.v[0], "V0=49900");
        assert_string_equal(process.env.v[99], "V99=49999");
        assert_string_equal(process.env.v[100], "END=1");
        arena_free(&arena);
        free(text);
}

static void alone(void **state)
{
        static const char text[] = "{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":-1,\"gid\":0}}";
        struct arena arena = {0};
        struct oci_process process;

        (void)state;
        assert_int_equal(oci_process_parse(text, strlen(text), &arena, &process), -EINVAL);
        assert_string_equal(error_message(), "user.uid: expected a number from 0 to 4294967294, got -1");
        assert_int_equal(oci_process_parse("{", 1, &arena, &process), -EINVAL);
        assert_string_equal(error_message(), "process: line 1, column 2: premature EOF");
        arena_free(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("every field is read", everything),
                PROMISE("cwd and args are required, and ids of a user", required),
                PROMISE("numbers out of bounds are refused with their path", bounds),
                PROMISE("rlimits: duplicates, unknown types and soft above hard are refused", rlimits),
                PROMISE("scheduler and ioPriority: contradictions are refused", scheduling),
                PROMISE("a CPU list that is none is refused", cpu_lists),
                PROMISE("unknown and ungrantable capabilities are warnings", capabilities),
                PROMISE("empty strings, a console of no size or without a terminal are unset", lenient),
                PROMISE("of variables with one name the last stays, however many there are", many_variables_are_quick),
                PROMISE("a process alone has paths without prefix", alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
