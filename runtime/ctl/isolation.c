/* Which wall a container gets. */
#include <string.h>

#include "base/error.h"
#include "runtime/ctl/ctl.h"
#include "vmmode/host/config.h"

enum isolation ctl_isolation(const struct settings *settings)
{
        enum isolation isolation;
        struct vm_config config;

        if (settings->isolation)
                return strcmp(settings->isolation, "vm") == 0 ? ISOLATION_VM : ISOLATION_PROCESS;
        if (vm_config_load_here(&config) < 0) {
                error_clear();
                return ISOLATION_UNSET;
        }
        isolation = config.required ? config.required : config.isolation;
        vm_config_free(&config);
        return isolation;
}
