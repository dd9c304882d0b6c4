/* The vm row of the isolation table. */
#pragma once

#include "runtime/core/isolation.h"

extern const struct isolation_row vm_isolation;
