#define ARCHIVE_LIBRARY_ITSELF
#include "runtime/ctl/archive_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"

#define LIBRARY "libarchive.so.13" /* the ABI of the header above */

static struct archive *no_archive(void)
{
        return NULL;
}

static struct archive_entry *no_entry(void)
{
        return NULL;
}

static struct archive_entry_linkresolver *no_resolver(void)
{
        return NULL;
}

/* Nothing can be made, so that nothing else is ever called. */
static const struct archive_library absent = {
        .archive_read_new = no_archive,
        .archive_read_disk_new = no_archive,
        .archive_write_new = no_archive,
        .archive_write_disk_new = no_archive,
        .archive_entry_new = no_entry,
        .archive_entry_linkresolver_new = no_resolver,
};

static const char *const names[] = {
#define ARCHIVE_NAME(name) #name,
        ARCHIVE_FUNCTIONS(ARCHIVE_NAME)
#undef ARCHIVE_NAME
};

/* Each member is a pointer to a function, in the order of the names. */
static bool load(struct archive_library *library)
{
        void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

        _Static_assert(sizeof(*library) == sizeof(void *) * ELEMENTS(names), "members and names are the same list");
        for (size_t i = 0; handle && i < ELEMENTS(names); i++) {
                void *function = dlsym(handle, names[i]);

                if (!function)
                        handle = NULL;
                else
                        memcpy((char *)library + i * sizeof(function), &function, sizeof(function));
        }
        if (!handle)
                log_warning("no archive can be read or written: %s", dlerror());
        return handle;
}

const struct archive_library *archive_library(void)
{
        static struct archive_library library;
        static const struct archive_library *loaded;

        if (!loaded)
                loaded = load(&library) ? &library : &absent;
        return loaded;
}
