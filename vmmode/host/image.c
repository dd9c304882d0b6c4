#include "vmmode/host/image.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "vmmode/image/entry.h"

#define AGENT            "berth-agent"
#define MAKER            "berth-kernel"
#define SAID             MAKER ": " /* what it puts in front of its message */
#define MAKE_DEADLINE_MS 120000
#define OUTPUT_MOST      4096

static int open_entry(const char *path, const struct image_source *source, struct vm_image *image)
{
        _cleanup_close_ int cache = -EBADF;
        struct image_entry entry;
        int r = image_cache_open(path, &cache);

        if (r == 0)
                r = image_entry_open(cache, source, &entry);
        if (r < 0)
                return r;
        image->kernel = entry.kernel;
        image->initrd = entry.initrd;
        return 0;
}

static int make_entry(const struct vm_config *config, const struct image_source *source, const char *modules)
{
        char program[PATH_MAX], output[OUTPUT_MOST] = "";
        const char *args[] = {program,
                              "prepare",
                              "--cache",
                              config->cache,
                              "--kernel",
                              source->kernel.path,
                              "--agent",
                              source->agent.path,
                              modules ? "--modules" : NULL,
                              modules,
                              NULL};
        struct process_call call;
        int r = vm_config_program(config, MAKER, program, sizeof(program));

        if (r == 0)
                r = process_begin(program, args, -EBADF, &call);
        if (r == 0)
                r = process_finish(&call, MAKE_DEADLINE_MS, -EBADF, output, sizeof(output));
        if (r < 0)
                return fail_in(r, "make the virtual machine's image");
        if (r == 0)
                return 0;
        if (r == 1 && strncmp(output, SAID, sizeof(SAID) - 1) == 0)
                return refuse(EIO, "%s", output + sizeof(SAID) - 1);
        return refuse(EIO, MAKER " ended with status %d%s%s", r, output[0] ? ": " : "", output);
}

int vm_image_find(const struct vm_config *config, const char *kernel, struct vm_image *image)
{
        /* The modules that the configuration names are those of its kernel. */
        const char *modules = kernel && config->kernel && strcmp(kernel, config->kernel) != 0 ? NULL : config->modules;
        char agent[PATH_MAX];
        struct image_source source;
        int r = vm_config_program(config, AGENT, agent, sizeof(agent));

        *image = (struct vm_image)VM_IMAGE_NONE;
        if (r < 0)
                return fail_in(r, "VM isolation");
        r = image_source_find(kernel ? kernel : config->kernel, modules, agent, &source);
        if (r < 0)
                return r;
        memcpy(image->release, source.release, sizeof(image->release));
        r = open_entry(config->cache, &source, image);
        if (r != -ENOENT)
                return r;
        error_clear();
        r = make_entry(config, &source, modules);
        if (r == 0)
                r = open_entry(config->cache, &source, image);
        return r == -ENOENT ? fail_in(r, "image cache %s: the image that was just made is gone", config->cache) : r;
}

void vm_image_close(struct vm_image *image)
{
        cleanup_close(&image->kernel);
        cleanup_close(&image->initrd);
        *image = (struct vm_image)VM_IMAGE_NONE;
}
