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
        struct oci_strings args, env, volumes; /* volumes: directories that are to be there */
        const char *user, *workdir, *stop_signal;
};

/* 0 when the source is one of the above and what it names is there; else a message. */
int image_check(const char *source);

struct layers;

/* Whether it is made of layers, or can be one. */
bool image_has_layers(const char *source);

/* Fills the empty directory `root`, or, of an image that has some, adds the layers to `layers`. -EINVAL for a damaged
 * or hostile image. */
int image_unpack(const struct ctl *ctl, const char *source, int root, struct layers *layers, struct arena *arena,
                 struct image_config *config);

/* Where in LAYOUT[:TAG] the tag begins, NULL without one: what lies in front of it is a directory. Either may hold
 * colons itself, as the tags that are whole names do ("localhost/web:1"). */
const char *image_layout_tag(const char *layout);

/* ---- the kinds: one file each ---- */

int image_busybox(int root, struct layers *layers);

/* Unpacks one archive into root; with whiteouts (OCI layers) ".wh." entries take away what lower layers had. name is
 * what messages call it. */
int image_unpack_file(const struct ctl *ctl, const char *path, const char *name, int root, bool whiteouts);
int image_copy_directory(const struct ctl *ctl, const char *path, int root);

/* Copies `name` in the directory `parent`, a file or a directory with all in it, as `as` into the directory `root`.
 * Follows no link. Ids below SETTINGS_IDS_SIZE become larger by `shift`. disarm: programs lose the power to run as
 * another user or with capabilities. Directories are merged, files and links replaced; -ENOTDIR or -EEXIST where one
 * kind is in the way of the other, -EINVAL when `root` lies in what is copied. */
int image_copy_tree(const struct ctl *ctl, int parent, const char *name, int root, const char *as, uint32_t shift,
                    bool disarm);

/* Copies a root of berthctl's own into the empty directory `to`, with all that is in it and the root's own owner and
 * mode; only sockets, which nobody listens on any more, are left out. Where the file system has reflinks, both share
 * their data. name: what messages and progress call it. */
int image_copy_root(const struct ctl *ctl, int from, int to, const char *name);

#define ARCHIVE_END "complete" /* the name of the last entry of a container's archive */

struct archive;

/* Puts a root into an archive (libarchive's, open for writing), all names below `prefix`. */
int image_pack_root(const struct ctl *ctl, int root, const char *name, const char *prefix, struct archive *out);

/* Unpacks such an archive from where it has been read to up to its last entry, without which it is damaged. A
 * stranger's, as images are: but device files are made with `devices`, and the root itself gets its owner and mode. */
int image_unpack_root(const struct ctl *ctl, struct archive *in, const char *name, const char *prefix, bool devices,
                      int root);

int image_oci_layout(const struct ctl *ctl, const char *source, int root, struct layers *layers, struct arena *arena,
                     struct image_config *config);
int image_docker_archive(const struct ctl *ctl, const char *path, int root, struct layers *layers, struct arena *arena,
                         struct image_config *config);
int image_registry(const struct ctl *ctl, const char *source, int root, struct layers *layers, struct arena *arena,
                   struct image_config *config);
int image_debian(const struct ctl *ctl, const char *suite, int root);
