/* Limits as parts of a message. */
#pragma once

#include "cgroups/cgroup.h"
#include "vmmode/protocol/message.h"

void writes_put(struct message_builder *builder, const struct cgroup_writes *writes);
