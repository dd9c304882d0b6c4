/* The words of cgroup.controllers and cgroup.subtree_control as bits (enum cgroup_controller). */
#pragma once

#include <stddef.h>

/* "cpuset cpu io" -> bits. Words that berth does not know ("dmem") are no bit. */
unsigned cgroup_controllers_parse(const char *text);

/* The name of the lowest bit; "" for 0. */
const char *cgroup_controller_name(unsigned controllers);

/* The controller whose file this is, by its prefix ("memory.max" -> CGROUP_MEMORY); 0 for the core's own and for
 * unknown ones. */
unsigned cgroup_controller_of_file(const char *file);

/* "+cpu +memory", what cgroup.subtree_control wants. */
void cgroup_controllers_to_enable(unsigned controllers, char *text, size_t size);
