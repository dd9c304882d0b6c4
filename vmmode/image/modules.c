#include "vmmode/image/modules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define NAME_MOST 64
#define VERMAGIC  "vermagic="

const struct module_wish guest_modules[] = {
        {.name = "virtio_pci", .required = true},
        {.name = "vmw_vsock_virtio_transport", .required = true},
        {.name = "virtiofs", .required = true},
        {.name = "virtio_rng"},
        {.name = "virtio_balloon"},
        {.name = "virtio_blk"},
        {.name = "overlay"},
        {.name = "virtio_net", .late = true},
        {.name = "tun", .late = true},
};
const size_t n_guest_modules = ELEMENTS(guest_modules);

struct choice {
        const char *kernel;
        struct arena *arena;
        struct module_list *list;
};

/* "kernel/drivers/char/hw_random/virtio-rng.ko.xz" is virtio_rng. False for what is no module's path. */
static bool module_name(const char *path, size_t length, char name[NAME_MOST])
{
        const char *base = memrchr(path, '/', length), *end;
        size_t n;

        base = base ? base + 1 : path;
        end = memmem(base, (size_t)(path + length - base), ".ko", 3);
        if (!end || (end + 3 < path + length && end[3] != '.'))
                return false;
        n = (size_t)(end - base);
        if (n == 0 || n >= NAME_MOST)
                return false;
        for (size_t i = 0; i < n; i++)
                name[i] = base[i] == '-' ? '_' : base[i];
        name[n] = '\0';
        return true;
}

/* Looks for the line of a module; *length is what stands before `end` in it. NULL when it is not there. */
static const char *find_line(const char *text, const char *module, char end, size_t *length)
{
        char name[NAME_MOST];

        while (*text) {
                size_t line = strcspn(text, "\n");
                const char *stop = memchr(text, end, line);

                *length = stop ? (size_t)(stop - text) : line;
                if (module_name(text, *length, name) && strcmp(name, module) == 0)
                        return text;
                text += line + (text[line] == '\n');
        }
        return NULL;
}

/* Paths are opened below the modules' directory: none may lead out of it. */
static bool is_below(const char *path)
{
        if (path[0] == '/' || strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0)
                return false;
        while ((path = strstr(path, "/..")))
                if (path[3] == '/' || path[3] == '\0')
                        return false;
                else
                        path += 3;
        return true;
}

static int add(const struct choice *choice, const char *path, size_t length, bool late)
{
        struct module_list *list = choice->list;
        char name[NAME_MOST];

        if (!module_name(path, length, name))
                return refuse(EINVAL, "modules.dep of kernel %s: \"%.*s\" is no module", choice->kernel,
                              (int)(length < PATH_MAX ? length : PATH_MAX), path);
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->v[i].name, name) == 0)
                        return 0;
        if (list->n == MODULES_MAX)
                return refuse(E2BIG, "modules.dep of kernel %s: the guest would need more than %d modules",
                              choice->kernel, MODULES_MAX);
        list->v[list->n].path = arena_strndup(choice->arena, path, length);
        list->v[list->n].name = arena_strdup(choice->arena, name);
        list->v[list->n].late = late;
        if (!list->v[list->n].path || !list->v[list->n].name)
                return fail(ENOMEM, "choose the guest's modules");
        if (!is_below(list->v[list->n].path))
                return refuse(EINVAL, "modules.dep of kernel %s: %s lies outside of the modules' directory",
                              choice->kernel, list->v[list->n].path);
        list->n++;
        return 0;
}

/* What the module depends on stands behind it, the deepest last: the line is loaded from its end. */
static int add_line(const struct choice *choice, const char *line, size_t path, bool late)
{
        const char *end = line + strcspn(line, "\n"), *start = line + path;
        int r = 0;

        if (start == end)
                return refuse(EINVAL, "modules.dep of kernel %s: a line without a colon: \"%.*s\"", choice->kernel,
                              (int)(path < PATH_MAX ? path : PATH_MAX), line);
        start++;
        while (r == 0) {
                const char *word;

                while (end > start && end[-1] == ' ')
                        end--;
                if (end == start)
                        break;
                for (word = end; word > start && word[-1] != ' ';)
                        word--;
                r = add(choice, word, (size_t)(end - word), late);
                end = word;
        }
        return r < 0 ? r : add(choice, line, path, late);
}

int modules_choose(const char *kernel, const char *dep, const char *builtin, const struct module_wish *wishes,
                   size_t n_wishes, struct arena *arena, struct module_list *list)
{
        const struct choice choice = {kernel, arena, list};
        int r = 0;

        list->n = 0;
        for (size_t i = 0; i < n_wishes && r == 0; i++) {
                size_t length;
                const char *line;

                if (find_line(builtin, wishes[i].name, '\n', &length))
                        continue;
                line = find_line(dep, wishes[i].name, ':', &length);
                if (line)
                        r = add_line(&choice, line, length, wishes[i].late);
                else if (wishes[i].required)
                        r = refuse(ENOENT,
                                   "kernel %s has no %s, which the guest needs: it is neither among its modules "
                                   "(modules.dep) nor built in (modules.builtin)",
                                   kernel, wishes[i].name);
        }
        return r;
}

int module_release(const void *module, size_t size, char *release, size_t room)
{
        const char *text = memmem(module, size, VERMAGIC, sizeof(VERMAGIC) - 1);
        size_t left, n;

        if (!text)
                return -ENOENT;
        text += sizeof(VERMAGIC) - 1;
        left = size - (size_t)(text - (const char *)module);
        n = strnlen(text, left < room ? left : room - 1);
        snprintf(release, room, "%.*s", (int)n, text);
        release[strcspn(release, " ")] = '\0';
        return 0;
}
