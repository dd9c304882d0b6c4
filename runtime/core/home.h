/* HOME for a program whose configuration names none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HOME_MAX 1024

/* The home directory of the user id by the container's own /etc/passwd, "/" when it has none. Only this is ever read
 * from an image's passwd: who somebody is, the configuration says in numbers (CVE-2016-3697). */
void home_directory(uint32_t uid, char *home, size_t size);
