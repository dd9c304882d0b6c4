#include "vmmode/image/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/image/initrd.h"
#include "vmmode/image/kernel.h"
#include "vmmode/image/store.h"

static int read_kernel(const char *path, struct bytes *vmlinux)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = read_regular_file_at(AT_FDCWD, path, IMAGE_KERNEL_MOST, &data, &size);

        return r < 0 ? fail(-r, "read kernel %s", path) : kernel_unpack(path, (const uint8_t *)data, size, vmlinux);
}

/* What a package manager put in place meanwhile belongs to another entry. */
static int check_unchanged(const struct image_source *source)
{
        const struct image_file *const files[] = {&source->kernel, &source->agent, &source->modules};

        for (size_t i = 0; i < ELEMENTS(files); i++)
                if (files[i]->inode && !image_file_is(files[i]))
                        return refuse(EAGAIN, "%s changed while the machine's image was made of it; try again",
                                      files[i]->path);
        return 0;
}

static int make_entry(int cache, const char *path, const struct image_source *source)
{
        _cleanup_bytes_ struct bytes vmlinux = {0};
        _cleanup_cpio_ struct cpio initrd = {0};
        char about[ENTRY_ABOUT_MAX];
        size_t length;
        int r = read_kernel(source->kernel.path, &vmlinux);

        if (r == 0)
                r = initrd_make(source, &initrd);
        if (r == 0)
                r = check_unchanged(source);
        if (r < 0)
                return r;
        length = image_entry_identity(source, about);
        length = image_about_finish(about, length, vmlinux.size, initrd.size);
        const struct store_part parts[] = {
                {ENTRY_KERNEL, vmlinux.data, vmlinux.size},
                {ENTRY_INITRD, initrd.data, initrd.size},
                {ENTRY_ABOUT, about, length},
        };

        return store_add(cache, path, source, parts, ELEMENTS(parts));
}

int prepare_image(const struct prepare_request *request, struct image_source *source, char path[PATH_MAX])
{
        char identity[ENTRY_ABOUT_MAX], name[ENTRY_NAME_MAX];
        _cleanup_close_ int cache = -EBADF;
        struct image_entry entry;
        int r = image_source_find(request->kernel, request->modules, request->agent, source);

        if (r == 0)
                r = store_open(request->cache, &cache);
        if (r < 0)
                return r;
        store_clean(cache);
        r = image_entry_open(cache, source, &entry);
        image_entry_close(&entry);
        if (r == -ENOENT)
                r = make_entry(cache, request->cache, source);
        if (r < 0)
                return r;
        (void)image_entry_identity(source, identity);
        image_entry_name(source, identity, name);
        if (snprintf(path, PATH_MAX, "%s/%s", request->cache, name) >= PATH_MAX)
                return fail(ENAMETOOLONG, "image cache %s", request->cache);
        return 0;
}
