/* berth.conf. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/host/config.h"

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

static int set_up(void **state)
{
        static struct vm_config config;

        vm_config_default(&config);
        *state = &config;
        return 0;
}

static int tear_down(void **state)
{
        vm_config_free(*state);
        error_clear();
        return 0;
}

static int parse(struct vm_config *config, const char *text)
{
        return vm_config_parse("berth.conf", text, strlen(text), config);
}

static void every_key_is_taken(void **state)
{
        struct vm_config *config = *state;

        assert_int_equal(parse(config, "# the host's\n"
                                       "isolation = vm\n"
                                       "require-isolation=vm\n"
                                       "  kernel =  /boot/my kernel \r\n"
                                       "modules = /lib/modules/6.1\n"
                                       "\n"
                                       "memory = 1G\n"
                                       "memory-maximum = 8GiB\n"
                                       "memory-update-maximum = 4G\n"
                                       "memory-overhead = 32m\n"
                                       "vcpus = 4\n"
                                       "jail = filters\n"
                                       "vhost-net = off\n"
                                       "file-server = /usr/libexec/virtiofsd\n"
                                       "programs = /opt/berth\n"
                                       "cache = /srv/berth\n"
                                       "annotations = berth.vm.memory, berth.vm.vcpus"),
                         0);
        assert_int_equal(config->isolation, ISOLATION_VM);
        assert_int_equal(config->required, ISOLATION_VM);
        assert_string_equal(config->kernel, "/boot/my kernel");
        assert_string_equal(config->modules, "/lib/modules/6.1");
        assert_int_equal(config->memory, 1024 * MIB);
        assert_int_equal(config->memory_maximum, 8192 * MIB);
        assert_int_equal(config->memory_update_maximum, 4096 * MIB);
        assert_int_equal(config->memory_overhead, 32 * MIB);
        assert_int_equal(config->vcpus, 4);
        assert_string_equal(config->jail, "filters");
        assert_string_equal(config->vhost_net, "off");
        assert_string_equal(config->file_server, "/usr/libexec/virtiofsd");
        assert_string_equal(config->programs, "/opt/berth");
        assert_string_equal(config->cache, "/srv/berth");
        assert_true(vm_config_allows(config, "berth.vm.memory"));
        assert_true(vm_config_allows(config, "berth.vm.vcpus"));
        assert_false(vm_config_allows(config, "berth.vm.mem"));
}

static void nothing_said_means_the_defaults(void **state)
{
        struct vm_config *config = *state;

        assert_int_equal(parse(config, "# isolation = vm\n\n"), 0);
        assert_int_equal(config->isolation, ISOLATION_UNSET);
        assert_int_equal(config->required, ISOLATION_UNSET);
        assert_null(config->kernel);
        assert_string_equal(config->vhost_net, "auto");
        assert_int_equal(config->memory, 2048 * MIB);
        assert_int_equal(config->memory_maximum, 0);
        assert_string_equal(config->cache, "/var/cache/berth");
        assert_false(vm_config_allows(config, "berth.vm.memory"));
}

static void a_later_file_is_over_an_earlier_one(void **state)
{
        struct vm_config *config = *state;

        assert_int_equal(parse(config, "memory = 1G\nvcpus = 2\nannotations = berth.vm.vcpus\n"), 0);
        assert_int_equal(parse(config, "memory = 512M\nannotations =\n"), 0);
        assert_int_equal(config->memory, 512 * MIB);
        assert_int_equal(config->vcpus, 2);
        assert_false(vm_config_allows(config, "berth.vm.vcpus"));
}

static void a_later_file_cannot_take_back_what_the_host_demands(void **state)
{
        struct vm_config *config = *state;

        assert_int_equal(parse(config, "require-isolation = vm"), 0);
        assert_int_equal(parse(config, "require-isolation = vm"), 0);
        assert_int_equal(parse(config, "\nrequire-isolation = process"), -EINVAL);
        assert_string_equal(error_message(), "berth.conf:2: require-isolation: the host demands the other one "
                                             "(/etc/berth/berth.conf)");
}

static const struct {
        const char *text, *message;
} wrong[] = {
        {"isolation = vm\ncolour = red", "berth.conf:2: colour: no such key"},
        {"isolation", "berth.conf:1: expected \"key = value\""},
        {"= vm", "berth.conf:1: : no such key"},
        {"isolation =", "berth.conf:1: isolation: no value"},
        {"isolation = docker", "berth.conf:1: isolation: expected process or vm"},
        {"isolation = vm # always", "berth.conf:1: isolation: expected process or vm"},
        {"vcpus = 1\n\nvcpus = 2", "berth.conf:3: vcpus: given before, on line 1"},
        {"kernel = vmlinuz", "berth.conf:1: kernel: expected an absolute path"},
        {"kernel = none", "berth.conf:1: kernel: expected an absolute path"},
        {"memory = lots", "berth.conf:1: memory: expected a number of bytes, such as 512M or 2G"},
        {"memory = -1", "berth.conf:1: memory: expected a number of bytes, such as 512M or 2G"},
        {"memory = 99999999999G", "berth.conf:1: memory: expected a number of bytes, such as 512M or 2G"},
        {"memory = 64M", "berth.conf:1: memory: less than a guest needs (128M)"},
        {"memory-maximum = 1M", "berth.conf:1: memory-maximum: less than a guest needs (128M)"},
        {"vcpus = 0", "berth.conf:1: vcpus: expected a number from 1 to 240"},
        {"vcpus = 241", "berth.conf:1: vcpus: expected a number from 1 to 240"},
        {"vcpus = 1.5", "berth.conf:1: vcpus: expected a number from 1 to 240"},
        {"annotations = berth.isolation",
         "berth.conf:1: annotations: only berth.vm.memory and berth.vm.vcpus can be allowed"},
        {"isolation = process\nrequire-isolation = vm", "berth.conf: isolation contradicts require-isolation"},
        {"memory = 4G\nmemory-maximum = 2G", "berth.conf: memory (4096 MiB) is more than memory-maximum (2048 MiB)"},
        {"memory-update-maximum = 2G\nmemory-maximum = 2G",
         "berth.conf: memory-update-maximum (2048 MiB) and the 64 MiB of a guest's kernel are more than memory-maximum "
         "(2048 MiB)"},
        {"memory-update-maximum = much",
         "berth.conf:1: memory-update-maximum: expected a number of bytes, such as 512M or 2G"},
        {"vhost-net = on", "berth.conf:1: vhost-net: expected auto or off"},
        {"jail = none", "berth.conf:1: jail: expected strict or filters"},
};

static void what_is_wrong_is_said_with_file_and_line(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                struct vm_config config;

                vm_config_default(&config);
                assert_int_equal(parse(&config, wrong[i].text), -EINVAL);
                assert_string_equal(error_message(), wrong[i].message);
                vm_config_free(&config);
        }
}

static void a_nul_byte_does_not_end_the_file(void **state)
{
        static const char text[] = "vcpus = 1\n\0isolation = nonsense\n";

        assert_int_equal(vm_config_parse("berth.conf", text, sizeof(text) - 1, *state), -EINVAL);
}

static void long_lists_have_an_end(void **state)
{
        assert_int_equal(parse(*state, "annotations = berth.vm.vcpus berth.vm.memory berth.vm.vcpus"), -EINVAL);
        assert_string_equal(error_message(), "berth.conf:1: annotations: more annotations than there are");
}

/* Run from the top of the sources, as all unit tests are. */
static void the_sample_shows_every_key_with_a_value_that_is_taken(void **state)
{
        FILE *sample = fopen("share/berth.conf", "re");
        char line[256], error[512];
        int keys = 0;

        assert_non_null(sample);
        while (fgets(line, sizeof(line), sample)) {
                struct vm_config config;

                if (line[0] == '\n' || line[1] == ' ' || line[1] == '\n')
                        continue;
                assert_int_equal(line[0], '#');
                vm_config_default(&config);
                if (parse(&config, line + 1) < 0) {
                        snprintf(error, sizeof(error), "%s%s", line, error_message());
                        fail_msg("%s", error);
                }
                vm_config_free(&config);
                keys++;
        }
        fclose(sample);
        assert_int_equal(keys, 15);
        (void)state;
}

/* ---- files ---- */

struct files {
        char directory[64], system[96], own[128];
        struct vm_config_place place;
};

static void put(const char *path, const char *text, mode_t mode)
{
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, mode), 0);
}

static void make_files(struct files *files)
{
        char path[128];

        strcpy(files->directory, "/tmp/vm_config_test.XXXXXX");
        assert_non_null(mkdtemp(files->directory));
        snprintf(files->system, sizeof(files->system), "%s/system.conf", files->directory);
        snprintf(path, sizeof(path), "%s/.config", files->directory);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/.config/berth", files->directory);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(files->own, sizeof(files->own), "%s/berth.conf", path);
        files->place = (struct vm_config_place){.system = files->system, .is_user = true, .home = files->directory};
}

static void remove_files(const struct files *files)
{
        char path[128];

        unlink(files->system);
        unlink(files->own);
        snprintf(path, sizeof(path), "%s/.config/berth", files->directory);
        rmdir(path);
        *strrchr(path, '/') = '\0';
        rmdir(path);
        assert_int_equal(rmdir(files->directory), 0);
}

static void an_ordinary_user_has_a_file_and_a_cache_of_his_own(void **state)
{
        struct vm_config *config = *state;
        struct files files;
        char cache[128];

        make_files(&files);
        snprintf(cache, sizeof(cache), "%s/.cache/berth", files.directory);
        assert_int_equal(vm_config_load(&files.place, config), 0);
        assert_string_equal(config->cache, cache);
        vm_config_free(config);
        put(files.system, "vcpus = 2\nmemory = 1G\ncache = /srv/roots\n", 0644);
        put(files.own, "vcpus = 3\n", 0600);
        assert_int_equal(vm_config_load(&files.place, config), 0);
        assert_int_equal(config->vcpus, 3);
        assert_int_equal(config->memory, 1024 * MIB);
        assert_string_equal(config->cache, cache);
        vm_config_free(config);
        files.place.is_user = false;
        assert_int_equal(vm_config_load(&files.place, config), 0);
        assert_int_equal(config->vcpus, 2);
        assert_string_equal(config->cache, "/srv/roots");
        remove_files(&files);
}

static void a_file_that_others_may_write_to_is_refused(void **state)
{
        struct files files;

        make_files(&files);
        put(files.own, "vcpus = 3\n", 0666);
        assert_int_equal(vm_config_load(&files.place, *state), -EPERM);
        assert_non_null(strstr(error_message(), "others may write to it (mode 0666)"));
        vm_config_free(*state);
        put(files.own, "", 0600);
        put(files.system, "vcpus = 3\n", 0664);
        assert_int_equal(vm_config_load(&files.place, *state), -EPERM);
        remove_files(&files);
}

static void relative_places_are_ignored(void **state)
{
        const struct vm_config_place place = {
                .system = "/nonexistent/berth.conf", .is_user = true, .config_home = "x", .cache_home = "y"};
        struct vm_config *config = *state;

        assert_int_equal(vm_config_load(&place, config), 0);
        assert_string_equal(config->cache, "/var/cache/berth");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_key_is_taken, set_up, tear_down),
                cmocka_unit_test_setup_teardown(nothing_said_means_the_defaults, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_later_file_is_over_an_earlier_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_later_file_cannot_take_back_what_the_host_demands, set_up, tear_down),
                cmocka_unit_test(what_is_wrong_is_said_with_file_and_line),
                cmocka_unit_test_setup_teardown(a_nul_byte_does_not_end_the_file, set_up, tear_down),
                cmocka_unit_test_setup_teardown(long_lists_have_an_end, set_up, tear_down),
                cmocka_unit_test(the_sample_shows_every_key_with_a_value_that_is_taken),
                cmocka_unit_test_setup_teardown(an_ordinary_user_has_a_file_and_a_cache_of_his_own, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_file_that_others_may_write_to_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(relative_places_are_ignored, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
