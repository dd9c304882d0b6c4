/* A plan as a damaged or hostile sender would write it (in VM isolation it crosses a machine's border). What plan_open
 * accepts must be safe to walk, whatever its steps refer to. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void read_list(const struct plan *plan, struct plan_list list)
{
        const char **v = list.n < 65536 ? calloc((size_t)list.n + 1, sizeof(*v)) : NULL;

        if (v && plan_strings(plan, list, v) >= 0) {
                for (uint32_t i = 0; i < list.n; i++)
                        sink += strlen(v[i]);
                if (v[list.n])
                        abort();
        }
        free(v);
}

static void read_bytes(const struct plan *plan, struct plan_blob blob)
{
        const uint64_t *bytes = plan_bytes(plan, blob);

        for (size_t i = 0; bytes && i < blob.size / sizeof(*bytes); i++)
                sink += bytes[i];
}

/* Every word of every step is taken for every kind of reference. */
static void read_step(const struct plan *plan, const struct plan_step *step)
{
        const uint32_t *words = plan_payload(step);

        sink += strlen(plan_step_name((enum plan_step_kind)step->kind));
        for (size_t i = 0; i < step->size / sizeof(*words); i++) {
                const char *text = plan_string(plan, words[i]);

                sink += text ? strlen(text) : 0;
                if (i + 1 < step->size / sizeof(*words)) {
                        read_list(plan, (struct plan_list){words[i], words[i + 1]});
                        read_bytes(plan, (struct plan_blob){words[i], words[i + 1]});
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct plan_step *step = NULL;
        struct plan plan;
        /* Aligned as a mapping is, and exactly as large. */
        void *block = malloc(size ? size : 1);

        if (!block)
                return 0;
        memcpy(block, data, size);
        if (size <= 65536 && plan_open(block, size, &plan) == 0)
                while ((step = plan_next(&plan, step)))
                        read_step(&plan, step);
        free(block);
        return 0;
}
