#include "cgroups/statistics_parse.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/files.h"

#define NS_PER_US 1000U

static const char *next_line(const char *line)
{
        line += strcspn(line, "\n");
        return line + (*line == '\n');
}

static size_t count_lines(const char *text)
{
        size_t n = 0;

        for (; *text; text = next_line(text))
                n++;
        return n;
}

void cgroup_parse_cpu_stat(const char *text, struct cgroup_statistics *statistics)
{
        const struct {
                const char *key;
                uint64_t *value, unit;
        } counters[] = {
                {"usage_usec", &statistics->cpu.total, NS_PER_US},
                {"user_usec", &statistics->cpu.user, NS_PER_US},
                {"system_usec", &statistics->cpu.kernel, NS_PER_US},
                {"nr_periods", &statistics->cpu.periods, 1},
                {"nr_throttled", &statistics->cpu.throttled_periods, 1},
                {"throttled_usec", &statistics->cpu.throttled_time, NS_PER_US},
        };

        for (size_t i = 0; i < ELEMENTS(counters); i++)
                if (cgroup_find_number(text, counters[i].key, counters[i].value))
                        *counters[i].value *= counters[i].unit;
        statistics->cpu.set = true;
}

int cgroup_parse_memory_stat(const char *text, struct arena *arena, struct cgroup_statistics *statistics)
{
        struct named_number *raw = arena_array(arena, count_lines(text), sizeof(*raw));
        size_t n = 0;

        if (!raw)
                return fail(ENOMEM, "read memory statistics");
        for (const char *line = text; *line; line = next_line(line)) {
                size_t length = strcspn(line, " \n");
                const char *end;

                if (line[length] != ' ' || !cgroup_scan_number(line + length + 1, &raw[n].value, &end))
                        continue;
                raw[n].name = arena_strndup(arena, line, length);
                if (!raw[n].name)
                        return fail(ENOMEM, "read memory statistics");
                if (strcmp(raw[n].name, "file") == 0)
                        statistics->memory.cache = raw[n].value;
                n++;
        }
        statistics->memory.raw = raw;
        statistics->memory.n_raw = n;
        return 0;
}

/* ---- io.stat: "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" ---- */

static void parse_io_words(const char *p, struct io_counter *counter)
{
        const struct {
                const char *word;
                uint64_t *value;
        } words[] = {
                {"rbytes=", &counter->read_bytes},    {"wbytes=", &counter->write_bytes},
                {"rios=", &counter->read_ops},        {"wios=", &counter->write_ops},
                {"dbytes=", &counter->discard_bytes}, {"dios=", &counter->discard_ops},
        };

        while (*p == ' ') {
                p++;
                for (size_t i = 0; i < ELEMENTS(words); i++) {
                        size_t length = strlen(words[i].word);
                        const char *end;

                        if (strncmp(p, words[i].word, length) == 0)
                                (void)cgroup_scan_number(p + length, words[i].value, &end);
                }
                p += strcspn(p, " \n");
        }
}

int cgroup_parse_io_stat(const char *text, struct arena *arena, struct cgroup_statistics *statistics)
{
        struct io_counter *v = arena_array(arena, count_lines(text), sizeof(*v));
        size_t n = 0;

        if (!v)
                return fail(ENOMEM, "read I/O statistics");
        for (const char *line = text; *line; line = next_line(line)) {
                const char *end;

                if (!cgroup_scan_number(line, &v[n].major, &end) || *end != ':' ||
                    !cgroup_scan_number(end + 1, &v[n].minor, &end))
                        continue;
                parse_io_words(end, &v[n]);
                n++;
        }
        statistics->io.set = true;
        statistics->io.v = v;
        statistics->io.n = n;
        return 0;
}

/* ---- pressure: "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459" ---- */

/* Not strtod: no locale takes part. The kernel prints two digits behind the point. */
static bool scan_percent(const char *text, double *value, const char **end)
{
        uint64_t whole, part;
        const char *dot;
        double scale = 1;

        if (!cgroup_scan_number(text, &whole, &dot))
                return false;
        *value = (double)whole;
        *end = dot;
        if (*dot != '.' || !cgroup_scan_number(dot + 1, &part, end))
                return true;
        for (const char *digit = dot + 1; digit < *end; digit++)
                scale *= 10;
        *value += (double)part / scale;
        return true;
}

static bool parse_pressure_line(const char *line, struct pressure_line *out)
{
        const struct {
                const char *word;
                double *value;
        } averages[] = {{" avg10=", &out->avg10}, {" avg60=", &out->avg60}, {" avg300=", &out->avg300}};
        const char *p = line + strcspn(line, " \n");

        for (size_t i = 0; i < ELEMENTS(averages); i++) {
                size_t length = strlen(averages[i].word);

                if (strncmp(p, averages[i].word, length) != 0 || !scan_percent(p + length, averages[i].value, &p))
                        return false;
        }
        return strncmp(p, " total=", 7) == 0 && cgroup_scan_number(p + 7, &out->total, &p);
}

bool cgroup_parse_pressure(const char *text, struct pressure *pressure)
{
        bool found = false;

        for (const char *line = text; *line; line = next_line(line)) {
                if (strncmp(line, "some ", 5) == 0)
                        found = parse_pressure_line(line, &pressure->some);
                else if (strncmp(line, "full ", 5) == 0)
                        (void)parse_pressure_line(line, &pressure->full);
        }
        return found;
}
