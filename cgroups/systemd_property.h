/* Properties of systemd units as data, and the form in which berth hands them to its helper program (cgroups/systemd/).
 * Pure; linked into both. */
#pragma once

#include <stddef.h>

#include "base/arena.h"

/* A value is kept as the texts of its basic parts, in the order in which D-Bus marshals them. */
struct systemd_property {
        const char *name;
        const char *signature; /* D-Bus: one of SYSTEMD_BASIC_TYPES, an array of one ("as"), or "a(st)" */
        size_t n;              /* 1 for a basic type, even for "a(st)": device and number */
        const char *const *v;
};

#define SYSTEMD_BASIC_TYPES "bynqiuxtdsog"

struct systemd_properties {
        size_t n, room;
        struct systemd_property *v; /* in the arena that they were added with, as everything that they point to */
};

/* Adds a property, or puts it in the place of the one of that name. -ENOMEM with a message; *property's own members may
 * be NULL for that reason, too. */
int systemd_property_set(struct systemd_properties *properties, struct arena *arena,
                         const struct systemd_property *property);

/* The same for a value of one part. */
int systemd_property_set_one(struct systemd_properties *properties, struct arena *arena, const char *name,
                             const char *signature, const char *value);

/* NULL when there is none of that name. */
const struct systemd_property *systemd_property_find(const struct systemd_properties *properties, const char *name);

/* Whether the text is a value of a basic type in the one way of writing it: true or false, a decimal number in the
 * type's range, any text for s. -EINVAL, or -ERANGE; bare. */
int systemd_value_check(char type, const char *text);

/* ---- the form between two programs: fields that end in a NUL byte, NAME SIGNATURE N and N values ---- */

/* *data is malloc'ed, the caller's. */
int systemd_properties_encode(const struct systemd_properties *properties, char **data, size_t *size);

/* Refuses, with a message, everything that encode does not write. The properties point into data. */
int systemd_properties_decode(const char *data, size_t size, struct arena *arena,
                              struct systemd_properties *properties);
