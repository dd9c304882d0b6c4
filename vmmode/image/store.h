/* Writing the image cache: entries that appear whole, and go when what they were made from is gone. Two at once do no
 * harm: the first one's entry stays, the other's is dropped. */
#pragma once

#include "vmmode/image/entry.h"

struct store_part {
        const char *name;
        const void *data;
        size_t size;
};

/* Makes the cache's directory, and its missing parents, where it is not there, and opens it (image_cache_open). */
int store_open(const char *path, int *cache);

/* Adds the entry. path: the cache's, for messages. A failure, or the end of this process at any moment, leaves nothing
 * that anybody would take for an entry; what it does leave goes with the next store_clean. */
int store_add(int cache, const char *path, const struct image_source *source, const struct store_part *parts,
              size_t n_parts);

/* Removes entries whose kernel, agent or modules are gone or have changed, and what killed runs left. What cannot be
 * removed stays. */
void store_clean(int cache);
