#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/globals.h"
#include "cli/help.h"

#include <cmocka.h>

static bool has_option(const struct option_table *table, const char *name)
{
        for (size_t i = 0; i < table->n; i++)
                if (strcmp(table->v[i].name, name) == 0)
                        return true;
        return false;
}

/* What engines and scripts pass to runc and crun (research of both). */
static void every_flag_of_runc_and_crun_is_taken(void **state)
{
        static const struct {
                const char *command, *flags;
        } promises[] = {
                {"create", "bundle config console-socket pidfd-socket pid-file no-pivot no-new-keyring preserve-fds "
                           "no-subreaper"},
                {"run", "bundle config console-socket pidfd-socket pid-file no-pivot no-new-keyring preserve-fds "
                        "no-subreaper detach keep"},
                {"kill", "all regex"},
                {"delete", "force regex"},
                {"exec", "console-socket pidfd-socket cwd env tty user additional-gids process detach pid-file "
                         "process-label apparmor no-new-privs cap preserve-fds cgroup ignore-paused"},
                {"list", "format quiet"},
                {"ps", "format"},
                {"update", "resources blkio-weight cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period "
                           "cpu-rt-runtime cpuset-cpus cpuset-mems cpu-idle memory memory-reservation memory-swap "
                           "kernel-memory kernel-memory-tcp pids-limit l3-cache-schema mem-bw-schema"},
                {"events", "interval stats"},
                {"checkpoint", "image-path work-path parent-path leave-running tcp-established tcp-skip-in-flight "
                               "link-remap ext-unix-sk shell-job lazy-pages status-fd page-server file-locks pre-dump "
                               "manage-cgroups-mode empty-ns auto-dedup network-lock"},
                {"restore", "console-socket image-path work-path tcp-established ext-unix-sk shell-job file-locks "
                            "manage-cgroups-mode bundle detach pid-file no-subreaper no-pivot empty-ns auto-dedup "
                            "lazy-pages lsm-profile lsm-mount-context tcp-close network-lock"},
                {"spec", "bundle rootless file"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(promises); i++) {
                const struct command *command = program_command(&berth_program, promises[i].command);
                char flags[512], *save = NULL;

                assert_non_null(command);
                snprintf(flags, sizeof(flags), "%s", promises[i].flags);
                for (char *flag = strtok_r(flags, " ", &save); flag; flag = strtok_r(NULL, " ", &save))
                        if (!has_option(&command->options, flag))
                                fail_msg("%s has no --%s", promises[i].command, flag);
        }
}

static void check_table(const char *name, const struct option_table *table, size_t size)
{
        for (size_t i = 0; i < table->n; i++) {
                const struct option_spec *spec = &table->v[i];
                bool takes_value = spec->kind != OPTION_FLAG && spec->kind != OPTION_SWITCH;

                assert_true(spec->offset < size);
                assert_int_equal(spec->placeholder != NULL, takes_value);
                if (spec->kind == OPTION_NUMBER && spec->least >= spec->most)
                        fail_msg("%s --%s takes no number", name, spec->name);
                for (size_t k = 0; k < i; k++) {
                        if (spec->letter && spec->letter == table->v[k].letter)
                                fail_msg("%s: -%c twice", name, spec->letter);
                        if (strcmp(spec->name, table->v[k].name) == 0 && spec->help)
                                fail_msg("%s: --%s twice", name, spec->name);
                }
        }
}

static void tables_are_without_contradictions(void **state)
{
        (void)state;
        check_table("berth", &global_table, sizeof(struct global_options));
        for (size_t i = 0; i < berth_program.n_commands; i++) {
                check_table(berth_program.commands[i]->name, &berth_program.commands[i]->options,
                            berth_program.commands[i]->options_size);
                assert_true(berth_program.commands[i]->least <= berth_program.commands[i]->most);
                assert_non_null(berth_program.commands[i]->run);
                assert_ptr_equal(program_command(&berth_program, berth_program.commands[i]->name),
                                 berth_program.commands[i]);
        }
        assert_null(program_command(&berth_program, "frob"));
}

static void check_width(const char *text)
{
        for (const char *line = text; *line;) {
                size_t length = strcspn(line, "\n");

                if (length > 80)
                        fail_msg("longer than 80: %.*s", (int)length, line);
                assert_false(length && line[length - 1] == ' ');
                line += length + (line[length] == '\n');
        }
}

static void help_fits_a_terminal_and_names_every_option(void **state)
{
        char *text;

        (void)state;
        assert_int_equal(help_program(&berth_program, &text), 0);
        check_width(text);
        for (size_t i = 0; i < berth_program.n_commands; i++)
                assert_non_null(strstr(text, berth_program.commands[i]->summary));
        free(text);
        for (size_t i = 0; i < berth_program.n_commands; i++) {
                const struct option_table *table = &berth_program.commands[i]->options;

                assert_int_equal(help_command(&berth_program, berth_program.commands[i], &text), 0);
                check_width(text);
                assert_memory_equal(text, "Usage: berth ", 13);
                for (size_t k = 0; k < table->n; k++)
                        if (table->v[k].help && !strstr(text, table->v[k].name))
                                fail_msg("%s: --%s is not in the help", berth_program.commands[i]->name,
                                         table->v[k].name);
                free(text);
        }
}

static void the_name_of_the_program_and_the_option_choose_the_wall(void **state)
{
        struct runtime runtime = {0};
        struct global_options options = {0};

        (void)state;
        assert_int_equal(globals_resolve(&options, "/usr/bin/berth", &runtime), 0);
        assert_int_equal(runtime.isolation, ISOLATION_UNSET);
        assert_int_equal(globals_resolve(&options, "/usr/bin/berth-vm", &runtime), 0);
        assert_int_equal(runtime.isolation, ISOLATION_VM);
        options.isolation = "process";
        assert_int_equal(globals_resolve(&options, "berth-vm", &runtime), 0);
        assert_int_equal(runtime.isolation, ISOLATION_PROCESS);
        options.isolation = "wall";
        assert_int_equal(globals_resolve(&options, "berth", &runtime), -EINVAL);
}

static void contradicting_cgroup_managers_are_refused(void **state)
{
        struct runtime runtime = {0};
        struct global_options options = {.systemd_cgroup = true};

        (void)state;
        assert_int_equal(globals_resolve(&options, "berth", &runtime), 0);
        assert_int_equal(runtime.cgroup_manager, CGROUP_MANAGER_SYSTEMD);
        options.cgroup_manager = "cgroupfs";
        assert_int_equal(globals_resolve(&options, "berth", &runtime), -EINVAL);
        options = (struct global_options){.cgroup_manager = "disabled"};
        assert_int_equal(globals_resolve(&options, "berth", &runtime), 0);
        assert_int_equal(runtime.cgroup_manager, CGROUP_MANAGER_DISABLED);
}

static void a_user_namespace_is_told_by_its_map(void **state)
{
        (void)state;
        assert_true(uid_map_is_full("         0          0 4294967295\n"));
        assert_false(uid_map_is_full("         0       1000          1\n"));
        assert_false(uid_map_is_full("         0     100000      65536\n     65536 0 1\n"));
        assert_false(uid_map_is_full(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_flag_of_runc_and_crun_is_taken),
                cmocka_unit_test(tables_are_without_contradictions),
                cmocka_unit_test(help_fits_a_terminal_and_names_every_option),
                cmocka_unit_test(the_name_of_the_program_and_the_option_choose_the_wall),
                cmocka_unit_test(contradicting_cgroup_managers_are_refused),
                cmocka_unit_test(a_user_namespace_is_told_by_its_map),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
