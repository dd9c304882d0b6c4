/* Parents of a container's group that berth made on the way. */
#pragma once

/* Marks the group (a path below the tree's root) as made by berth: the last container below it takes it along. */
void cgroup_mark_parent(int root_fd, const char *name);
