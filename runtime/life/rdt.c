#include "runtime/life/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"

#define FILE_SIZE     4096
#define DOMAINS_MOST  256
#define DOMAIN_PREFIX "mon_L3_"

static int no_memory(void)
{
        return fail(ENOMEM, "read Intel RDT");
}

/* 0 where the file is missing or holds no number. */
static bool read_number(int dir_fd, const char *path, uint64_t *value)
{
        char text[64];

        *value = 0;
        return read_small_file_at(dir_fd, path, text, sizeof(text)) > 0 && parse_u64(text, UINT64_MAX, value) == 0;
}

/* "    L3:0=fff;1=fff\n    MB:0=100": the line of one resource without the blanks in front of it. */
static int find_schema(const char *schemata, const char *resource, struct arena *arena, const char **schema)
{
        size_t wanted = strlen(resource);

        for (const char *line = schemata; *line;) {
                const char *name = line + strspn(line, " ");
                size_t length = strcspn(name, "\n");

                if (length > wanted && memcmp(name, resource, wanted) == 0 && name[wanted] == ':') {
                        *schema = arena_strndup(arena, name, length);
                        return *schema ? 0 : no_memory();
                }
                line = name + length + (name[length] == '\n');
        }
        return 0;
}

static int split_lines(const char *text, struct arena *arena, struct oci_strings *lines)
{
        size_t most = 1;

        for (const char *p = text; (p = strchr(p, '\n')); p++)
                most++;
        lines->v = arena_array(arena, most, sizeof(*lines->v));
        if (!lines->v)
                return no_memory();
        for (const char *line = text; *line;) {
                const char *start = line + strspn(line, " ");
                size_t length = strcspn(start, "\n");

                if (length) {
                        lines->v[lines->n] = arena_strndup(arena, start, length);
                        if (!lines->v[lines->n++])
                                return no_memory();
                }
                line = start + length + (start[length] == '\n');
        }
        return 0;
}

static int read_schemata(int root_fd, int group_fd, struct arena *arena, struct rdt_usage *usage)
{
        char text[FILE_SIZE];
        int r = 0;

        if (read_small_file_at(group_fd, "schemata", text, sizeof(text)) > 0) {
                r = split_lines(text, arena, &usage->schemata);
                if (r == 0)
                        r = find_schema(text, "L3", arena, &usage->l3_schema);
                if (r == 0)
                        r = find_schema(text, "MB", arena, &usage->mb_schema);
        }
        if (r == 0 && read_small_file_at(root_fd, "schemata", text, sizeof(text)) > 0) {
                r = find_schema(text, "L3", arena, &usage->l3_schema_root);
                if (r == 0)
                        r = find_schema(text, "MB", arena, &usage->mb_schema_root);
        }
        return r;
}

static int read_info(int root_fd, struct arena *arena, struct rdt_usage *usage)
{
        char text[128];

        if (read_small_file_at(root_fd, "info/L3/cbm_mask", text, sizeof(text)) > 0) {
                usage->l3_cbm_mask = arena_strdup(arena, text);
                if (!usage->l3_cbm_mask)
                        return no_memory();
        }
        read_number(root_fd, "info/L3/min_cbm_bits", &usage->l3_min_cbm_bits);
        read_number(root_fd, "info/L3/num_closids", &usage->l3_num_closids);
        read_number(root_fd, "info/MB/bandwidth_gran", &usage->mb_gran);
        read_number(root_fd, "info/MB/delay_linear", &usage->mb_delay_linear);
        read_number(root_fd, "info/MB/min_bandwidth", &usage->mb_min_bandwidth);
        read_number(root_fd, "info/MB/num_closids", &usage->mb_num_closids);
        return 0;
}

static int read_monitors(int group_fd, struct arena *arena, struct rdt_usage *usage)
{
        int fd = openat(group_fd, "mon_data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir) {
                cleanup_close(&fd);
                return 0;
        }
        usage->monitors = arena_array(arena, DOMAINS_MOST, sizeof(*usage->monitors));
        if (!usage->monitors)
                return no_memory();
        while ((entry = readdir(dir)) && usage->n_monitors < DOMAINS_MOST) {
                struct rdt_monitor *monitor = &usage->monitors[usage->n_monitors];
                _cleanup_close_ int domain_fd = -EBADF;

                if (strncmp(entry->d_name, DOMAIN_PREFIX, strlen(DOMAIN_PREFIX)) != 0)
                        continue;
                domain_fd = openat(fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (domain_fd < 0)
                        continue;
                monitor->occupancy_set = read_number(domain_fd, "llc_occupancy", &monitor->llc_occupancy);
                monitor->total_set = read_number(domain_fd, "mbm_total_bytes", &monitor->total_bytes);
                monitor->local_set = read_number(domain_fd, "mbm_local_bytes", &monitor->local_bytes);
                usage->n_monitors++;
        }
        return 0;
}

int rdt_read(int root_fd, const char *path, struct arena *arena, struct rdt_usage *usage)
{
        _cleanup_close_ int group_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        *usage = (struct rdt_usage){0};
        if (group_fd < 0)
                return 0;
        usage->set = true;
        r = read_schemata(root_fd, group_fd, arena, usage);
        if (r == 0)
                r = read_info(root_fd, arena, usage);
        if (r == 0)
                r = read_monitors(group_fd, arena, usage);
        return r;
}
