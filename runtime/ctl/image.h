/* Root file systems of new containers, from what people have:
 *   busybox               a tiny userland made of this machine's static busybox; needs nothing else
 *   dir:PATH              a copy of a directory
 *   tar:FILE              an archive of a root file system, in any format and compression that libarchive reads
 *   oci:LAYOUT[:TAG]      an OCI image layout, a directory
 *   docker-archive:FILE   what `docker save` and `podman save` write
 *   docker://NAME         a registry's image, fetched by skopeo
 *   debian:SUITE          Debian, made by mmdebstrap
 * An image is a stranger's: nothing in it is followed out of the root that it is unpacked into, and device files are
 * not made. */
#pragma once

#include "runtime/ctl/ctl.h"

/* What the image says about the program; strings in the arena. Empty: nothing. */
struct image_config {
        struct oci_strings args, env;
        const char *user, *workdir, *stop_signal;
};

/* 0 when the source is one of the above and what it names is there; else a message. */
int image_check(const char *source);

/* Fills the empty directory `root`. -EINVAL for a damaged or hostile image. */
int image_unpack(const struct ctl *ctl, const char *source, int root, struct arena *arena, struct image_config *config);

/* ---- the kinds: one file each ---- */

int image_busybox(int root);

/* Unpacks one archive into root; with whiteouts (OCI layers) ".wh." entries take away what lower layers had. name is
 * what messages call it. */
int image_unpack_file(const struct ctl *ctl, const char *path, const char *name, int root, bool whiteouts);
int image_copy_directory(const struct ctl *ctl, const char *path, int root);

/* Copies `name` in the directory `parent`, a file or a directory with all in it, as `as` into the directory `root`.
 * Follows no link. disarm: programs lose the power to run as another user or with capabilities. */
int image_copy_tree(const struct ctl *ctl, int parent, const char *name, int root, const char *as, bool disarm);

int image_oci_layout(const struct ctl *ctl, const char *source, int root, struct arena *arena,
                     struct image_config *config);
int image_docker_archive(const struct ctl *ctl, const char *path, int root, struct arena *arena,
                         struct image_config *config);
int image_registry(const struct ctl *ctl, const char *source, int root, struct arena *arena,
                   struct image_config *config);
int image_debian(const struct ctl *ctl, const char *suite, int root);
