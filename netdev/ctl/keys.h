/* Files of "key = value" lines, by tables. Comments begin with '#'. */
#pragma once

#include <stdio.h>

#include "netdev/ctlnet.h"

enum key_kind { KEY_TEXT, KEY_ADDRESS, KEY_MAC, KEY_MODE, KEY_UNSIGNED, KEY_U64, KEY_BOOL };

struct key {
        const char *name;
        enum key_kind kind;
        size_t offset; /* of the member */
        size_t size;   /* of a text's array */
};

/* What no row of the table has; -EINVAL for what is unknown or wrong. */
typedef int (*keys_other)(const char *name, const char *value, void *object);

/* Reads `text` (changed meanwhile) into the object. Messages say the line; callers add the file's name. */
int keys_parse(const struct key *keys, size_t n, char *text, keys_other other, void *object);

/* Writes what is not zero. */
void keys_print(const struct key *keys, size_t n, const void *object, FILE *file);

extern const char *const keys_modes[CTLNET_MODES];
