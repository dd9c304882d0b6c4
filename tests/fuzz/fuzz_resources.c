/* What `update --resources -` reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct oci_resources resources;
        struct arena arena = {0};

        error_clear();
        if (oci_resources_parse((const char *)data, size, &arena, &resources) < 0) {
                if (!error_message()[0])
                        abort();
        } else {
                for (size_t i = 0; i < resources.unified.n; i++) {
                        if (strchr(resources.unified.v[i].key, '/') || !resources.unified.v[i].value)
                                abort();
                }
        }
        arena_free(&arena);
        return 0;
}
