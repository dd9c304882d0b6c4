/* What strangers say about units: values of annotations, cgroupsPath, and the request that the helper reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroups/systemd_names.h"
#include "cgroups/systemd_properties.h"
#include "cgroups/systemd_variant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
        if (!holds)
                abort();
}

/* What goes to the helper is what the helper takes. */
static void travels(const struct systemd_properties *properties, struct arena *arena)
{
        struct systemd_properties again = {0};
        size_t size;
        char *data;

        check(systemd_properties_encode(properties, &data, &size) == 0);
        check(systemd_properties_decode(data, size, arena, &again) == 0);
        check(again.n == properties->n);
        for (size_t i = 0; i < again.n; i++) {
                check(strcmp(again.v[i].signature, properties->v[i].signature) == 0);
                check(again.v[i].n == properties->v[i].n);
        }
        free(data);
}

static void try_annotation(const char *text, struct arena *arena)
{
        struct oci_pair pairs[] = {{"org.systemd.property.Anything", text},
                                   {"org.systemd.property.SomethingSec", text}};
        struct systemd_properties properties = {0};

        if (systemd_properties_from_annotations(&(struct oci_pairs){2, pairs}, arena, &properties) == 0)
                check(properties.n == 2);
        travels(&properties, arena);
}

static void try_path(const char *text, struct arena *arena)
{
        struct systemd_names names;

        if (systemd_names_for(text, "id", false, arena, &names) < 0)
                return;
        check(!strstr(names.path, "..//") && !strstr(names.path, "/../") && names.path[0] == '/');
        check(strlen(names.unit) <= 255 && !strchr(names.unit, '/'));
        check(strcmp(names.path + strlen(names.path) - strlen(names.unit), names.unit) == 0);
}

static void try_writes(const char *text, struct arena *arena)
{
        static const char *const files[] = {"cpu.max",  "cpu.idle",  "cpuset.cpus", "memory.max",
                                            "pids.max", "io.weight", "io.max",      "io.latency"};
        struct cgroup_write writes[sizeof(files) / sizeof(files[0])] = {{0}};
        struct systemd_properties properties = {0};

        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                writes[i].file = files[i];
                writes[i].value = text;
        }
        check(systemd_properties_from_writes(
                      &(struct cgroup_writes){.n = sizeof(files) / sizeof(files[0]), .v = writes}, arena,
                      &properties) == 0);
        travels(&properties, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct systemd_properties properties = {0};
        struct arena arena = {0};
        char *text = malloc(size + 1);

        check(text != NULL);
        if (size)
                memcpy(text, data, size);
        text[size] = '\0';
        if (systemd_properties_decode(text, size, &arena, &properties) == 0)
                travels(&properties, &arena);
        try_annotation(text, &arena);
        try_path(text, &arena);
        try_writes(text, &arena);
        arena_free(&arena);
        free(text);
        return 0;
}
