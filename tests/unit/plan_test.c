/* The block of a plan: what the builder makes is read back, and no damaged block is believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/core/plan.h"

#include <cmocka.h>

/* A plan of three steps, malloc'ed exactly as large as it is: ASan sees every read beyond. */
static void *make(size_t *size)
{
        static const char *const args[] = {"/bin/true", "", "third"};
        static const uint32_t groups[] = {1, 2, 3};
        struct plan_builder builder = {0};
        plan_text hostname = plan_put(&builder, "web");
        struct plan_list list = plan_put_list(&builder, args, ELEMENTS(args));
        struct plan_blob blob = plan_put_bytes(&builder, groups, sizeof(groups));
        struct step_hostname *names = PLAN_ADD(&builder, HOSTNAME, hostname);
        struct step_user *user;
        struct step_prepare *prepare;
        void *block;

        names->hostname = hostname;
        user = PLAN_ADD(&builder, USER, user);
        user->uid = 7;
        user->groups = blob;
        prepare = PLAN_ADD(&builder, PREPARE, prepare);
        prepare->args = list;
        assert_int_equal(plan_finish(&builder, &block, size), 0);
        return block;
}

static const struct plan_step *expect_step(const struct plan *plan, const struct plan_step *before, int kind)
{
        const struct plan_step *step = plan_next(plan, before);

        assert_non_null(step);
        assert_int_equal(step->kind, kind);
        return step;
}

static void what_is_put_in_comes_out(void **state)
{
        _cleanup_free_ void *block = NULL;
        const struct plan_step *step;
        const struct step_user *user;
        const char *v[4];
        struct plan plan;
        size_t size;

        (void)state;
        block = make(&size);
        assert_int_equal(plan_open(block, size, &plan), 0);
        step = expect_step(&plan, NULL, STEP_HOSTNAME);
        assert_string_equal(plan_string(&plan, ((const struct step_hostname *)plan_payload(step))->hostname), "web");
        assert_null(plan_string(&plan, ((const struct step_hostname *)plan_payload(step))->domainname));
        step = expect_step(&plan, step, STEP_USER);
        user = plan_payload(step);
        assert_int_equal(user->uid, 7);
        assert_int_equal(user->groups.size, 12);
        assert_int_equal(((const uint32_t *)plan_bytes(&plan, user->groups))[2], 3);
        step = expect_step(&plan, step, STEP_PREPARE);
        assert_int_equal(plan_strings(&plan, ((const struct step_prepare *)plan_payload(step))->args, v), 3);
        assert_string_equal(v[0], "/bin/true");
        assert_string_equal(v[1], "");
        assert_string_equal(v[2], "third");
        assert_null(v[3]);
        assert_null(plan_next(&plan, step));
}

static void an_empty_plan_is_a_plan(void **state)
{
        _cleanup_free_ void *block = NULL;
        struct plan_builder builder = {0};
        struct plan plan;
        size_t size;

        (void)state;
        assert_int_equal(plan_finish(&builder, &block, &size), 0);
        assert_int_equal(plan_open(block, size, &plan), 0);
        assert_null(plan_next(&plan, NULL));
        assert_null(plan_string(&plan, 0));
}

static void every_kind_of_step_has_a_name_and_fits(void **state)
{
        (void)state;
        for (int kind = 1; kind < STEP_KINDS; kind++) {
                _cleanup_free_ void *block = NULL;
                struct plan_builder builder = {0};
                struct plan plan;
                size_t size;

                memset(plan_add(&builder, (enum plan_step_kind)kind), 0, 4);
                assert_int_equal(plan_finish(&builder, &block, &size), 0);
                assert_int_equal(plan_open(block, size, &plan), 0);
                expect_step(&plan, NULL, kind);
                assert_true(strlen(plan_step_name((enum plan_step_kind)kind)) > 2);
        }
        assert_string_equal(plan_step_name(STEP_KINDS), "unknown");
}

static void expect_refusal(const void *block, size_t size, const char *message)
{
        struct plan plan;

        assert_int_equal(plan_open(block, size, &plan), -EINVAL);
        assert_string_equal(error_message(), message);
}

static void a_plan_cut_off_anywhere_is_refused(void **state)
{
        _cleanup_free_ char *block = NULL;
        size_t size;

        (void)state;
        block = make(&size);
        for (size_t n = 0; n < size; n++) {
                _cleanup_free_ char *part = malloc(n ? n : 1);
                struct plan plan;

                memcpy(part, block, n);
                if (plan_open(part, n, &plan) == 0)
                        fail_msg("the first %zu of %zu bytes are taken for a plan", n, size);
        }
}

static void another_version_is_refused(void **state)
{
        _cleanup_free_ void *block = NULL;
        struct plan_header *header;
        size_t size;

        (void)state;
        header = block = make(&size);
        header->version++;
        expect_refusal(block, size, "plan: not one of this version");
        header->version--;
        header->magic ^= 1;
        expect_refusal(block, size, "plan: not one of this version");
}

static void parts_outside_of_the_block_are_refused(void **state)
{
        _cleanup_free_ void *block = NULL;
        struct plan_header *header, good;
        size_t size;

        (void)state;
        header = block = make(&size);
        good = *header;
        for (int i = 0; i < 10; i++) {
                const uint32_t wrong[] = {UINT32_MAX, UINT32_MAX - 7, (uint32_t)size + 8, (uint32_t)size};

                for (size_t j = 0; j < ELEMENTS(wrong); j++) {
                        struct plan plan;

                        *header = good;
                        *(i % 4 == 0   ? &header->steps_at
                          : i % 4 == 1 ? &header->steps_size
                          : i % 4 == 2 ? &header->pool_at
                                       : &header->pool_size) = wrong[j];
                        assert_int_equal(plan_open(block, size, &plan), -EINVAL);
                }
        }
        *header = good;
        header->steps_at += 4;
        header->steps_size -= 8;
        expect_refusal(block, size, "plan: parts outside of the block");
        *header = good;
        header->pool_at += 1;
        header->pool_size -= 1;
        expect_refusal(block, size, "plan: parts outside of the block");
        *header = good;
        header->pool_size = 0;
        expect_refusal(block, size, "plan: parts outside of the block");
}

static void a_pool_whose_last_string_does_not_end_is_refused(void **state)
{
        _cleanup_free_ char *block = NULL;
        size_t size;

        (void)state;
        block = make(&size);
        block[size - 1] = 'x';
        expect_refusal(block, size, "plan: the pool does not end");
}

static struct plan_step *first_step(char *block)
{
        return (struct plan_step *)(void *)(block + ((struct plan_header *)(void *)block)->steps_at);
}

static void steps_that_are_damaged_are_refused(void **state)
{
        _cleanup_free_ char *block = NULL;
        struct plan_header *header;
        struct plan_step *step, good;
        size_t size;

        (void)state;
        block = make(&size);
        header = (struct plan_header *)(void *)block;
        step = first_step(block);
        good = *step;
        step->kind = STEP_NONE;
        expect_refusal(block, size, "plan: unknown step 0");
        step->kind = STEP_KINDS;
        assert_int_equal(plan_open(block, size, &(struct plan){0}), -EINVAL);
        step->kind = UINT16_MAX;
        expect_refusal(block, size, "plan: unknown step 65535");
        *step = good;
        step->size += 8;
        expect_refusal(block, size, "plan: step hostname has the wrong size");
        step->size = 0;
        expect_refusal(block, size, "plan: step hostname has the wrong size");
        step->size = UINT16_MAX;
        expect_refusal(block, size, "plan: step hostname has the wrong size");
        *step = good;
        step->kind = STEP_MOUNT; /* larger than what is there */
        expect_refusal(block, size, "plan: step mount has the wrong size");
        *step = good;
        header->steps_size -= 8;
        expect_refusal(block, size, "plan: step prepare has the wrong size");
        header->steps_size = 4;
        expect_refusal(block, size, "plan: a step is cut off");
}

static void references_outside_of_the_pool_are_nothing(void **state)
{
        _cleanup_free_ void *block = NULL;
        struct plan plan;
        uint32_t pool;
        const char *v[8];
        size_t size;

        (void)state;
        block = make(&size);
        assert_int_equal(plan_open(block, size, &plan), 0);
        pool = plan.header->pool_size;
        assert_null(plan_string(&plan, pool));
        assert_null(plan_string(&plan, UINT32_MAX));
        assert_string_equal(plan_string(&plan, pool - 1), "");
        assert_null(plan_bytes(&plan, (struct plan_blob){pool, 8}));
        assert_null(plan_bytes(&plan, (struct plan_blob){8, pool}));
        assert_null(plan_bytes(&plan, (struct plan_blob){UINT32_MAX - 7, 8}));
        assert_null(plan_bytes(&plan, (struct plan_blob){0, UINT32_MAX}));
        assert_null(plan_bytes(&plan, (struct plan_blob){4, 4})); /* not aligned for what is in it */
        assert_int_equal(plan_strings(&plan, (struct plan_list){pool, 1}, v), -EINVAL);
        assert_int_equal(plan_strings(&plan, (struct plan_list){pool - 1, 2}, v), -EINVAL);
        assert_int_equal(plan_strings(&plan, (struct plan_list){UINT32_MAX, 1}, v), -EINVAL);
        assert_int_equal(plan_strings(&plan, (struct plan_list){UINT32_MAX, 0}, v), 0);
        assert_null(v[0]);
}

/* The caller has n + 1 places; with n the largest number that sum is 0. */
static void a_list_longer_than_the_pool_is_refused_before_anything_is_written(void **state)
{
        _cleanup_free_ void *block = NULL;
        const char *v[1] = {"untouched"};
        struct plan plan;
        size_t size;

        (void)state;
        block = make(&size);
        assert_int_equal(plan_open(block, size, &plan), 0);
        assert_int_equal(plan_strings(&plan, (struct plan_list){8, UINT32_MAX}, v), -EINVAL);
        assert_string_equal(v[0], "untouched");
}

static void large_plans_grow_and_stay_whole(void **state)
{
        _cleanup_free_ char *text = malloc(100000);
        _cleanup_free_ void *block = NULL;
        struct plan_builder builder = {0};
        const struct plan_step *step = NULL;
        struct plan plan;
        size_t size;

        (void)state;
        memset(text, 'p', 99999);
        text[99999] = '\0';
        for (int i = 0; i < 500; i++) {
                plan_text path = plan_put(&builder, text + 99999 - i);

                PLAN_ADD(&builder, READONLY_PATH, readonly_path)->path = path;
        }
        assert_int_equal(plan_put(&builder, NULL), 0);
        assert_int_equal(plan_finish(&builder, &block, &size), 0);
        assert_int_equal(plan_open(block, size, &plan), 0);
        for (size_t i = 0; i < 500; i++) {
                step = expect_step(&plan, step, STEP_READONLY_PATH);
                assert_int_equal(
                        strlen(plan_string(&plan, ((const struct step_readonly_path *)plan_payload(step))->path)), i);
        }
}

static void a_plan_that_is_too_large_is_an_error_and_not_a_crash(void **state)
{
        _cleanup_free_ char *text = malloc((size_t)33 << 20);
        struct plan_builder builder = {0};
        void *block = NULL;
        size_t size;

        (void)state;
        memset(text, 'p', ((size_t)33 << 20) - 1);
        text[((size_t)33 << 20) - 1] = '\0';
        assert_true(plan_put(&builder, text) > 0);
        assert_int_equal(plan_put(&builder, text), 0);
        PLAN_ADD(&builder, MOUNT, mount)->index = 1;
        PLAN_ADD(&builder, EXEC, exec)->unused = 1;
        assert_int_equal(plan_put_bytes(&builder, text, 10).size, 0);
        assert_int_equal(plan_finish(&builder, &block, &size), -ENOMEM);
        assert_null(block);
        assert_null(builder.pool);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_put_in_comes_out),
                cmocka_unit_test(an_empty_plan_is_a_plan),
                cmocka_unit_test(every_kind_of_step_has_a_name_and_fits),
                cmocka_unit_test(a_plan_cut_off_anywhere_is_refused),
                cmocka_unit_test(another_version_is_refused),
                cmocka_unit_test(parts_outside_of_the_block_are_refused),
                cmocka_unit_test(a_pool_whose_last_string_does_not_end_is_refused),
                cmocka_unit_test(steps_that_are_damaged_are_refused),
                cmocka_unit_test(references_outside_of_the_pool_are_nothing),
                cmocka_unit_test(a_list_longer_than_the_pool_is_refused_before_anything_is_written),
                cmocka_unit_test(large_plans_grow_and_stay_whole),
                cmocka_unit_test(a_plan_that_is_too_large_is_an_error_and_not_a_crash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
