/* OCI image layouts, what `docker save` writes, and registries (which skopeo brings as a layout). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/path.h"
#include "base/process.h"
#include "namespaces/namespace.h"
#include "oci/json.h"
#include "runtime/ctl/image.h"
#include "runtime/ctl/image_digest.h"
#include "runtime/ctl/layers.h"
#include "runtime/ctl/temporary.h"

#define DOCUMENT_MOST     ((size_t)4 * 1024 * 1024)
#define FETCH_DEADLINE_MS (30 * 60 * 1000)
#define TAG_ANNOTATION    "org.opencontainers.image.ref.name"

/* An image being read: where its files are. */
struct source {
        const struct ctl *ctl;
        int directory;
        struct arena *arena;
        struct layers *layers; /* NULL: all layers are unpacked into one root */
};

/* Files are regular ones below the directory: a link of the image leads nowhere else. */
static int open_file(const struct source *source, const char *path)
{
        _cleanup_close_ int fd = in_root_open(source->directory, path, O_RDONLY | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return refuse(EINVAL, "%s is no file", path);
        return take_fd(&fd);
}

/* digest: what its content must have, NULL where nothing promises any. */
static int read_document(const struct source *source, const char *path, const char *digest,
                         const struct json_node **root)
{
        _cleanup_close_ int fd = open_file(source, path);
        _cleanup_free_ char *text = NULL;
        struct json_node *node;
        size_t size;
        int r;

        if (fd < 0)
                return fd;
        r = digest ? image_digest_check(fd, digest) : 0;
        if (r < 0)
                return r;
        r = read_all(fd, DOCUMENT_MOST, &text, &size);
        if (r < 0)
                return fail(-r, "read %s", path);
        r = json_parse(source->arena, path, text, size, &node);
        *root = node;
        return r;
}

static const char *text_of(const struct json_node *object, const char *key)
{
        const struct json_node *node = object ? json_member(object, key) : NULL;

        return node && node->kind == JSON_STRING ? node->text : NULL;
}

/* "sha256:abc..." is the file blobs/sha256/abc... */
static int blob_path(const char *digest, char *path, size_t size)
{
        const char *colon = digest ? strchr(digest, ':') : NULL;

        if (!colon || colon == digest || strspn(colon + 1, "0123456789abcdef") != strlen(colon + 1) ||
            strlen(colon + 1) < 32 ||
            strspn(digest, "abcdefghijklmnopqrstuvwxyz0123456789") != (size_t)(colon - digest))
                return refuse(EINVAL, "'%.100s' is no digest", digest ? digest : "");
        snprintf(path, size, "blobs/%.*s/%s", (int)(colon - digest), digest, colon + 1);
        return 0;
}

/* A layer's archive, verified. */
struct layer {
        const struct ctl *ctl;
        const char *path, *name;
};

static int unpack_archive(int root, void *data)
{
        const struct layer *layer = data;

        return image_unpack_file(layer->ctl, layer->path, layer->name, root, true);
}

static int unpack_layer(const struct source *source, const char *path, const char *digest, size_t number, int root)
{
        _cleanup_close_ int fd = open_file(source, path);
        char name[64], opened[64], made[IMAGE_DIGEST_SIZE];
        struct layer layer = {source->ctl, opened, name};
        int r;

        if (fd < 0)
                return fd;
        snprintf(name, sizeof(name), "layer %zu", number);
        snprintf(opened, sizeof(opened), "/proc/self/fd/%d", fd);
        r = digest ? image_digest_check(fd, digest) : 0;
        if (r == 0 && source->layers && !digest)
                r = image_digest_make(fd, made);
        if (r < 0)
                return fail_in(r, "%s", name);
        if (!source->layers)
                return unpack_archive(root, &layer);
        return layers_add(source->layers, digest ? digest : made, unpack_archive, &layer);
}

static int take_strings(struct arena *arena, const struct json_node *array, struct oci_strings *strings)
{
        size_t n = array && array->kind == JSON_ARRAY ? array->n : 0;
        const char **bigger = arena_array(arena, strings->n + n, sizeof(*bigger));

        if (n == 0)
                return 0;
        if (!bigger)
                return fail(ENOMEM, "read the image's configuration");
        if (strings->n)
                memcpy(bigger, strings->v, strings->n * sizeof(*bigger));
        strings->v = bigger;
        for (const struct json_node *node = array->first; node; node = node->next) {
                if (node->kind != JSON_STRING)
                        return refuse(EINVAL, "the image's configuration has a list that is none of strings");
                strings->v[strings->n++] = node->text;
        }
        return 0;
}

/* "Volumes": {"/data": {}} */
static int take_volumes(struct arena *arena, const struct json_node *object, struct oci_strings *volumes)
{
        size_t n = object && object->kind == JSON_OBJECT ? object->n : 0;

        if (n == 0)
                return 0;
        volumes->v = arena_array(arena, n, sizeof(*volumes->v));
        if (!volumes->v)
                return fail(ENOMEM, "read the image's configuration");
        for (const struct json_node *node = object->first; node; node = node->next)
                volumes->v[volumes->n++] = node->key;
        return 0;
}

/* The image's own words about its program: entry point and arguments are one line. */
static int take_config(const struct source *source, const char *path, const char *digest, struct image_config *config)
{
        const struct json_node *document = NULL, *inner;
        int r = read_document(source, path, digest, &document);

        if (r < 0)
                return r;
        inner = json_member(document, "config");
        if (!inner || inner->kind != JSON_OBJECT)
                return 0;
        r = take_strings(source->arena, json_member(inner, "Entrypoint"), &config->args);
        if (r == 0)
                r = take_strings(source->arena, json_member(inner, "Cmd"), &config->args);
        if (r == 0)
                r = take_strings(source->arena, json_member(inner, "Env"), &config->env);
        if (r == 0)
                r = take_volumes(source->arena, json_member(inner, "Volumes"), &config->volumes);
        config->user = text_of(inner, "User");
        config->workdir = text_of(inner, "WorkingDir");
        config->stop_signal = text_of(inner, "StopSignal");
        return r;
}

/* ---- layouts ---- */

static bool has_tag(const struct json_node *manifest, const char *tag)
{
        const char *name = text_of(json_member(manifest, "annotations"), TAG_ANNOTATION);

        return !tag || (name && strcmp(name, tag) == 0);
}

static bool is_for_us(const struct json_node *manifest)
{
        const struct json_node *platform = json_member(manifest, "platform");
        const char *architecture = text_of(platform, "architecture"), *os = text_of(platform, "os");

        if (os && strcmp(os, "linux") != 0)
                return false;
#if defined(__x86_64__)
        return !architecture || strcmp(architecture, "amd64") == 0;
#elif defined(__aarch64__)
        return !architecture || strcmp(architecture, "arm64") == 0;
#else
        return true;
#endif
}

/* Two names for two images: only a person knows which one is meant. */
static int refuse_guess(const struct json_node *one, const struct json_node *other)
{
        const char *tags[] = {text_of(json_member(one, "annotations"), TAG_ANNOTATION),
                              text_of(json_member(other, "annotations"), TAG_ANNOTATION)};
        const char *digests[] = {text_of(one, "digest"), text_of(other, "digest")};

        if (!tags[0] || !tags[1] || !digests[0] || !digests[1] || strcmp(digests[0], digests[1]) == 0)
                return 0;
        return refuse(EINVAL, "there are several images, such as '%.100s' and '%.100s': say which one (oci:LAYOUT:TAG)",
                      tags[0], tags[1]);
}

/* *chosen: NULL when there is none. */
static int choose(const struct json_node *index, const char *tag, const struct json_node **chosen)
{
        const struct json_node *list = json_member(index, "manifests");
        int r = 0;

        *chosen = NULL;
        if (!list || list->kind != JSON_ARRAY)
                return 0;
        for (const struct json_node *node = list->first; node && r == 0; node = node->next) {
                if (!has_tag(node, tag) || !is_for_us(node))
                        continue;
                if (!*chosen)
                        *chosen = node;
                else if (!tag)
                        r = refuse_guess(*chosen, node);
        }
        return r;
}

/* From index.json to the manifest; an index may name another index, for several machines. */
static int find_manifest(const struct source *source, const char *tag, const struct json_node **manifest)
{
        const struct json_node *document = NULL, *entry;
        const char *digest = NULL;
        char path[256] = "index.json";

        for (int depth = 0; depth < 4; depth++) {
                int r = read_document(source, path, digest, &document);

                if (r < 0)
                        return r;
                if (json_member(document, "layers")) {
                        *manifest = document;
                        return 0;
                }
                r = choose(document, depth == 0 ? tag : NULL, &entry);
                if (r < 0)
                        return r;
                if (!entry)
                        return tag && depth == 0 ? refuse(EINVAL, "there is no image with the tag '%s'", tag)
                                                 : refuse(EINVAL, "there is no image for this machine");
                digest = text_of(entry, "digest");
                r = blob_path(digest, path, sizeof(path));
                if (r < 0)
                        return r;
        }
        return refuse(EINVAL, "the index names no manifest");
}

static int unpack_layout(const struct source *source, const char *tag, int root, struct image_config *config)
{
        const struct json_node *manifest = NULL, *layers;
        const char *digest;
        char path[256];
        size_t number = 0;
        int r = find_manifest(source, tag, &manifest);

        if (r < 0)
                return r;
        layers = json_member(manifest, "layers");
        for (const struct json_node *layer = layers->kind == JSON_ARRAY ? layers->first : NULL; layer;
             layer = layer->next) {
                digest = text_of(layer, "digest");
                r = blob_path(digest, path, sizeof(path));
                if (r == 0)
                        r = unpack_layer(source, path, digest, ++number, root);
                if (r < 0)
                        return r;
        }
        if (number == 0)
                return refuse(EINVAL, "the image has no layers");
        digest = text_of(json_member(manifest, "config"), "digest");
        r = blob_path(digest, path, sizeof(path));
        return r < 0 ? r : take_config(source, path, digest, config);
}

int image_oci_layout(const struct ctl *ctl, const char *text, int root, struct layers *layers, struct arena *arena,
                     struct image_config *config)
{
        const char *tag = image_layout_tag(text);
        _cleanup_free_ char *path = tag ? strndup(text, (size_t)(tag - 1 - text)) : strdup(text);
        struct source source = {.ctl = ctl, .layers = layers, .arena = arena, .directory = -EBADF};
        int r;

        if (!path)
                return fail(ENOMEM, "open %s", text);
        source.directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (source.directory < 0)
                return fail(errno, "open %s", path);
        r = unpack_layout(&source, tag, root, config);
        cleanup_close(&source.directory);
        return r;
}

/* ---- docker save ---- */

int image_docker_archive(const struct ctl *ctl, const char *path, int root, struct layers *layers, struct arena *arena,
                         struct image_config *config)
{
        _cleanup_(temporary_remove) struct temporary temporary;
        struct source source = {.ctl = ctl, .layers = layers, .arena = arena};
        const struct json_node *list = NULL, *image, *list_of_layers;
        size_t number = 0;
        int r = temporary_make(ctl, &temporary);

        if (r == 0)
                r = image_unpack_file(ctl, path, path, temporary.fd, false);
        source.directory = temporary.fd;
        if (r == 0)
                r = read_document(&source, "manifest.json", NULL, &list);
        if (r < 0)
                return r;
        image = json_element(list, 0);
        list_of_layers = image ? json_member(image, "Layers") : NULL;
        if (!list_of_layers || list_of_layers->kind != JSON_ARRAY || !text_of(image, "Config"))
                return refuse(EINVAL, "manifest.json names no layers");
        for (const struct json_node *layer = list_of_layers->first; layer; layer = layer->next) {
                if (layer->kind != JSON_STRING)
                        return refuse(EINVAL, "manifest.json names no layers");
                r = unpack_layer(&source, layer->text, NULL, ++number, root);
                if (r < 0)
                        return r;
        }
        return take_config(&source, text_of(image, "Config"), NULL, config);
}

/* ---- programs that bring images ---- */

/* The last lines that a program has said, as one. */
static void fold(char *text)
{
        for (char *p = text; *p; p++)
                if (*p == '\n')
                        *p = ' ';
}

static int run_program(const struct ctl *ctl, const char *program, const char *package, const char *const *args)
{
        char output[2048];
        int r;

        if (ctl->progress)
                ctl->progress(program, 0);
        r = process_run(program, args, FETCH_DEADLINE_MS, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "run %s (package %s)", program, package);
        fold(output);
        return r == 0 ? 0 : refuse(EINVAL, "%s failed: %s", program, output);
}

int image_registry(const struct ctl *ctl, const char *text, int root, struct layers *layers, struct arena *arena,
                   struct image_config *config)
{
        _cleanup_(temporary_remove) struct temporary temporary;
        struct source source = {.ctl = ctl, .layers = layers, .arena = arena};
        _cleanup_free_ char *target = NULL;
        int r = temporary_make(ctl, &temporary);

        if (r < 0)
                return r;
        if (asprintf(&target, "oci:%s:image", temporary.path) < 0) {
                target = NULL;
                return fail(ENOMEM, "fetch %s", text);
        }
        r = run_program(ctl, "skopeo", "skopeo", (const char *[]){"skopeo", "copy", text, target, NULL});
        source.directory = temporary.fd;
        return r < 0 ? r : unpack_layout(&source, "image", root, config);
}

/* mmdebstrap leaves the servers of the host that it ran on. */
static int forget_servers(int root)
{
        _cleanup_close_ int etc = in_root_open(root, "/etc", O_RDONLY | O_DIRECTORY);

        if (etc < 0)
                error_clear();
        return etc >= 0 && unlinkat(etc, "resolv.conf", 0) < 0 && errno != ENOENT
                       ? fail(errno, "remove the host's /etc/resolv.conf from Debian")
                       : 0;
}

int image_debian(const struct ctl *ctl, const char *suite, int root)
{
        _cleanup_(temporary_remove) struct temporary temporary = {.fd = -EBADF};
        _cleanup_free_ char *archive = NULL;
        int r;

        if (strspn(suite, "abcdefghijklmnopqrstuvwxyz") != strlen(suite))
                return refuse(EINVAL, "'%s' is no suite of Debian", suite);
        r = temporary_make(ctl, &temporary);
        if (r < 0)
                return r;
        if (asprintf(&archive, "%s/root.tar", temporary.path) < 0) {
                archive = NULL;
                return fail(ENOMEM, "make Debian");
        }
        /* Root of a user namespace only may mount nothing but in a mount namespace of its own. */
        r = run_program(ctl, "mmdebstrap", "mmdebstrap",
                        (const char *[]){"mmdebstrap",
                                         namespace_is_below_hosts_user() ? "--mode=unshare" : "--mode=auto", "--quiet",
                                         "--variant=important", "--include=systemd-sysv,dbus,libpam-systemd",
                                         "--format=tar", suite, archive, NULL});
        if (r == 0)
                r = image_unpack_file(ctl, archive, suite, root, false);
        return r < 0 ? r : forget_servers(root);
}
