/* The filter cache: right or a miss, never wrong. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "runtime/core/seccomp_cache.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

struct place {
        char directory[64];
        int root, cache;
};

static int make_place(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        strcpy(place->directory, "/tmp/berth-cache-XXXXXX");
        if (!mkdtemp(place->directory))
                return -1;
        place->root = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        place->cache = seccomp_cache_open(place->root);
        *state = place;
        return place->cache < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
        struct place *place = *state;

        close(place->root);
        close(place->cache);
        remove_tree_at(AT_FDCWD, place->directory);
        free(place);
        return 0;
}

static const char *mkdir_name[] = {"mkdir"};
static const char *split_names[] = {"mk", "dir"};

static struct oci_seccomp profile_of(struct oci_seccomp_rule *rule)
{
        return (struct oci_seccomp){.set = true, .default_action = SCMP_ACT_ALLOW, .n_rules = 1, .rules = rule};
}

/* The keys of two profiles, compared. */
static int keys_differ(const struct oci_seccomp *a, const struct oci_seccomp *b)
{
        char *key_a, *key_b;
        size_t size_a, size_b;
        int differ;

        assert_int_equal(seccomp_cache_key(a, &key_a, &size_a), 0);
        assert_int_equal(seccomp_cache_key(b, &key_b, &size_b), 0);
        differ = size_a != size_b || memcmp(key_a, key_b, size_a) != 0;
        free(key_a);
        free(key_b);
        return differ;
}

static void two_profiles_that_differ_only_in_errno_ret_do_not_share_a_filter(void **state)
{
        struct place *place = *state;
        struct oci_seccomp_rule rule_1 = {.names = {1, mkdir_name}, .action = SCMP_ACT_ERRNO(1)};
        struct oci_seccomp_rule rule_38 = {.names = {1, mkdir_name}, .action = SCMP_ACT_ERRNO(38)};
        struct oci_seccomp with_1 = profile_of(&rule_1), with_38 = profile_of(&rule_38);
        struct seccomp_program first, second, again;

        assert_int_equal(seccomp_prepare(&with_1, place->cache, &first), 0);
        assert_int_equal(seccomp_prepare(&with_38, place->cache, &second), 0);
        assert_int_equal(seccomp_prepare(&with_1, place->cache, &again), 0);
        assert_int_equal(first.n, second.n);
        assert_memory_not_equal(first.filter, second.filter, first.n * sizeof(*first.filter));
        assert_int_equal(first.n, again.n);
        assert_memory_equal(first.filter, again.filter, first.n * sizeof(*first.filter));
        seccomp_program_free(&first);
        seccomp_program_free(&second);
        seccomp_program_free(&again);
}

static void every_field_is_part_of_the_key(void **state)
{
        struct oci_seccomp_arg arg = {.index = 0, .value = 1, .value_two = 2, .op = SCMP_CMP_EQ}, other_arg;
        uint32_t arch = SCMP_ARCH_X86, other_arch = SCMP_ARCH_ARM;
        struct oci_seccomp_rule rule = {.names = {1, mkdir_name}, .action = SCMP_ACT_LOG, .n_args = 1, .args = &arg};
        struct oci_seccomp_rule other_rule = rule;
        struct oci_seccomp profile = profile_of(&rule), other = profile;

        (void)state;
        profile.n_architectures = other.n_architectures = 1;
        profile.architectures = other.architectures = &arch;
        other.rules = &other_rule;
        assert_false(keys_differ(&profile, &other));
#define CHANGED(field, value)                                                                                          \
        do {                                                                                                           \
                __typeof__(field) kept_ = (field);                                                                     \
                (field) = (value);                                                                                     \
                assert_true(keys_differ(&profile, &other));                                                            \
                (field) = kept_;                                                                                       \
                assert_false(keys_differ(&profile, &other));                                                           \
        } while (0)
        CHANGED(other.default_action, SCMP_ACT_LOG);
        CHANGED(other.n_architectures, 0);
        CHANGED(other.architectures, &other_arch);
        CHANGED(other.flags_set, true);
        CHANGED(other.flags, 2);
        CHANGED(other.n_rules, 0);
        CHANGED(other_rule.action, SCMP_ACT_TRAP);
        CHANGED(other_rule.names.v, split_names);
        CHANGED(other_rule.n_args, 0);
        other_arg = arg;
        other_rule.args = &other_arg;
        CHANGED(other_arg.index, 1);
        CHANGED(other_arg.value, 9);
        CHANGED(other_arg.value_two, 9);
        CHANGED(other_arg.op, SCMP_CMP_NE);
}

static void names_cannot_run_into_each_other(void **state)
{
        struct oci_seccomp_rule one = {.names = {1, mkdir_name}, .action = SCMP_ACT_LOG};
        struct oci_seccomp_rule two = {.names = {2, split_names}, .action = SCMP_ACT_LOG};
        struct oci_seccomp with_one = profile_of(&one), with_two = profile_of(&two);

        (void)state;
        assert_true(keys_differ(&with_one, &with_two));
}

static void the_listener_is_not_part_of_the_key(void **state)
{
        struct oci_seccomp_rule rule = {.names = {1, mkdir_name}, .action = SCMP_ACT_NOTIFY};
        struct oci_seccomp profile = profile_of(&rule), other = profile;

        (void)state;
        other.listener_path = "/run/agent";
        other.listener_metadata = "container 7";
        assert_false(keys_differ(&profile, &other));
}

/* ---- files ---- */

static const struct sock_filter small[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, 0x7fff0000}};

static int load(int cache, const char *key, struct sock_filter **filter)
{
        unsigned short n;

        *filter = NULL;
        return seccomp_cache_load(cache, key, strlen(key), filter, &n);
}

static void store(int cache, const char *key)
{
        assert_int_equal(seccomp_cache_store(cache, key, strlen(key), small, ELEMENTS(small)), 0);
}

/* The only entry's name. */
static void only_entry(int cache, char name[256])
{
        DIR *dir = fdopendir(openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct dirent *entry;

        name[0] = '\0';
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        assert_string_equal(name, "");
                        strcpy(name, entry->d_name);
                }
        closedir(dir);
        assert_string_not_equal(name, "");
}

static void what_was_stored_is_found(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        unsigned short n = 0;

        assert_int_equal(load(place->cache, "key", &filter), 0);
        store(place->cache, "key");
        assert_int_equal(seccomp_cache_load(place->cache, "key", 3, &filter, &n), 1);
        assert_int_equal(n, ELEMENTS(small));
        assert_memory_equal(filter, small, sizeof(small));
        free(filter);
}

static void a_damaged_file_is_a_miss_whichever_byte_it_is(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        char name[256], *data;
        size_t size;

        store(place->cache, "the key");
        only_entry(place->cache, name);
        assert_int_equal(read_file_at(place->cache, name, 4096, &data, &size), 0);
        for (size_t i = 0; i < size; i++) {
                data[i] ^= 0x10;
                assert_int_equal(replace_file_at(place->cache, name, data, size, 0600), 0);
                assert_int_equal(load(place->cache, "the key", &filter), 0);
                data[i] ^= 0x10;
        }
        for (size_t shorter = 0; shorter < size; shorter++) {
                assert_int_equal(replace_file_at(place->cache, name, data, shorter, 0600), 0);
                assert_int_equal(load(place->cache, "the key", &filter), 0);
        }
        assert_int_equal(replace_file_at(place->cache, name, data, size, 0600), 0);
        assert_int_equal(load(place->cache, "the key", &filter), 1);
        free(filter);
        free(data);
}

static void the_file_of_another_key_is_a_miss(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        char mine[256], other[256];

        /* As if both keys had one hash: the other's file under this key's name. */
        store(place->cache, "key A");
        only_entry(place->cache, mine);
        unlinkat(place->cache, mine, 0);
        store(place->cache, "key B");
        only_entry(place->cache, other);
        assert_int_equal(renameat(place->cache, other, place->cache, mine), 0);
        assert_int_equal(load(place->cache, "key A", &filter), 0);
}

static void a_file_that_others_may_write_is_a_miss(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        char name[256];

        store(place->cache, "key");
        only_entry(place->cache, name);
        assert_int_equal(fchmodat(place->cache, name, 0620, 0), 0);
        assert_int_equal(load(place->cache, "key", &filter), 0);
        assert_int_equal(fchmodat(place->cache, name, 0600, 0), 0);
        assert_int_equal(load(place->cache, "key", &filter), 1);
        free(filter);
}

static void a_symlink_is_a_miss(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        char name[256];

        store(place->cache, "key");
        only_entry(place->cache, name);
        assert_int_equal(renameat(place->cache, name, place->root, "elsewhere"), 0);
        assert_int_equal(symlinkat("../../elsewhere", place->cache, name), 0);
        assert_int_equal(load(place->cache, "key", &filter), 0);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
        struct place *place = *state;

        assert_int_equal(fchmodat(place->root, ".cache/seccomp", 0777, 0), 0);
        assert_int_equal(seccomp_cache_open(place->root), -EPERM);
        assert_non_null(strstr(error_message(), "seccomp"));
}

static void the_oldest_entry_goes_when_there_are_64(void **state)
{
        struct place *place = *state;
        struct sock_filter *filter;
        struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        char name[256], key[32];

        store(place->cache, "the first");
        only_entry(place->cache, name);
        assert_int_equal(utimensat(place->cache, name, old, 0), 0);
        for (int i = 1; i < SECCOMP_CACHE_ENTRIES; i++) {
                snprintf(key, sizeof(key), "key %d", i);
                store(place->cache, key);
        }
        assert_int_equal(load(place->cache, "the first", &filter), 1);
        free(filter);
        store(place->cache, "one more");
        assert_int_equal(load(place->cache, "the first", &filter), 0);
        for (int i = 1; i < SECCOMP_CACHE_ENTRIES; i++) {
                snprintf(key, sizeof(key), "key %d", i);
                assert_int_equal(load(place->cache, key, &filter), 1);
                free(filter);
        }
}

static void a_cache_that_cannot_be_written_does_not_stop_a_container(void **state)
{
        struct oci_seccomp_rule rule = {.names = {1, mkdir_name}, .action = SCMP_ACT_ERRNO(1)};
        struct oci_seccomp profile = profile_of(&rule);
        struct seccomp_program program;
        int not_a_directory = open("/dev/null", O_RDONLY | O_CLOEXEC);

        (void)state;
        assert_int_equal(seccomp_prepare(&profile, not_a_directory, &program), 0);
        assert_true(program.n > 0);
        seccomp_program_free(&program);
        close(not_a_directory);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_A_PLACE(two_profiles_that_differ_only_in_errno_ret_do_not_share_a_filter),
                cmocka_unit_test(every_field_is_part_of_the_key),
                cmocka_unit_test(names_cannot_run_into_each_other),
                cmocka_unit_test(the_listener_is_not_part_of_the_key),
                IN_A_PLACE(what_was_stored_is_found),
                IN_A_PLACE(a_damaged_file_is_a_miss_whichever_byte_it_is),
                IN_A_PLACE(the_file_of_another_key_is_a_miss),
                IN_A_PLACE(a_file_that_others_may_write_is_a_miss),
                IN_A_PLACE(a_symlink_is_a_miss),
                IN_A_PLACE(a_directory_that_others_may_write_is_refused),
                IN_A_PLACE(the_oldest_entry_goes_when_there_are_64),
                cmocka_unit_test(a_cache_that_cannot_be_written_does_not_stop_a_container),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
