/* The texts that an image is made by: modules.dep with modules.builtin, an entry's `about`, a version, berth.conf. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "vmmode/host/config.h"
#include "vmmode/image/cpio.h"
#include "vmmode/image/entry.h"
#include "vmmode/image/modules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two texts, NUL between them. The list goes into an archive, as in an initrd. */
static void modules(const char *text, size_t size)
{
        const char *builtin = text + strlen(text) + (strlen(text) < size);
        struct module_list list;
        struct arena arena = {0};
        struct cpio cpio = {0};

        if (modules_choose("fuzz", text, builtin, guest_modules, n_guest_modules, &arena, &list) == 0) {
                for (size_t i = 0; i < list.n; i++) {
                        if (list.v[i].path[0] == '/' || strncmp(list.v[i].path, "../", 3) == 0 ||
                            strstr(list.v[i].path, "/../"))
                                __builtin_trap();
                        (void)cpio_add_file(&cpio, list.v[i].path, 0644, text, size);
                }
                if (cpio_finish(&cpio) < 0 || cpio.size % 512)
                        __builtin_trap();
        } else if (!error_message()[0]) {
                __builtin_trap();
        }
        cpio_free(&cpio);
        arena_free(&arena);
}

/* What is read is written as it was. */
static void about(const char *text, size_t size)
{
        static char again[ENTRY_ABOUT_MAX];
        struct image_source source;
        uint64_t kernel, initrd;
        size_t length;

        (void)size;
        if (!image_about_parse(text, &source, &kernel, &initrd))
                return;
        length = image_entry_identity(&source, again);
        length = image_about_finish(again, length, kernel, initrd);
        if (length != strlen(text) || memcmp(text, again, length) != 0)
                __builtin_trap();
}

static void release(const char *text, size_t size)
{
        char found[KERNEL_RELEASE_MAX];

        if (kernel_release_parse(text, size, found) == 0 && (found[0] == '.' || strchr(found, '/')))
                __builtin_trap();
        (void)module_release(text, size, found, sizeof(found));
}

static void configuration(const char *text, size_t size)
{
        struct vm_config config;

        vm_config_default(&config);
        if (vm_config_parse("fuzz", text, size, &config) < 0 && strncmp(error_message(), "fuzz", 4) != 0)
                __builtin_trap();
        vm_config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const kinds[])(const char *text, size_t size) = {modules, about, release, configuration};
        char *text;

        if (size == 0)
                return 0;
        /* Of its exact size, and ended: a reader that goes on is seen. */
        text = malloc(size);
        if (!text)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        error_clear();
        kinds[data[0] % 4](text, size - 1);
        error_clear();
        free(text);
        return 0;
}
