/* The groups below a group. */
#pragma once

/* Visits each direct sub-group with a descriptor of its parent and its name; stops at the first negative result and
 * returns it. A group that is gone has none. */
typedef int (*cgroup_child_visitor)(int parent_fd, const char *name, void *data);
int cgroup_each_child(int cgroup_fd, cgroup_child_visitor visit, void *data);
