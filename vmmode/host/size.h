/* What a guest has where its container's limits leave it open. */
#pragma once

#include "vmmode/host/config.h"
#include "vmmode/host/divide.h"

/* The configuration's values, or those of annotations that it allows. One that it does not allow has no effect but a
 * warning: whoever wrote it is a stranger. -EINVAL for a bad value of one that counts. */
int vm_size_ask(const struct vm_config *config, const struct oci_spec *spec, struct vm_size_defaults *defaults);
