#include "cgroups/files.h"

#include <string.h>

#include "base/io.h"

bool cgroup_scan_number(const char *text, uint64_t *value, const char **end)
{
        uint64_t sum = 0;
        const char *p = text;

        for (; *p >= '0' && *p <= '9'; p++) {
                uint64_t digit = (uint64_t)(*p - '0');

                if (sum > (UINT64_MAX - digit) / 10)
                        return false;
                sum = sum * 10 + digit;
        }
        if (p == text)
                return false;
        *value = sum;
        *end = p;
        return true;
}

int cgroup_parse_number(const char *text, uint64_t *value)
{
        const char *end = text + 3;

        if (strncmp(text, "max", 3) == 0)
                *value = UINT64_MAX;
        else if (!cgroup_scan_number(text, value, &end))
                return -EINVAL;
        return *end == '\0' || strcmp(end, "\n") == 0 ? 0 : -EINVAL;
}

int cgroup_read_number(int cgroup_fd, const char *file, uint64_t *value)
{
        char text[64];
        ssize_t n = read_line_file_at(cgroup_fd, file, text, sizeof(text));

        return n < 0 ? (int)n : cgroup_parse_number(text, value);
}

bool cgroup_find_number(const char *text, const char *key, uint64_t *value)
{
        size_t length = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *end;

                line += *line == '\n';
                if (strncmp(line, key, length) == 0 && line[length] == ' ')
                        return cgroup_scan_number(line + length + 1, value, &end);
        }
        return false;
}

int cgroup_read_keyed(int cgroup_fd, const char *file, const char *key, uint64_t *value)
{
        char text[1024];
        ssize_t n = read_small_file_at(cgroup_fd, file, text, sizeof(text));

        if (n < 0)
                return (int)n;
        if (!cgroup_find_number(text, key, value))
                *value = 0;
        return 0;
}
