#include "vmmode/image/initrd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "vmmode/image/decompress.h"
#include "vmmode/image/modules.h"

#define AGENT_MOST  ((size_t)64 << 20)
#define MODULE_MOST ((size_t)64 << 20)
#define TEXT_MOST   ((size_t)16 << 20) /* modules.dep of a whole distribution: 0.6 MB */

static const char *const directories[] = {"dev", "proc", "run", "sys", "modules", "modules/late"};

static int read_input(const char *what, const char *path, size_t most, char **data, size_t *size)
{
        int r = read_regular_file_at(AT_FDCWD, path, most, data, size);

        return r < 0 ? fail(-r, "read %s %s", what, path) : 0;
}

static int add_agent(const char *path, struct cpio *initrd)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = read_input("agent", path, AGENT_MOST, &data, &size);

        if (r < 0)
                return r;
        if (size < 4 || memcmp(data, "\177ELF", 4) != 0)
                return refuse(ENOEXEC, "agent %s: not a program", path);
        r = cpio_add_file(initrd, "init", 0755, data, size);
        return r < 0 ? fail(-r, "put agent %s into the initrd", path) : 0;
}

static int check_release(const char *path, const void *module, size_t size, const char *kernel)
{
        char release[KERNEL_RELEASE_MAX];

        if (size < 4 || memcmp(module, "\177ELF", 4) != 0)
                return refuse(ENOEXEC, "module %s: not a module", path);
        if (module_release(module, size, release, sizeof(release)) == 0 && strcmp(release, kernel) != 0)
                return refuse(ENOEXEC, "module %s: it is for Linux %s, the kernel is %s", path, release, kernel);
        return 0;
}

static int add_module(const char *path, const char *name, const char *kernel, struct cpio *initrd)
{
        _cleanup_free_ char *file = NULL;
        _cleanup_bytes_ struct bytes module = {0};
        const void *data;
        char what[PATH_MAX + 16];
        size_t size;
        int r = read_input("module", path, MODULE_MOST, &file, &size);

        if (r < 0)
                return r;
        data = file;
        if (!strstr(path, ".ko") || strcmp(strrchr(path, '.'), ".ko") != 0) {
                snprintf(what, sizeof(what), "module %s", path);
                r = decompress(what, (const uint8_t *)file, size, MODULE_MOST, &module);
                data = module.data;
                size = module.size;
        }
        if (r == 0)
                r = check_release(path, data, size, kernel);
        if (r < 0)
                return r;
        r = cpio_add_file(initrd, name, 0644, data, size);
        return r < 0 ? fail(-r, "put module %s into the initrd", path) : 0;
}

static int add_list(const char *directory, const char *kernel, const struct module_list *list, struct cpio *initrd)
{
        char path[PATH_MAX], name[128];
        int r = 0;

        for (size_t i = 0; i < list->n && r == 0; i++) {
                if (snprintf(path, sizeof(path), "%s/%s", directory, list->v[i].path) >= (int)sizeof(path))
                        return fail(ENAMETOOLONG, "module %s", list->v[i].path);
                snprintf(name, sizeof(name), "modules/%s%03zu-%s.ko", list->v[i].late ? "late/" : "", i,
                         list->v[i].name);
                r = add_module(path, name, kernel, initrd);
        }
        return r;
}

static int add_modules(const struct image_source *source, struct cpio *initrd)
{
        _cleanup_(arena_free) struct arena arena = {0};
        _cleanup_free_ char *dep = NULL, *builtin = NULL;
        char directory[PATH_MAX], path[PATH_MAX + 32];
        struct module_list list;
        size_t size;
        int r;

        if (strcmp(source->modules.path, MODULES_BUILT_IN) == 0)
                return 0;
        r = read_input("list", source->modules.path, TEXT_MOST, &dep, &size);
        snprintf(directory, sizeof(directory), "%s", source->modules.path);
        *strrchr(directory, '/') = '\0';
        snprintf(path, sizeof(path), "%s/modules.builtin", directory);
        if (r == 0)
                r = read_input("list", path, TEXT_MOST, &builtin, &size);
        if (r == 0)
                r = modules_choose(source->release, dep, builtin, guest_modules, n_guest_modules, &arena, &list);
        return r == 0 ? add_list(directory, source->release, &list, initrd) : r;
}

int initrd_make(const struct image_source *source, struct cpio *initrd)
{
        int r = 0;

        *initrd = (struct cpio){0};
        for (size_t i = 0; i < ELEMENTS(directories) && r == 0; i++)
                r = cpio_add_directory(initrd, directories[i], 0755);
        r = r < 0 ? fail(-r, "make the initrd") : add_agent(source->agent.path, initrd);
        if (r == 0)
                r = add_modules(source, initrd);
        if (r == 0) {
                r = cpio_finish(initrd);
                if (r < 0)
                        (void)fail(-r, "make the initrd");
        }
        if (r < 0)
                cpio_free(initrd);
        return r;
}
