/* A directory with what an image is made from: a kernel, its modules, an agent; and a cache beside them. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "tests/unit/image_support.h"
#include "vmmode/image/prepare.h"
#include "vmmode/image/store.h"

#define TREE_PATH 256

struct image_tree {
        char top[64], kernel[TREE_PATH], modules[TREE_PATH], agent[TREE_PATH], cache[TREE_PATH];
};

static inline void tree_write(const char *path, const void *data, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
                abort();
}

static inline void tree_module(const struct image_tree *tree, const char *name, const char *release)
{
        char path[2 * TREE_PATH], content[256] = "\177ELF";
        size_t n = 5;

        n += (size_t)snprintf(content + n, sizeof(content) - n, "%s%cvermagic=%s SMP", name, 0, release) + 1;
        snprintf(path, sizeof(path), "%s/%s.ko", tree->modules, name);
        tree_write(path, content, n);
}

/* The modules that a guest cannot do without, each depending on the one before. */
static inline void tree_modules(const struct image_tree *tree)
{
        static const char dep[] = "virtio_pci.ko:\n"
                                  "vmw_vsock_virtio_transport.ko: virtio_pci.ko\n"
                                  "virtiofs.ko: vmw_vsock_virtio_transport.ko virtio_pci.ko\n";
        char path[2 * TREE_PATH];

        tree_module(tree, "virtio_pci", TEST_RELEASE);
        tree_module(tree, "vmw_vsock_virtio_transport", TEST_RELEASE);
        tree_module(tree, "virtiofs", TEST_RELEASE);
        snprintf(path, sizeof(path), "%s/modules.dep", tree->modules);
        tree_write(path, dep, sizeof(dep) - 1);
        snprintf(path, sizeof(path), "%s/modules.builtin", tree->modules);
        tree_write(path, "", 0);
}

static inline void tree_make(struct image_tree *tree)
{
        uint8_t *image;
        struct test_elf elf;
        size_t size;

        strcpy(tree->top, "/tmp/image_test.XXXXXX");
        if (!mkdtemp(tree->top))
                abort();
        snprintf(tree->kernel, TREE_PATH, "%s/vmlinuz", tree->top);
        snprintf(tree->modules, TREE_PATH, "%s/modules", tree->top);
        snprintf(tree->agent, TREE_PATH, "%s/berth-agent", tree->top);
        snprintf(tree->cache, TREE_PATH, "%s/var/cache", tree->top);
        if (mkdir(tree->modules, 0755) < 0)
                abort();
        make_elf(ELF_LINUX_PVH, &elf);
        size = make_bzimage(pack_gzip, &elf, sizeof(elf), &image);
        tree_write(tree->kernel, image, size);
        free(image);
        tree_write(tree->agent, "\177ELF agent", 10);
        chmod(tree->agent, 0755);
        tree_modules(tree);
}

static inline void tree_remove(const struct image_tree *tree)
{
        if (remove_tree_at(AT_FDCWD, tree->top) < 0)
                abort();
}

static inline int tree_prepare(const struct image_tree *tree, struct image_source *source, char path[PATH_MAX])
{
        const struct prepare_request request = {tree->cache, tree->kernel, tree->modules, tree->agent};

        return prepare_image(&request, source, path);
}

/* Files in the cache. */
static inline int tree_entries(const struct image_tree *tree)
{
        DIR *directory = opendir(tree->cache);
        int n = 0;

        while (directory && readdir(directory))
                n++;
        if (directory)
                closedir(directory);
        return directory ? n - 2 : 0;
}
