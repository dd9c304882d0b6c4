/* Writing into id-mapped mounts: nobody can make a file there whose ids the map has not, and root of the host is none
 * of them. */
#pragma once

#include <stdint.h>

/* What this process makes belongs to this user and group from now on; its privileges stay. *before: for write_as_self,
 * also after a failure. */
int write_as(uint32_t uid, uint32_t gid, int *before);
void write_as_self(int before);
