#include "vmmode/host/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/io.h"
#include "base/number.h"
#include "namespaces/namespace.h"
#include "vmmode/host/divide.h"

#define MEBIBYTE         ((uint64_t)1 << 20)
#define FILE_MOST        ((size_t)64 << 10)
#define SYSTEM_CACHE     "/var/cache/berth"
#define ANNOTATIONS_MOST 2
#define BLANK            " \t\r"

struct line {
        const char *file;
        size_t number; /* from 1 */
        char *key, *value;
};

static int refuse_line(const struct line *line, const char *what)
{
        return refuse(EINVAL, "%s:%zu: %s: %s", line->file, line->number, line->key, what);
}

/* ---- the kinds of values ---- */

static int set_wall(const struct line *line, struct vm_config *config, void *value)
{
        enum isolation *wall = value;

        (void)config;
        if (strcmp(line->value, "process") == 0)
                *wall = ISOLATION_PROCESS;
        else if (strcmp(line->value, "vm") == 0)
                *wall = ISOLATION_VM;
        else
                return refuse_line(line, "expected process or vm");
        return 0;
}

/* A user's own file cannot take back what the host demands. */
static int set_required(const struct line *line, struct vm_config *config, void *value)
{
        enum isolation before = config->required;
        int r = set_wall(line, config, value);

        if (r == 0 && before != ISOLATION_UNSET && config->required != before)
                return refuse_line(line, "the host demands the other one (" VM_CONFIG_SYSTEM ")");
        return r;
}

static int set_text(const struct line *line, struct vm_config *config, void *value)
{
        const char **text = value;

        *text = arena_strdup(&config->arena, line->value);
        return *text ? 0 : fail(ENOMEM, "%s", line->file);
}

static int set_path(const struct line *line, struct vm_config *config, void *value)
{
        if (line->value[0] != '/')
                return refuse_line(line, "expected an absolute path");
        if (strlen(line->value) >= PATH_MAX)
                return refuse_line(line, "longer than a path can be");
        return set_text(line, config, value);
}

static int set_modules(const struct line *line, struct vm_config *config, void *value)
{
        return strcmp(line->value, "none") == 0 ? set_text(line, config, value) : set_path(line, config, value);
}

static int set_jail(const struct line *line, struct vm_config *config, void *value)
{
        if (strcmp(line->value, "strict") != 0 && strcmp(line->value, "filters") != 0)
                return refuse_line(line, "expected strict or filters");
        return set_text(line, config, value);
}

static int set_vhost_net(const struct line *line, struct vm_config *config, void *value)
{
        if (strcmp(line->value, "auto") != 0 && strcmp(line->value, "off") != 0)
                return refuse_line(line, "expected auto or off");
        return set_text(line, config, value);
}

static int set_bytes(const struct line *line, struct vm_config *config, void *value)
{
        int64_t bytes;

        (void)config;
        if (parse_bytes(line->value, &bytes) < 0 || bytes < 0)
                return refuse_line(line, "expected a number of bytes, such as 512M or 2G");
        *(uint64_t *)value = (uint64_t)bytes;
        return 0;
}

static int set_guest_memory(const struct line *line, struct vm_config *config, void *value)
{
        int r = set_bytes(line, config, value);

        if (r == 0 && *(uint64_t *)value < VM_MEMORY_MIN)
                return refuse_line(line, "less than a guest needs (128M)");
        return r;
}

static int set_vcpus(const struct line *line, struct vm_config *config, void *value)
{
        uint64_t number;

        (void)config;
        if (parse_u64(line->value, VM_CPUS_MOST, &number) < 0 || number == 0)
                return refuse_line(line, "expected a number from 1 to 240");
        *(uint32_t *)value = (uint32_t)number;
        return 0;
}

static int set_annotations(const struct line *line, struct vm_config *config, void *value)
{
        const char **names = arena_array(&config->arena, ANNOTATIONS_MOST, sizeof(*names));
        char *rest = line->value, *name;

        if (!names)
                return fail(ENOMEM, "%s", line->file);
        config->n_annotations = 0;
        while ((name = strsep(&rest, " \t,"))) {
                if (!*name)
                        continue;
                if (strcmp(name, VM_ANNOTATION_MEMORY) != 0 && strcmp(name, VM_ANNOTATION_VCPUS) != 0)
                        return refuse_line(line,
                                           "only " VM_ANNOTATION_MEMORY " and " VM_ANNOTATION_VCPUS " can be allowed");
                if (config->n_annotations == ANNOTATIONS_MOST)
                        return refuse_line(line, "more annotations than there are");
                names[config->n_annotations] = arena_strdup(&config->arena, name);
                if (!names[config->n_annotations++])
                        return fail(ENOMEM, "%s", line->file);
        }
        *(const char ***)value = names;
        return 0;
}

static const struct {
        const char *name;
        size_t offset;
        int (*set)(const struct line *line, struct vm_config *config, void *value);
} keys[] = {
        {"isolation", offsetof(struct vm_config, isolation), set_wall},
        {"require-isolation", offsetof(struct vm_config, required), set_required},
        {"kernel", offsetof(struct vm_config, kernel), set_path},
        {"modules", offsetof(struct vm_config, modules), set_modules},
        {"memory", offsetof(struct vm_config, memory), set_guest_memory},
        {"memory-maximum", offsetof(struct vm_config, memory_maximum), set_guest_memory},
        {"memory-update-maximum", offsetof(struct vm_config, memory_update_maximum), set_bytes},
        {"memory-overhead", offsetof(struct vm_config, memory_overhead), set_bytes},
        {"vcpus", offsetof(struct vm_config, vcpus), set_vcpus},
        {"file-server", offsetof(struct vm_config, file_server), set_path},
        {"programs", offsetof(struct vm_config, programs), set_path},
        {"jail", offsetof(struct vm_config, jail), set_jail},
        {"vhost-net", offsetof(struct vm_config, vhost_net), set_vhost_net},
        {"cache", offsetof(struct vm_config, cache), set_path},
        {"annotations", offsetof(struct vm_config, annotations), set_annotations},
};

/* ---- lines ---- */

static char *trim(char *text)
{
        size_t length;

        text += strspn(text, BLANK);
        length = strlen(text);
        while (length > 0 && strchr(BLANK, text[length - 1]))
                text[--length] = '\0';
        return text;
}

static int set_key(struct line *line, struct vm_config *config, size_t seen[ELEMENTS(keys)])
{
        for (size_t i = 0; i < ELEMENTS(keys); i++) {
                if (strcmp(keys[i].name, line->key) != 0)
                        continue;
                if (seen[i])
                        return refuse(EINVAL, "%s:%zu: %s: given before, on line %zu", line->file, line->number,
                                      line->key, seen[i]);
                seen[i] = line->number;
                return keys[i].set(line, config, (char *)config + keys[i].offset);
        }
        return refuse_line(line, "no such key");
}

static int parse_line(struct line *line, char *text, struct vm_config *config, size_t seen[ELEMENTS(keys)])
{
        char *equals;

        text = trim(text);
        if (text[0] == '\0' || text[0] == '#')
                return 0;
        equals = strchr(text, '=');
        if (!equals)
                return refuse(EINVAL, "%s:%zu: expected \"key = value\"", line->file, line->number);
        *equals = '\0';
        line->key = trim(text);
        line->value = trim(equals + 1);
        if (line->value[0] == '\0' && strcmp(line->key, "annotations") != 0)
                return refuse_line(line, "no value");
        return set_key(line, config, seen);
}

static int check(const char *file, const struct vm_config *config)
{
        if (config->required != ISOLATION_UNSET && config->isolation != ISOLATION_UNSET &&
            config->isolation != config->required)
                return refuse(EINVAL, "%s: isolation contradicts require-isolation", file);
        if (config->memory_maximum && config->memory > config->memory_maximum)
                return refuse(EINVAL, "%s: memory (%llu MiB) is more than memory-maximum (%llu MiB)", file,
                              (unsigned long long)(config->memory / MEBIBYTE),
                              (unsigned long long)(config->memory_maximum / MEBIBYTE));
        if (config->memory_maximum && config->memory_update_maximum + VM_MEMORY_FOR_KERNEL > config->memory_maximum)
                return refuse(EINVAL,
                              "%s: memory-update-maximum (%llu MiB) and the %llu MiB of a guest's kernel are more than "
                              "memory-maximum (%llu MiB)",
                              file, (unsigned long long)(config->memory_update_maximum / MEBIBYTE),
                              (unsigned long long)(VM_MEMORY_FOR_KERNEL / MEBIBYTE),
                              (unsigned long long)(config->memory_maximum / MEBIBYTE));
        return 0;
}

int vm_config_parse(const char *file, const char *text, size_t size, struct vm_config *config)
{
        struct line line = {.file = file};
        size_t seen[ELEMENTS(keys)] = {0};
        char *copy, *rest, *one;
        int r = 0;

        if (memchr(text, '\0', size))
                return refuse(EINVAL, "%s: it holds a NUL byte", file);
        rest = copy = arena_strndup(&config->arena, text, size);
        if (!copy)
                return fail(ENOMEM, "%s", file);
        while (r == 0 && (one = strsep(&rest, "\n"))) {
                line.number++;
                r = parse_line(&line, one, config, seen);
        }
        return r == 0 ? check(file, config) : r;
}

/* ---- files ---- */

void vm_config_default(struct vm_config *config)
{
        *config = (struct vm_config){
                .cache = SYSTEM_CACHE,
                .jail = "strict",
                .vhost_net = "auto",
                .memory = 2048 * MEBIBYTE,
                .memory_overhead = 64 * MEBIBYTE,
        };
}

int vm_config_load_here(struct vm_config *config)
{
        const struct vm_config_place place = {
                .is_user = geteuid() != 0 || namespace_is_below_hosts_user(),
                .home = getenv("HOME"),
                .config_home = getenv("XDG_CONFIG_HOME"),
                .cache_home = getenv("XDG_CACHE_HOME"),
        };

        return vm_config_load(&place, config);
}

void vm_config_free(struct vm_config *config)
{
        arena_free(&config->arena);
        *config = (struct vm_config){0};
}

/* What it says is carried out: where kernels and programs are taken from. */
static int load_file(const char *path, bool own, struct vm_config *config)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;
        int r;

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || (own && errno == EACCES)
                               ? 0
                               : fail(errno, "configuration %s", path);
        if (fstat(fd, &st) < 0)
                return fail(errno, "configuration %s", path);
        if (!S_ISREG(st.st_mode))
                return refuse(EINVAL, "configuration %s: not a regular file", path);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return refuse(EPERM, "configuration %s: others may write to it (mode %04o)", path, st.st_mode & 07777);
        if (own && st.st_uid != geteuid())
                return refuse(EPERM, "configuration %s: it belongs to user %u", path, st.st_uid);
        r = read_all(fd, FILE_MOST, &text, &size);
        if (r < 0)
                return fail(-r, "configuration %s", path);
        return vm_config_parse(path, text, size, config);
}

/* "$XDG_x/berth", or "$HOME/.x/berth"; NULL, and no error, when the user has no such place. */
static int user_directory(const struct vm_config_place *place, const char *directory, const char *fallback,
                          struct vm_config *config, const char **path)
{
        *path = NULL;
        /* The XDG specification: a path that is not absolute is to be ignored. */
        if (directory && directory[0] == '/')
                *path = arena_printf(&config->arena, "%s/berth", directory);
        else if (place->home && place->home[0] == '/')
                *path = arena_printf(&config->arena, "%s/%s/berth", place->home, fallback);
        else
                return 0;
        return *path ? 0 : fail(ENOMEM, "find the user's configuration");
}

int vm_config_load(const struct vm_config_place *place, struct vm_config *config)
{
        const char *own = NULL, *cache = NULL, *file;
        int r;

        vm_config_default(config);
        if (place->is_user) {
                r = user_directory(place, place->config_home, ".config", config, &own);
                if (r == 0)
                        r = user_directory(place, place->cache_home, ".cache", config, &cache);
                if (r < 0)
                        return r;
        }
        r = load_file(place->system ? place->system : VM_CONFIG_SYSTEM, false, config);
        /* The cache that the system's file names is root's. */
        if (cache)
                config->cache = cache;
        if (r < 0 || !own)
                return r;
        file = arena_printf(&config->arena, "%s/berth.conf", own);
        return file ? load_file(file, true, config) : fail(ENOMEM, "find the user's configuration");
}

bool vm_config_allows(const struct vm_config *config, const char *annotation)
{
        for (size_t i = 0; i < config->n_annotations; i++)
                if (strcmp(config->annotations[i], annotation) == 0)
                        return true;
        return false;
}

int vm_config_program(const struct vm_config *config, const char *name, char *path, size_t size)
{
        if (config->programs && snprintf(path, size, "%s/%s", config->programs, name) < (int)size &&
            access(path, X_OK) == 0)
                return 0;
        return helper_find(name, path, size);
}
