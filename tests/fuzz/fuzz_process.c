/* What `exec --process FILE` reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct oci_process process;
        struct arena arena = {0};

        error_clear();
        if (oci_process_parse((const char *)data, size, &arena, &process) < 0) {
                if (!error_message()[0])
                        abort();
        } else {
                if (process.args.n == 0 || process.cwd[0] != '/')
                        abort();
                for (size_t i = 0; i < process.env.n; i++) {
                        if (!strchr(process.env.v[i], '=') || process.env.v[i][0] == '=')
                                abort();
                }
        }
        arena_free(&arena);
        return 0;
}
