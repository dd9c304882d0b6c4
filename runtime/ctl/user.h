/* Who the program of a container is: "root", "1000:1000", "www-data", "www-data:adm". Without a group it has, as after
 * a login, all that /etc/group gives it. */
#pragma once

#include <stdint.h>

#include "runtime/ctl/ctl.h"

#define USER_GROUPS_MOST 256

struct user {
        uint32_t uid, gid;
        char name[64]; /* "": nobody has the number */
        char home[256];
        uint32_t groups[USER_GROUPS_MOST]; /* its own among them, unless it may be in none */
        size_t n_groups;
};

/* Looks into the container's /etc/passwd and /etc/group. NULL: root. A name that is not there is -EINVAL. */
int user_find(const struct ctl *ctl, const struct ctl_container *container, const char *name, struct user *user);

/* The same for the text of an /etc/passwd; a group is taken when it is a number. Pure. */
int user_find_in(const char *passwd, const char *name, struct user *user);

/* The user's own group, if it is below `end`, and of the others those in whose lists its name is, by the text of an
 * /etc/group. Pure. */
void user_groups_in(const char *groups, uint64_t end, struct user *user);

/* A group's number by the text of an /etc/group. -EINVAL without it. Pure. */
int group_find_in(const char *groups, const char *name, uint32_t *gid);
