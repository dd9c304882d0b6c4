#include "vmmode/host/vm_row.h"

#include <errno.h>

#include "base/error.h"

/* Until the VM wall is built, a container that asks for it fails at create, before anything is made. So no container
 * with this row exists, and no other operation is ever asked of it. */
static int create(const struct launch *launch, struct launched *launched)
{
        (void)launch;
        (void)launched;
        return refuse(ENOSYS, "VM isolation is not part of this version of berth; nothing was started");
}

const struct isolation_row vm_isolation = {.name = "vm", .create = create};
