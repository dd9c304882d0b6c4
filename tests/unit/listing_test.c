#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/container_table.h"
#include "cli/ps_table.h"
#include "runtime/life/record.h"

#include <cmocka.h> /* last: its macro fail() hides ours */

static void a_table_has_the_columns_of_runc(void **state)
{
        struct record web = {.id = "web", .init.pid = 42, .bundle = "/b", .created = "2026"};
        struct record old = {.id = "a-long-name\x1b", .init.pid = 43, .bundle = "/srv/a/bundle", .created = "2025"};
        struct container running = {&web, -EBADF, STATUS_RUNNING}, stopped = {&old, -EBADF, STATUS_STOPPED};
        struct container_table table = {0};
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        assert_int_equal(container_table_add(&table, &stopped), 0);
        assert_int_equal(container_table_add(&table, &running), 0);
        container_table_print(&table, out);
        fclose(out);
        assert_string_equal(text, "ID             PID         STATUS      BUNDLE          CREATED     OWNER\n"
                                  "a-long-name?   0           stopped     /srv/a/bundle   2025        root\n"
                                  "web            42          running     /b              2026        root\n");
        container_table_release(&table);
        free(text);
}

static void an_empty_table_has_the_header_that_runc_prints(void **state)
{
        struct container_table table = {0};
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        container_table_print(&table, out);
        fclose(out);
        assert_string_equal(text, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
        free(text);
}

static const char listing[] = "UID   PID  PPID CMD\n"
                              "root    1     0 init 42\n"
                              "web    42     1 nginx\n"
                              "web   421     1 other\n"
                              "web   042     1 odd\n"
                              "short\n"
                              "web    43    42 worker";

static char *filter(const char *text, int *r)
{
        const pid_t pids[] = {43, 42};
        char *result;
        size_t size;
        FILE *out = open_memstream(&result, &size);

        *r = ps_filter(text, pids, ELEMENTS(pids), out);
        fclose(out);
        return result;
}

static void ps_shows_only_the_processes_of_the_container(void **state)
{
        int r;
        char *text = filter(listing, &r);

        (void)state;
        assert_int_equal(r, 0);
        assert_string_equal(text, "UID   PID  PPID CMD\nweb    42     1 nginx\nweb    43    42 worker\n");
        free(text);
}

static void ps_options_that_hide_the_pid_are_refused(void **state)
{
        int r;
        char *text = filter("COMMAND PPID\nsh 42\n", &r);

        (void)state;
        assert_int_equal(r, -EINVAL);
        assert_string_equal(error_message(), "ps shows no column PID: add it to the options of ps");
        free(text);
        text = filter("", &r);
        assert_int_equal(r, -EINVAL);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_table_has_the_columns_of_runc),
                cmocka_unit_test(an_empty_table_has_the_header_that_runc_prints),
                cmocka_unit_test(ps_shows_only_the_processes_of_the_container),
                cmocka_unit_test(ps_options_that_hide_the_pid_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
