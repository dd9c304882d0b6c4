#include "runtime/core/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define PLAN_MAGIC    0x6e616c70U /* "plan" */
#define PLAN_VERSION  1U
#define PLAN_SIZE_MAX ((size_t)64 << 20)
#define ALIGN8(n)     (((n) + 7) & ~(size_t)7)

static const struct {
        const char *name;
        size_t size;
} step_kinds[STEP_KINDS] = {[STEP_NONE] = {"none", 0},
#define X(upper, lower) [STEP_##upper] = {#lower, sizeof(struct step_##lower)},
                            PLAN_STEPS(X)
#undef X
};

const char *plan_step_name(enum plan_step_kind kind)
{
        return kind < STEP_KINDS ? step_kinds[kind].name : "unknown";
}

/* ---- reading ---- */

static bool lies_within(size_t at, size_t size, size_t whole)
{
        return at <= whole && size <= whole - at;
}

static int check_steps(const struct plan *plan)
{
        const char *p = plan->block + plan->header->steps_at;
        size_t left = plan->header->steps_size;

        while (left) {
                const struct plan_step *step = (const struct plan_step *)(const void *)p;
                size_t whole;

                if (left < sizeof(*step))
                        return refuse(EINVAL, "plan: a step is cut off");
                whole = sizeof(*step) + step->size;
                if (step->kind == STEP_NONE || step->kind >= STEP_KINDS)
                        return refuse(EINVAL, "plan: unknown step %u", step->kind);
                if (step->size != ALIGN8(step_kinds[step->kind].size) || whole > left)
                        return refuse(EINVAL, "plan: step %s has the wrong size", step_kinds[step->kind].name);
                p += whole;
                left -= whole;
        }
        return 0;
}

int plan_open(const void *block, size_t size, struct plan *plan)
{
        const struct plan_header *header = block;

        if (size < sizeof(*header) || header->magic != PLAN_MAGIC || header->version != PLAN_VERSION)
                return refuse(EINVAL, "plan: not one of this version");
        if (header->steps_at % 8 || !lies_within(header->steps_at, header->steps_size, size) || header->pool_at % 8 ||
            !lies_within(header->pool_at, header->pool_size, size) || header->pool_size == 0)
                return refuse(EINVAL, "plan: parts outside of the block");
        plan->block = block;
        plan->size = size;
        plan->header = header;
        /* Every string of the pool ends inside it. */
        if (plan->block[header->pool_at + header->pool_size - 1] != '\0')
                return refuse(EINVAL, "plan: the pool does not end");
        return check_steps(plan);
}

const struct plan_step *plan_next(const struct plan *plan, const struct plan_step *step)
{
        const char *start = plan->block + plan->header->steps_at;
        const char *p = step ? (const char *)(step + 1) + step->size : start;

        return p < start + plan->header->steps_size ? (const struct plan_step *)(const void *)p : NULL;
}

const char *plan_string(const struct plan *plan, plan_text text)
{
        if (text == 0 || text >= plan->header->pool_size)
                return NULL;
        return plan->block + plan->header->pool_at + text;
}

int plan_strings(const struct plan *plan, struct plan_list list, const char **v)
{
        size_t at = list.at;

        /* Every string has at least its NUL: the caller's places for more than that are never written to. */
        if (list.n > plan->header->pool_size)
                return -EINVAL;
        for (uint32_t i = 0; i < list.n; i++) {
                if (at >= plan->header->pool_size)
                        return -EINVAL;
                v[i] = plan->block + plan->header->pool_at + at;
                at += strlen(v[i]) + 1;
        }
        v[list.n] = NULL;
        return (int)list.n;
}

const void *plan_bytes(const struct plan *plan, struct plan_blob blob)
{
        if (blob.at % 8 || !lies_within(blob.at, blob.size, plan->header->pool_size))
                return NULL;
        return plan->block + plan->header->pool_at + blob.at;
}

/* ---- making ---- */

/* Room for `more` bytes at the end of a growing buffer; the new bytes are zero. */
static char *grow(struct plan_builder *builder, char **buffer, size_t *used, size_t *room, size_t more)
{
        char *place;

        if (builder->failed || *used + more > PLAN_SIZE_MAX) {
                builder->failed = true;
                return NULL;
        }
        if (*used + more > *room) {
                size_t bigger = (*used + more) * 2 < 4096 ? 4096 : (*used + more) * 2;
                char *moved = realloc(*buffer, bigger);

                if (!moved) {
                        builder->failed = true;
                        return NULL;
                }
                *buffer = moved;
                *room = bigger;
        }
        place = *buffer + *used;
        memset(place, 0, more);
        *used += more;
        return place;
}

void *plan_add(struct plan_builder *builder, enum plan_step_kind kind)
{
        static union {
                char bytes[512];
                uint64_t align;
        } scratch;
        size_t size = ALIGN8(step_kinds[kind].size);
        struct plan_step *step = (void *)grow(builder, &builder->steps, &builder->steps_size, &builder->steps_room,
                                              sizeof(*step) + size);

        if (!step)
                return &scratch;
        step->kind = (uint16_t)kind;
        step->size = (uint16_t)size;
        return step + 1;
}

/* Offset 0 means "absent": the pool begins with a byte that nothing refers to. */
static char *pool_room(struct plan_builder *builder, size_t size)
{
        if (builder->pool_size == 0 && !grow(builder, &builder->pool, &builder->pool_size, &builder->pool_room, 8))
                return NULL;
        return grow(builder, &builder->pool, &builder->pool_size, &builder->pool_room, size);
}

plan_text plan_put(struct plan_builder *builder, const char *text)
{
        size_t size;
        char *place;

        if (!text)
                return 0;
        size = strlen(text) + 1;
        place = pool_room(builder, size);
        if (!place)
                return 0;
        memcpy(place, text, size);
        return (plan_text)(place - builder->pool);
}

struct plan_list plan_put_list(struct plan_builder *builder, const char *const *v, size_t n)
{
        struct plan_list list = {0, 0};

        for (size_t i = 0; i < n; i++) {
                plan_text text = plan_put(builder, v[i]);

                if (i == 0)
                        list.at = text;
                list.n++;
        }
        return list;
}

struct plan_blob plan_put_bytes(struct plan_builder *builder, const void *data, size_t size)
{
        struct plan_blob blob = {0, 0};
        char *place;

        if (size == 0)
                return blob;
        if (!pool_room(builder, 0))
                return blob;
        if (builder->pool_size % 8 && !pool_room(builder, 8 - builder->pool_size % 8))
                return blob;
        place = pool_room(builder, size);
        if (!place)
                return blob;
        memcpy(place, data, size);
        blob.at = (uint32_t)(place - builder->pool);
        blob.size = (uint32_t)size;
        return blob;
}

int plan_finish(struct plan_builder *builder, void **block, size_t *size)
{
        struct plan_header header = {.magic = PLAN_MAGIC, .version = PLAN_VERSION};
        _cleanup_free_ char *whole = NULL;

        (void)pool_room(builder, 1);
        header.steps_at = (uint32_t)ALIGN8(sizeof(header));
        header.steps_size = (uint32_t)builder->steps_size;
        header.pool_at = (uint32_t)(header.steps_at + builder->steps_size);
        header.pool_size = (uint32_t)builder->pool_size;
        if (!builder->failed)
                whole = calloc(1, header.pool_at + builder->pool_size);
        if (!whole) {
                plan_builder_free(builder);
                return fail(ENOMEM, "make the plan");
        }
        memcpy(whole, &header, sizeof(header));
        if (builder->steps_size)
                memcpy(whole + header.steps_at, builder->steps, builder->steps_size);
        memcpy(whole + header.pool_at, builder->pool, builder->pool_size);
        *size = header.pool_at + builder->pool_size;
        *block = take_ptr(&whole);
        plan_builder_free(builder);
        return 0;
}

void plan_builder_free(struct plan_builder *builder)
{
        free(builder->steps);
        free(builder->pool);
        *builder = (struct plan_builder){0};
}
