#include "runtime/ctl/image.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

#define SOURCES "busybox, debian:SUITE, dir:PATH, tar:FILE, oci:LAYOUT[:TAG], docker-archive:FILE or docker://NAME"

/* The rest of the text behind the prefix, NULL when it does not begin so. */
static const char *after(const char *source, const char *prefix)
{
        size_t length = strlen(prefix);

        return strncmp(source, prefix, length) == 0 ? source + length : NULL;
}

static int check_path(const char *source, const char *path, mode_t type)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return fail(errno, "image %s", source);
        if ((st.st_mode & S_IFMT) != type)
                return refuse(EINVAL, "image %s: not a %s", source, type == S_IFDIR ? "directory" : "file");
        return 0;
}

const char *image_layout_tag(const char *layout)
{
        const char *last = strrchr(layout, ':'), *colon = layout + strlen(layout);

        while (colon > layout) {
                char path[PATH_MAX];
                struct stat st;

                if ((*colon == ':' || *colon == '\0') && (size_t)(colon - layout) < sizeof(path)) {
                        snprintf(path, sizeof(path), "%.*s", (int)(colon - layout), layout);
                        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                                return *colon ? colon + 1 : NULL;
                }
                colon--;
        }
        return last ? last + 1 : NULL;
}

static int check_layout(const char *source, const char *rest)
{
        const char *tag = image_layout_tag(rest);
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%.*s", (int)(tag ? (size_t)(tag - 1 - rest) : strlen(rest)), rest);
        return check_path(source, path, S_IFDIR);
}

int image_check(const char *source)
{
        const char *rest;

        if (strcmp(source, "busybox") == 0)
                return 0;
        if ((rest = after(source, "dir:")))
                return check_path(source, rest, S_IFDIR);
        if ((rest = after(source, "tar:")) || (rest = after(source, "docker-archive:")))
                return check_path(source, rest, S_IFREG);
        if ((rest = after(source, "oci:")))
                return check_layout(source, rest);
        if ((rest = after(source, "debian:")) || (rest = after(source, "docker://")))
                return *rest ? 0 : refuse(EINVAL, "image %s: a name is missing", source);
        return refuse(EINVAL, "unknown image '%s': expected %s", source, SOURCES);
}

bool image_has_layers(const char *source)
{
        return strcmp(source, "busybox") == 0 || after(source, "oci:") || after(source, "docker-archive:") ||
               after(source, "docker://");
}

static int unpack(const struct ctl *ctl, const char *source, int root, struct layers *layers, struct arena *arena,
                  struct image_config *config)
{
        const char *rest;
        int r;

        if (strcmp(source, "busybox") == 0)
                r = image_busybox(root, layers);
        else if ((rest = after(source, "dir:")))
                r = image_copy_directory(ctl, rest, root);
        else if ((rest = after(source, "tar:")))
                r = image_unpack_file(ctl, rest, rest, root, false);
        else if ((rest = after(source, "oci:")))
                r = image_oci_layout(ctl, rest, root, layers, arena, config);
        else if ((rest = after(source, "docker-archive:")))
                r = image_docker_archive(ctl, rest, root, layers, arena, config);
        else if (after(source, "docker://"))
                r = image_registry(ctl, source, root, layers, arena, config);
        else if ((rest = after(source, "debian:")))
                r = image_debian(ctl, rest, root);
        else
                r = image_check(source);
        return r < 0 ? fail_in(r, "image %s", source) : 0;
}

/* Directories that nothing says a mode of are as an image has them, whatever the person's own files are like. */
int image_unpack(const struct ctl *ctl, const char *source, int root, struct layers *layers, struct arena *arena,
                 struct image_config *config)
{
        mode_t before = umask(022);
        int r = unpack(ctl, source, root, layers, arena, config);

        (void)umask(before);
        return r;
}
