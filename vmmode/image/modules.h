/* Which modules of a kernel the guest needs, and in which order they are loaded. Pure: the texts of depmod's files
 * come in, a list of paths comes out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define MODULES_MAX 64 /* in one list */

struct module_wish {
        const char *name; /* with '_', as the kernel calls it */
        bool late;        /* loaded only when it is used; these stand behind the others */
        bool required;    /* without it there is no guest; the others are left out where the kernel has none */
};

struct module_list {
        size_t n;
        struct {
                const char *path; /* as in modules.dep: below its directory */
                const char *name; /* with '_', without ".ko" and what follows */
                bool late;
        } v[MODULES_MAX]; /* in load order */
};

/* What berth's guest wishes for. */
extern const struct module_wish guest_modules[];
extern const size_t n_guest_modules;

/* dep: modules.dep, each line "PATH: PATH..." with what a module depends on, the nearest first. builtin:
 * modules.builtin, a path each line: what is in the kernel itself. The list's strings are in the arena. -ENOENT with a
 * message that names a required module that is in neither, -EINVAL for a line that makes no sense, -E2BIG, -ENOMEM.
 * kernel: the release, for messages. */
int modules_choose(const char *kernel, const char *dep, const char *builtin, const struct module_wish *wishes,
                   size_t n_wishes, struct arena *arena, struct module_list *list);

/* The release that a module (uncompressed) says it was built for, in `release` (of `room` bytes, cut when longer).
 * -ENOENT, without a message, when it says nothing. */
int module_release(const void *module, size_t size, char *release, size_t room);
