/* An entry of an archive before libarchive writes it. */
#pragma once

#include <stdbool.h>

#include "runtime/ctl/archive_library.h"

/* Brings name and target of the entry, both relative, to where they lie in the root: an image's links lead where they
 * will lead inside; missing directories are made. Takes a directory away that is in the way of a file, and leaves only
 * those extended attributes that are the image's business: the others steer this host's overlayfs and security modules.
 * container: of a container's archive, which keeps those in "trusted." that are nobody else's, too. */
int image_entry_settle(int root, struct archive_entry *entry, bool container);

/* Takes the bits and capabilities away by which a program gets another user's power. */
int image_entry_disarm(struct archive_entry *entry);

/* ".wh.NAME" or ".wh..wh..opq", of an OCI layer. */
bool image_entry_is_whiteout(struct archive_entry *entry);

/* Takes away what the layers below have at this path, when the entry is a whiteout. -EINVAL for one that names nothing
 * or another directory. */
int image_entry_whiteout(int root, struct archive_entry *entry);
