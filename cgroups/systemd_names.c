#include "cgroups/systemd_names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define UNIT_NAME_MOST 255
#define UNIT_LETTERS   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\"
#define SLICE          ".slice"
#define FIELD          "linux.cgroupsPath"

static bool ends_in(const char *text, const char *suffix)
{
        size_t length = strlen(text), end = strlen(suffix);

        return length >= end && strcmp(text + length - end, suffix) == 0;
}

/* "NAME@INSTANCE.scope" is a unit, "NAME@.scope" only a template for others. */
static int check_at(const char *unit)
{
        const char *at = strchr(unit, '@');

        if (at && (at == unit || at[1] == '.'))
                return refuse(EINVAL, FIELD ": \"%s\" is no name of a systemd unit: something is missing at the \"@\"",
                              unit);
        return 0;
}

static int check_unit(const char *unit)
{
        size_t length = strlen(unit), valid = strspn(unit, UNIT_LETTERS "@");

        if (length > UNIT_NAME_MOST)
                return refuse(ENAMETOOLONG, FIELD ": the name of a systemd unit has at most %d bytes, \"%.32s...\" %zu",
                              UNIT_NAME_MOST, unit, length);
        if (valid != length)
                return refuse(EINVAL, FIELD ": \"%.*s\" is no name of a systemd unit: letters, digits and : - _ . \\ @",
                              UNIT_NAME_MOST, unit);
        return check_at(unit);
}

/* A dash leads one level down, so one at either end, or two in a row, would name a slice without a name. */
static int check_slice(const char *slice)
{
        size_t stem = strlen(slice) - strlen(SLICE);
        int r;

        if (strcmp(slice, "-" SLICE) == 0)
                return 0;
        r = check_unit(slice);
        if (r < 0)
                return r;
        if (stem == 0 || slice[0] == '-' || slice[stem - 1] == '-' || strstr(slice, "--") || strchr(slice, '@'))
                return refuse(EINVAL, FIELD ": \"%s\" is no name of a slice", slice);
        return 0;
}

/* Files of the kernel's begin with one of these and a dot. Those that systemd knows it keeps out of the names of
 * groups, with a "_" in front of what could be taken for such a file. */
static const struct {
        const char *name;
        bool systemd;
} owners_of_files[] = {
        {"cgroup", true}, {"cpu", true},      {"cpuacct", true}, {"cpuset", true}, {"io", true},
        {"blkio", true},  {"memory", true},   {"devices", true}, {"pids", true},   {"freezer", false},
        {"rdma", false},  {"hugetlb", false}, {"misc", false},   {"dmem", false},  {"irq", false},
};

static bool looks_like_a_file(const char *name, bool systemd)
{
        size_t length = strcspn(name, ".");

        for (size_t i = 0; i < ELEMENTS(owners_of_files) && name[length]; i++) {
                const char *owner = owners_of_files[i].name;

                if ((owners_of_files[i].systemd || !systemd) && strlen(owner) == length &&
                    memcmp(name, owner, length) == 0)
                        return true;
        }
        return false;
}

static const char *escape_of(const char *name)
{
        return name[0] == '_' || name[0] == '.' || looks_like_a_file(name, true) ? "_" : "";
}

const char *systemd_slice_path(const char *slice, struct arena *arena)
{
        const char *path = "";

        if (slice[0] == '-')
                return path;
        for (const char *dash = strchr(slice, '-'); path; dash = strchr(dash + 1, '-')) {
                size_t length = dash ? (size_t)(dash - slice) : strlen(slice) - strlen(SLICE);

                path = arena_printf(arena, "%s/%s%.*s" SLICE, path, escape_of(slice), (int)length, slice);
                if (!dash)
                        break;
        }
        return path;
}

/* The three parts, in copies; fewer or more are an error. */
static int split(const char *cgroups_path, struct arena *arena, char *parts[3])
{
        char *rest = arena_strdup(arena, cgroups_path);
        size_t n = 0;

        if (!rest)
                return fail(ENOMEM, FIELD);
        if (!strchr(cgroups_path, '/'))
                for (char *part = strsep(&rest, ":"); part; part = strsep(&rest, ":"), n++)
                        if (n < 3)
                                parts[n] = part;
        return n == 3 ? 0
                      : refuse(EINVAL,
                               FIELD ": expected \"slice:prefix:name\" for the systemd cgroup driver, got \"%s\"",
                               cgroups_path);
}

static int name_unit(const char *prefix, const char *name, struct arena *arena, struct systemd_names *names)
{
        if (!name[0])
                return refuse(EINVAL, FIELD ": the name is missing in \"slice:prefix:name\"");
        if (ends_in(name, SLICE))
                return refuse(EINVAL, FIELD ": \"%s\": a container is a scope, it cannot be a slice", name);
        names->unit = arena_printf(arena, "%s%s%s.scope", prefix, prefix[0] ? "-" : "", name);
        return names->unit ? check_unit(names->unit) : fail(ENOMEM, FIELD);
}

int systemd_names_for(const char *cgroups_path, const char *id, bool user, struct arena *arena,
                      struct systemd_names *names)
{
        char none[] = "", berth[] = "berth", *parts[3] = {none, berth, none};
        const char *name = id, *path;
        int r = 0;

        if (cgroups_path && cgroups_path[0]) {
                r = split(cgroups_path, arena, parts);
                name = parts[2];
        }
        if (r < 0)
                return r;
        names->slice = parts[0][0] ? parts[0] : user ? "user" SLICE : "system" SLICE;
        if (!ends_in(names->slice, SLICE))
                return refuse(EINVAL, FIELD ": \"%s\" is no slice: its name must end in \"" SLICE "\"", names->slice);
        r = check_slice(names->slice);
        if (r == 0)
                r = name_unit(parts[1], name, arena, names);
        if (r < 0)
                return r;
        path = systemd_slice_path(names->slice, arena);
        names->path = path ? arena_printf(arena, "%s/%s%s", path, escape_of(names->unit), names->unit) : NULL;
        return names->path ? 0 : fail(ENOMEM, FIELD);
}

int systemd_check_subgroup(const char *name)
{
        if (!name || !name[0])
                return 0;
        if (strchr(name, '/') || strchr(name, '\n') || name[0] == '.' || strlen(name) > NAME_MAX ||
            looks_like_a_file(name, false))
                return refuse(EINVAL, "annotation run.oci.systemd.subgroup: \"%.*s\" is no name for a sub-group",
                              NAME_MAX, name);
        return 0;
}
