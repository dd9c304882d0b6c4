/* A config.json of a stranger: oci_spec_parse takes or refuses it, with a message, and leaves nothing behind. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct oci_spec *spec = NULL;

        error_clear();
        if (oci_spec_parse((const char *)data, size, &spec) < 0) {
                if (spec || !error_message()[0])
                        abort();
                return 0;
        }
        /* What every reader may rely on. */
        if (!spec->oci_version || !spec->root_path[0] || (spec->process_set && spec->process.args.n == 0))
                abort();
        for (size_t i = 0; i < spec->mounts.n; i++) {
                if (spec->mounts.v[i].destination[0] != '/')
                        abort();
        }
        oci_spec_free(spec);
        return 0;
}
