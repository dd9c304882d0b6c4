/* Making a container whose files come from anywhere. */
#pragma once

#include "runtime/ctl/ctl.h"
#include "runtime/ctl/image.h"

/* Where its files come from. */
struct create_source {
        /* Fills the empty directory `root`. */
        int (*fill)(struct ctl *ctl, int root, struct arena *arena, struct image_config *config, const void *data);
        const void *data;
        const char *image; /* an image with layers, which the container may lie on instead; NULL: there are none */
        bool moved;        /* it is the same machine in another place, and keeps its name and id inside */
};

/* As ctl_create. */
int create_container(struct ctl *ctl, const char *name, const struct create_source *source, struct settings *settings);
