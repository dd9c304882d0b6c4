#include <linux/sched.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "oci/tables.h"

typedef __typeof__(((struct oci_process *)NULL)->console_size) console_size;

static const struct decode_field console_fields[] = {
        DECODE_U32(console_size, height, "height", 0, 65535, DECODE_REQUIRED),
        DECODE_U32(console_size, width, "width", 0, 65535, DECODE_REQUIRED),
};
static const struct decode_table console_table = DECODE_TABLE(console_size, console_fields, NULL);

/* ---- user ---- */

static const struct decode_field user_fields[] = {
        DECODE_U32(struct oci_user, uid, "uid", 0, ID_MOST, 0),
        DECODE_U32(struct oci_user, gid, "gid", 0, ID_MOST, 0),
        DECODE_OPTIONAL_I64(struct oci_user, umask, "umask", 0, UINT32_MAX, 0),
        DECODE_IDS(struct oci_user, n_additional_gids, additional_gids, "additionalGids", ID_MOST),
};

static int check_user(struct decoder *decoder, void *structure)
{
        struct oci_user *user = structure;

        /* As umask(2) does. */
        user->umask.value &= 0777;
        /* NGROUPS_MAX of the kernel. */
        if (user->n_additional_gids > 65536)
                return decode_refuse(decoder, "additionalGids", "%zu groups are too many, the kernel takes 65536",
                                     user->n_additional_gids);
        return 0;
}

static const struct decode_table user_table = DECODE_TABLE(struct oci_user, user_fields, check_user);

/* ---- capabilities ---- */

static int capability_element(struct decoder *decoder, const struct json_node *node, size_t index, void *data)
{
        char where[256], got[80];
        const struct word *word;
        int r = decode_expect(decoder, node, JSON_STRING);

        (void)index;
        if (r < 0)
                return r;
        word = word_find(&capability_words, node->text);
        if (word)
                *(uint64_t *)data |= 1ULL << word->value;
        else
                log_warning("%s: unknown capability %s is ignored",
                            json_path_print(&decoder->path, where, sizeof(where)),
                            json_quote(node->text, got, sizeof(got)));
        return 0;
}

static int capability_set(struct decoder *decoder, const struct json_node *node, void *value)
{
        return decode_each(decoder, node, capability_element, value);
}

static const struct decode_field capability_fields[] = {
        DECODE_CUSTOM(struct oci_capabilities, bounding, "bounding", capability_set, 0),
        DECODE_CUSTOM(struct oci_capabilities, effective, "effective", capability_set, 0),
        DECODE_CUSTOM(struct oci_capabilities, inheritable, "inheritable", capability_set, 0),
        DECODE_CUSTOM(struct oci_capabilities, permitted, "permitted", capability_set, 0),
        DECODE_CUSTOM(struct oci_capabilities, ambient, "ambient", capability_set, 0),
};

static const struct decode_table capability_table = DECODE_TABLE(struct oci_capabilities, capability_fields, NULL);

/* ---- limits and scheduling ---- */

static const struct decode_field rlimit_fields[] = {
        DECODE_WORD(struct oci_rlimit, resource, "type", &rlimit_words, DECODE_REQUIRED),
        DECODE_U64(struct oci_rlimit, soft, "soft", 0, UINT64_MAX, DECODE_REQUIRED),
        DECODE_U64(struct oci_rlimit, hard, "hard", 0, UINT64_MAX, DECODE_REQUIRED),
};

static int check_rlimit(struct decoder *decoder, void *structure)
{
        const struct oci_rlimit *limit = structure;

        if (limit->soft > limit->hard)
                return decode_refuse(decoder, "soft", "%llu is above the hard limit %llu",
                                     (unsigned long long)limit->soft, (unsigned long long)limit->hard);
        return 0;
}

static const struct decode_table rlimit_table = DECODE_TABLE(struct oci_rlimit, rlimit_fields, check_rlimit);

static int check_rlimit_duplicates(const struct decoder *decoder, const struct oci_rlimits *limits)
{
        uint64_t seen = 0;

        for (size_t i = 0; i < limits->n; i++) {
                uint64_t bit = 1ULL << limits->v[i].resource;

                if (seen & bit)
                        return decode_refuse_at(decoder, "rlimits", i, "%s is given twice",
                                                word_name(&rlimit_words, (uint64_t)limits->v[i].resource));
                seen |= bit;
        }
        return 0;
}

static const struct decode_field scheduler_fields[] = {
        DECODE_WORD(struct oci_scheduler, policy, "policy", &scheduler_words, DECODE_REQUIRED),
        DECODE_I32(struct oci_scheduler, nice, "nice", -20, 19, 0),
        DECODE_I32(struct oci_scheduler, priority, "priority", 0, 99, 0),
        DECODE_FLAGS(struct oci_scheduler, flags, "flags", &scheduler_flag_words),
        DECODE_U64(struct oci_scheduler, runtime, "runtime", 0, INT64_MAX, 0),
        DECODE_U64(struct oci_scheduler, deadline, "deadline", 0, INT64_MAX, 0),
        DECODE_U64(struct oci_scheduler, period, "period", 0, INT64_MAX, 0),
};

/* sched_setattr(2): 0 < runtime <= deadline <= period, where a period of 0 stands for the deadline. */
static int check_deadline(const struct decoder *decoder, const struct oci_scheduler *scheduler)
{
        if (scheduler->policy != SCHED_DEADLINE) {
                if (scheduler->runtime || scheduler->deadline || scheduler->period)
                        return decode_refuse(decoder, NULL, "runtime, deadline and period belong to SCHED_DEADLINE");
                return 0;
        }
        if (scheduler->runtime == 0)
                return decode_refuse(decoder, "runtime", "SCHED_DEADLINE needs a runtime above 0");
        if (scheduler->deadline < scheduler->runtime)
                return decode_refuse(decoder, "deadline", "must not be below the runtime");
        if (scheduler->period && scheduler->period < scheduler->deadline)
                return decode_refuse(decoder, "period", "must not be below the deadline");
        return 0;
}

static int check_scheduler(struct decoder *decoder, void *structure)
{
        const struct oci_scheduler *scheduler = structure;
        bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;

        if (realtime && scheduler->priority == 0)
                return decode_refuse(decoder, "priority", "SCHED_FIFO and SCHED_RR need a priority from 1 to 99");
        if (!realtime && scheduler->priority != 0)
                return decode_refuse(decoder, "priority", "belongs to SCHED_FIFO and SCHED_RR");
        return check_deadline(decoder, scheduler);
}

static const struct decode_table scheduler_table =
        DECODE_TABLE(struct oci_scheduler, scheduler_fields, check_scheduler);

static const struct decode_field io_priority_fields[] = {
        DECODE_WORD(struct oci_io_priority, class, "class", &io_class_words, DECODE_REQUIRED),
        DECODE_I32(struct oci_io_priority, priority, "priority", 0, 7, 0),
};
static const struct decode_table io_priority_table = DECODE_TABLE(struct oci_io_priority, io_priority_fields, NULL);

static const struct decode_field affinity_fields[] = {
        DECODE_STRING(struct oci_process, exec_affinity_initial, "initial", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_process, exec_affinity_final, "final", DECODE_EMPTY_IS_ABSENT),
};

static int check_affinity(struct decoder *decoder, void *structure)
{
        const struct oci_process *process = structure;
        int r = number_list_check(decoder, "initial", process->exec_affinity_initial);

        return r < 0 ? r : number_list_check(decoder, "final", process->exec_affinity_final);
}

static const struct decode_table affinity_table = DECODE_TABLE(struct oci_process, affinity_fields, check_affinity);

/* ---- the whole ---- */

static const struct decode_field process_fields[] = {
        DECODE_BOOL(struct oci_process, terminal, "terminal", 0),
        DECODE_OBJECT_SET(struct oci_process, console_size, console_size.set, "consoleSize", &console_table, 0),
        DECODE_STRING(struct oci_process, cwd, "cwd", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_STRINGS(struct oci_process, env, "env", 0),
        DECODE_STRINGS(struct oci_process, args, "args", DECODE_REQUIRED | DECODE_NONEMPTY),
        DECODE_OBJECT(struct oci_process, user, "user", &user_table, 0),
        DECODE_OBJECT_SET(struct oci_process, capabilities, capabilities.set, "capabilities", &capability_table, 0),
        DECODE_ARRAY(struct oci_process, rlimits.n, rlimits.v, "rlimits", &rlimit_table, 0),
        DECODE_BOOL(struct oci_process, no_new_privileges, "noNewPrivileges", 0),
        DECODE_STRING(struct oci_process, apparmor_profile, "apparmorProfile", DECODE_EMPTY_IS_ABSENT),
        DECODE_STRING(struct oci_process, selinux_label, "selinuxLabel", DECODE_EMPTY_IS_ABSENT),
        DECODE_OPTIONAL_I64(struct oci_process, oom_score_adj, "oomScoreAdj", -1000, 1000, 0),
        DECODE_OBJECT_SET(struct oci_process, scheduler, scheduler.set, "scheduler", &scheduler_table, 0),
        DECODE_OBJECT_SET(struct oci_process, io_priority, io_priority.set, "ioPriority", &io_priority_table, 0),
        DECODE_INLINE(struct oci_process, "execCPUAffinity", &affinity_table, 0),
};

/* The kernel raises an ambient capability only when it is permitted and inheritable (capabilities(7)). One line for all
 * of them: the unchanged `runc spec` of the releases around CVE-2022-29162 has three. Root's programs do not live on
 * ambient ones: execve gives them what is bounding, and permitted where there are to be no new privileges. So buildah,
 * which asks for ambient capabilities and for no inheritable ones, need not put a warning into every RUN. */
static void check_ambient(const struct decoder *decoder, const struct oci_process *process)
{
        const struct oci_capabilities *sets = &process->capabilities;
        struct json_path path = decoder->path;
        uint64_t lost = sets->ambient & ~(sets->permitted & sets->inheritable);
        char names[1280] = "", where[256];
        size_t used = 0;

        if (process->user.uid == 0)
                lost &= ~(sets->bounding & (process->no_new_privileges ? sets->permitted : UINT64_MAX));
        for (size_t i = 0; i < capability_words.n && used < sizeof(names); i++) {
                if (lost & (1ULL << capability_words.v[i].value))
                        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? " " : "",
                                                 capability_words.v[i].name);
        }
        if (!lost)
                return;
        json_path_enter(&path, "capabilities");
        log_warning("%s.ambient: not both permitted and inheritable, cannot be raised: %s",
                    json_path_print(&path, where, sizeof(where)), names);
}

static int check_process(struct decoder *decoder, void *structure)
{
        struct oci_process *process = structure;
        int r;

        if (process->args.v[0][0] == '\0')
                return decode_refuse_at(decoder, "args", 0, "must not be empty");
        if (!process->terminal || process->console_size.height == 0 || process->console_size.width == 0)
                process->console_size.set = false;
        check_ambient(decoder, process);
        r = environment_check(decoder, "env", &process->env);
        return r < 0 ? r : check_rlimit_duplicates(decoder, &process->rlimits);
}

const struct decode_table process_table = DECODE_TABLE(struct oci_process, process_fields, check_process);
