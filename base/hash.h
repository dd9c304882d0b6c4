/* FNV-1a, 64 bits: names things and finds damage. Nothing that somebody else may want to forge. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325ULL

/* Goes on with a hash, or begins with HASH_START. */
static inline uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
        const unsigned char *p = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * 0x100000001b3ULL;
        return hash;
}
