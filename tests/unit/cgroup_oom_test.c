/* Counting a kill in a group where nobody was killed, on this machine's own tree of groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cgroups/cgroup.h"
#include "cgroups/controllers.h"
#include "cgroups/oom.h"

#include <cmocka.h>

struct stage {
        struct cgroup_host host;
        char path[64];
        int group;
        pid_t member; /* in it, waits to be killed */
};

static pid_t start_member(int group)
{
        char number[16];
        pid_t pid = fork();

        if (pid == 0) {
                pause();
                _exit(0);
        }
        snprintf(number, sizeof(number), "%d", (int)pid);
        assert_int_equal(write_file_at(group, "cgroup.procs", number), 0);
        return pid;
}

/* Some controller that a group of ours can hand on: `wanted`, or any when that is 0. skip()s where there is none. */
static unsigned set_up(struct stage *stage, unsigned wanted)
{
        char text[256];
        unsigned all;

        if (geteuid() != 0 || cgroup_host_probe(&stage->host) < 0)
                skip();
        snprintf(stage->path, sizeof(stage->path), "/berth-oom-test-%d", (int)getpid());
        stage->group = cgroup_create(&stage->host, stage->path, 0);
        if (stage->group < 0)
                skip();
        assert_true(read_small_file_at(stage->group, "cgroup.controllers", text, sizeof(text)) >= 0);
        all = cgroup_controllers_parse(text) & ~(unsigned)CGROUP_THREADED;
        wanted = wanted ? wanted & all : all & -all;
        assert_int_equal(mkdirat(stage->group, CGROUP_ASIDE, 0755), 0);
        stage->member = start_member(stage->group);
        return wanted;
}

static void tear_down(struct stage *stage)
{
        assert_int_equal(cgroup_kill(stage->group), 0);
        assert_int_equal(waitpid(stage->member, NULL, 0), stage->member);
        assert_int_equal(cgroup_remove(&stage->host, stage->path, 0, now_ms() + 5000), 0);
        close(stage->group);
        close(stage->host.root_fd);
}

static void expect(int group, const char *file, const char *content)
{
        char text[256];

        assert_true(read_small_file_at(group, file, text, sizeof(text)) >= 0);
        assert_string_equal(text, content);
}

static void expect_as_before(const struct stage *stage)
{
        char number[16];

        snprintf(number, sizeof(number), "%d", (int)stage->member);
        expect(stage->group, "cgroup.procs", number);
        expect(stage->group, "cgroup.subtree_control", "");
        expect(stage->group, CGROUP_ASIDE "/cgroup.procs", "");
        assert_int_equal(faccessat(stage->group, "oom", F_OK, 0), -1);
}

static void a_group_with_a_process_hands_on_a_controller_for_a_while(void **state)
{
        struct stage stage;
        unsigned controller = set_up(&stage, 0);
        char procs[CGROUP_PROCS_TEXT], number[16];

        (void)state;
        if (controller) {
                const char *name = cgroup_controller_name(controller);

                assert_int_equal(cgroup_hand_on(stage.group, name, procs), 0);
                snprintf(number, sizeof(number), "%d", (int)stage.member);
                expect(stage.group, "cgroup.procs", "");
                expect(stage.group, "cgroup.subtree_control", name);
                expect(stage.group, CGROUP_ASIDE "/cgroup.procs", number);
                assert_int_equal(cgroup_take_back(stage.group, name, procs), 0);
                expect_as_before(&stage);
        }
        tear_down(&stage);
        if (!controller)
                skip();
}

static void a_controller_that_is_not_there_leaves_all_as_it_was(void **state)
{
        struct stage stage;
        char procs[CGROUP_PROCS_TEXT];

        (void)state;
        (void)set_up(&stage, 0);
        assert_true(cgroup_hand_on(stage.group, "nonsense", procs) < 0);
        expect_as_before(&stage);
        tear_down(&stage);
}

static void one_kill_is_counted_and_nobody_of_the_group_is_killed(void **state)
{
        struct stage stage;
        unsigned memory = set_up(&stage, CGROUP_MEMORY);
        uint64_t kills;

        (void)state;
        if (memory) {
                assert_int_equal(cgroup_oom_kills(stage.group, &kills), 0);
                assert_int_equal(kills, 0);
                assert_int_equal(cgroup_count_oom_kill(stage.group), 0);
                assert_int_equal(cgroup_oom_kills(stage.group, &kills), 0);
                assert_int_equal(kills, 1);
                assert_int_equal(cgroup_count_oom_kill(stage.group), 0);
                assert_int_equal(cgroup_oom_kills(stage.group, &kills), 0);
                assert_int_equal(kills, 2);
        } else {
                assert_true(cgroup_count_oom_kill(stage.group) < 0);
        }
        expect_as_before(&stage);
        assert_int_equal(waitpid(stage.member, NULL, WNOHANG), 0);
        tear_down(&stage);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_group_with_a_process_hands_on_a_controller_for_a_while),
                cmocka_unit_test(a_controller_that_is_not_there_leaves_all_as_it_was),
                cmocka_unit_test(one_kill_is_counted_and_nobody_of_the_group_is_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
