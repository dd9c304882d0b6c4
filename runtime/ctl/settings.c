#include "runtime/ctl/settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "runtime/ctl/settings_checks.h"

#define SETTING(key_, kind_, member_, ...)                                                                             \
        {                                                                                                              \
                .key = (key_), .kind = SETTING_##kind_, .offset = offsetof(struct settings, member_), __VA_ARGS__      \
        }

const struct setting setting_table[] = {
        SETTING("image", TEXT, image, .fixed = true),
        SETTING("created", TEXT, created, .fixed = true),
        SETTING("isolation", TEXT, isolation, .check = check_isolation, .expected = "process or vm", .fixed = true),
        SETTING("unprivileged", FLAG, unprivileged, .fixed = true),
        SETTING("ids", NUMBER, ids, .least = SETTINGS_IDS_SIZE, .most = UINT32_MAX - (int64_t)SETTINGS_IDS_SIZE,
                .fixed = true),
        SETTING("subuids", TEXT, subuids, .check = check_subids, .expected = "FIRST:COUNT", .fixed = true),
        SETTING("subgids", TEXT, subgids, .check = check_subids, .expected = "FIRST:COUNT", .fixed = true),
        SETTING("arg", LIST, args),
        SETTING("env", LIST, env, .check = check_env, .expected = "NAME=VALUE"),
        SETTING("user", TEXT, user, .check = check_user, .expected = "USER or USER:GROUP, names or numbers"),
        SETTING("workdir", TEXT, workdir, .check = check_absolute, .expected = "an absolute path"),
        SETTING("terminal", FLAG, terminal),
        SETTING("hostname", TEXT, hostname, .check = check_hostname,
                .expected = "letters, digits, '-' and '.', at most 64"),
        SETTING("stop-signal", TEXT, stop_signal, .check = check_signal, .expected = "a signal's name or number",
                .live = true),
        SETTING("stop-timeout", NUMBER, stop_timeout, .least = 0, .most = 3600, .live = true),
        SETTING("restart", TEXT, restart, .check = check_restart,
                .expected = "no, on-failure[:N], always or unless-stopped"),
        SETTING("log-size", BYTES, log_size, .least = 4096, .most = INT64_MAX),
        SETTING("autostart", FLAG, autostart, .live = true),
        SETTING("start-order", NUMBER, start_order, .least = -1000, .most = 1000, .live = true),
        SETTING("cpus", CPUS, cpus, .least = 10, .most = 8192 * 1000, .live = true),
        SETTING("cpu-weight", NUMBER, cpu_weight, .least = 1, .most = 10000, .live = true),
        SETTING("cpu-set", TEXT, cpu_set, .check = check_cpu_set, .expected = "a list of CPUs such as 0-3,7",
                .live = true),
        SETTING("memory", BYTES, memory, .least = 512 * 1024, .most = INT64_MAX / 2, .live = true),
        SETTING("swap", BYTES, swap, .least = 0, .most = INT64_MAX / 2, .live = true),
        SETTING("pids", NUMBER, pids, .least = 1, .most = 4194304, .live = true),
        SETTING("io-read", BYTES, io_read, .least = 1, .most = INT64_MAX, .live = true),
        SETTING("io-write", BYTES, io_write, .least = 1, .most = INT64_MAX, .live = true),
        SETTING("io-read-ops", NUMBER, io_read_ops, .least = 1, .most = INT64_MAX, .live = true),
        SETTING("io-write-ops", NUMBER, io_write_ops, .least = 1, .most = INT64_MAX, .live = true),
        SETTING("cgroup-parent", TEXT, cgroup_parent, .check = check_cgroup_parent,
                .expected = "an absolute path of the cgroup tree, without '..'"),
        SETTING("disk", BYTES, disk, .least = 8 * 1024 * 1024, .most = INT64_C(1) << 60, .live = true),
        SETTING("inodes", NUMBER, inodes, .least = 64, .most = UINT32_MAX, .live = true),
        SETTING("net", LIST, nets, .check = check_net,
                .expected =
                        "a network, host, none, pasta, container:NAME, macvlan:LINK, vlan:LINK.VLAN or phys:LINK, and "
                        "behind it ,name=ethN ,ip= ,ip6= ,gateway= ,gateway6= ,mac= ,mtu= ,allow-spoofing"),
        SETTING("ip", TEXT, ip, .check = check_ip, .expected = "an IPv4 address"),
        SETTING("ip6", TEXT, ip6, .check = check_ip6, .expected = "an IPv6 address"),
        SETTING("mac", TEXT, mac, .check = check_mac, .expected = "a MAC address such as 02:00:5e:10:00:01"),
        SETTING("net-rate-in", TEXT, rate_in, .check = check_rate, .expected = "a rate such as 100mbit", .live = true),
        SETTING("net-rate-out", TEXT, rate_out, .check = check_rate, .expected = "a rate such as 100mbit",
                .live = true),
        SETTING("publish", LIST, publish, .check = check_publish,
                .expected = "[ADDRESS:]PORT[:PORT][/udp], ports from 1 to 65535 or ranges of them such as 8000-8009",
                .live = true),
        SETTING("dns", LIST, dns, .check = check_dns, .expected = "an IP address"),
        SETTING("volume", LIST, volumes, .check = check_volume,
                .expected = "SOURCE:DESTINATION[:ro], both absolute paths without ':'"),
};
const size_t n_settings = ELEMENTS(setting_table);

const struct setting *setting_find(const char *key)
{
        for (size_t i = 0; i < n_settings; i++)
                if (setting_table[i].key[0] == key[0] && strcmp(setting_table[i].key, key) == 0)
                        return &setting_table[i];
        return NULL;
}

bool setting_is_among(uint64_t bits, const char *key)
{
        return bits >> (setting_find(key) - setting_table) & 1;
}

static void *member_of(const struct settings *settings, const struct setting *setting)
{
        return (void *)((uintptr_t)settings + setting->offset);
}

static int keep_text(struct settings *settings, const char *value, const char **text)
{
        *text = arena_strdup(&settings->arena, value);
        return *text ? 0 : fail(ENOMEM, "keep a setting");
}

/* The old array stays in the arena: a list has a handful of elements. */
static int append(struct settings *settings, struct oci_strings *list, const char *value)
{
        const char **bigger = arena_array(&settings->arena, list->n + 1, sizeof(*bigger));

        if (!bigger)
                return fail(ENOMEM, "keep a setting");
        if (list->n)
                memcpy(bigger, list->v, list->n * sizeof(*bigger));
        list->v = bigger;
        return keep_text(settings, value, &bigger[list->n++]);
}

static int refuse_value(const struct setting *setting, const char *value, const char *expected)
{
        return refuse(EINVAL, "%s: invalid value '%s': expected %s", setting->key, value, expected);
}

static int set_number(const struct setting *setting, const char *value, struct optional_i64 *number)
{
        int64_t parsed = 0;
        int r;

        if (setting->kind == SETTING_BYTES)
                r = parse_bytes(value, &parsed);
        else if (setting->kind == SETTING_CPUS)
                r = parse_thousandths(value, &parsed);
        else
                r = parse_i64(value, INT64_MIN, INT64_MAX, &parsed);
        if (r < 0)
                return refuse_value(setting, value,
                                    setting->kind == SETTING_BYTES  ? "a size such as 512m"
                                    : setting->kind == SETTING_CPUS ? "a number of CPUs such as 1.5"
                                                                    : "a number");
        if (parsed < setting->least || parsed > setting->most) {
                if (setting->kind == SETTING_CPUS)
                        return refuse_value(setting, value, "0.01 to 8192");
                return refuse(EINVAL, "%s: %s is out of range: expected %" PRId64 " to %" PRId64, setting->key, value,
                              setting->least, setting->most);
        }
        *number = (struct optional_i64){true, parsed};
        return 0;
}

static int set_flag(const struct setting *setting, const char *value, bool *flag)
{
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
                return refuse_value(setting, value, "yes or no");
        *flag = strcmp(value, "yes") == 0;
        return 0;
}

int settings_set(struct settings *settings, const struct setting *setting, const char *value)
{
        void *member = member_of(settings, setting);

        if (strcmp(value, "none") == 0 && setting->kind != SETTING_LIST && setting->kind != SETTING_FLAG) {
                settings_unset(settings, setting);
                return 0;
        }
        if (setting->check && setting->check(value) < 0)
                return refuse_value(setting, value, setting->expected);
        switch (setting->kind) {
        case SETTING_TEXT:
                return keep_text(settings, value, member);
        case SETTING_FLAG:
                return set_flag(setting, value, member);
        case SETTING_LIST:
                return append(settings, member, value);
        default:
                return set_number(setting, value, member);
        }
}

void settings_unset(struct settings *settings, const struct setting *setting)
{
        static const size_t sizes[] = {
                [SETTING_TEXT] = sizeof(const char *),          [SETTING_FLAG] = sizeof(bool),
                [SETTING_NUMBER] = sizeof(struct optional_i64), [SETTING_BYTES] = sizeof(struct optional_i64),
                [SETTING_CPUS] = sizeof(struct optional_i64),   [SETTING_LIST] = sizeof(struct oci_strings),
        };

        memset(member_of(settings, setting), 0, sizes[setting->kind]);
}

static void print_bytes(FILE *out, int64_t value)
{
        static const char suffixes[] = "\0kmgt";
        size_t i = 0;

        while (value && value % 1024 == 0 && suffixes[i + 1]) {
                value /= 1024;
                i++;
        }
        fprintf(out, "%" PRId64 "%.1s", value, &suffixes[i]);
}

static void print_number(FILE *out, const struct setting *setting, const struct optional_i64 *number)
{
        if (setting->kind == SETTING_BYTES)
                print_bytes(out, number->value);
        else if (setting->kind == SETTING_CPUS && number->value % 1000)
                fprintf(out, "%" PRId64 ".%03d", number->value / 1000, (int)(number->value % 1000));
        else
                fprintf(out, "%" PRId64, setting->kind == SETTING_CPUS ? number->value / 1000 : number->value);
}

/* A line of the file is one value: what would end it is written as \n, and a backslash twice. */
static void print_text(FILE *out, const char *text, bool escaped)
{
        for (const char *p = text; *p; p++)
                if (escaped && *p == '\n')
                        fputs("\\n", out);
                else if (escaped && *p == '\\')
                        fputs("\\\\", out);
                else
                        fputc(*p, out);
}

static void unescape(char *text)
{
        char *to = text;

        for (const char *p = text; *p; p++) {
                if (*p == '\\' && (p[1] == 'n' || p[1] == '\\'))
                        *to++ = *++p == 'n' ? '\n' : '\\';
                else
                        *to++ = *p;
        }
        *to = '\0';
}

/* How a value is printed: `before` in front, a newline behind. */
struct style {
        const char *before;
        bool escaped;
};

static void print_line(FILE *out, const char *text, const struct style *style)
{
        fputs(style->before, out);
        print_text(out, text, style->escaped);
        fputc('\n', out);
}

static bool is_set(const struct settings *settings, const struct setting *setting)
{
        const void *member = member_of(settings, setting);

        switch (setting->kind) {
        case SETTING_LIST:
                return ((const struct oci_strings *)member)->n > 0;
        case SETTING_TEXT:
                return *(const char *const *)member;
        case SETTING_FLAG:
                return true;
        default:
                return ((const struct optional_i64 *)member)->set;
        }
}

/* None or one, and of a list all. */
static void print_values(FILE *out, const struct settings *settings, const struct setting *setting,
                         const struct style *style)
{
        const void *member = member_of(settings, setting);
        const struct oci_strings *list = member;

        if (!is_set(settings, setting))
                return;
        switch (setting->kind) {
        case SETTING_LIST:
                for (size_t i = 0; i < list->n; i++)
                        print_line(out, list->v[i], style);
                return;
        case SETTING_TEXT:
                print_line(out, *(const char *const *)member, style);
                return;
        case SETTING_FLAG:
                print_line(out, *(const bool *)member ? "yes" : "no", style);
                return;
        default:
                fputs(style->before, out);
                print_number(out, setting, member);
                fputc('\n', out);
        }
}

char *setting_text(const struct settings *settings, const struct setting *setting)
{
        char *text = NULL;
        size_t size;
        FILE *out;

        /* A stream costs more than all else that a listing does with a container. */
        if (!is_set(settings, setting))
                return strdup("");
        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        print_values(out, settings, setting, &(const struct style){.before = ""});
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        if (size)
                text[size - 1] = '\0';
        return text;
}

int settings_format(const struct settings *settings, char **text)
{
        size_t size;
        FILE *out = open_memstream(text, &size);

        if (!out)
                return fail(ENOMEM, "write the settings");
        fputs("# A container of berthctl. `berthctl set` changes it; edits by hand count from the next start.\n", out);
        for (size_t i = 0; i < n_settings; i++) {
                char before[64];

                snprintf(before, sizeof(before), "%s = ", setting_table[i].key);
                print_values(out, settings, &setting_table[i], &(const struct style){before, true});
        }
        for (size_t i = 0; i < settings->unknown.n; i++)
                fprintf(out, "%s\n", settings->unknown.v[i]);
        if (fclose(out) == 0)
                return 0;
        free(*text);
        *text = NULL;
        return fail(ENOMEM, "write the settings");
}

/* "key = value"; one blank behind "=" does not count. Cuts `line`. */
static int parse_line(struct settings *settings, char *line)
{
        char *equals = strchr(line, '='), *value, *end;
        const struct setting *setting;

        if (!equals)
                return refuse(EINVAL, "'%.64s' is not KEY = VALUE", line);
        for (end = equals; end > line && (end[-1] == ' ' || end[-1] == '\t'); end--)
                ;
        value = equals + 1 + (equals[1] == ' ');
        *equals = '\0';
        if (end < equals)
                *end = '\0';
        setting = setting_find(line);
        if (setting) {
                unescape(value);
                return settings_set(settings, setting, value);
        }
        return append(settings, &settings->unknown, arena_printf(&settings->arena, "%s = %s", line, value) ?: "");
}

int settings_parse(const char *name, const char *text, struct settings *settings)
{
        const char *problem = NULL;
        unsigned number = 0;
        const char *p = text;

        while (*p) {
                size_t length = strcspn(p, "\n");
                const char *begin = p + strspn(p, " \t");
                char *line;
                int r;

                number++;
                if (begin < p + length && *begin != '#') {
                        line = arena_strndup(&settings->arena, begin, (size_t)(p + length - begin));
                        r = line ? parse_line(settings, line) : fail(ENOMEM, "read the settings");
                        if (r == -ENOMEM)
                                return name ? fail_in(r, "%s", name) : r;
                        if (r < 0 && !problem)
                                problem = arena_printf(&settings->arena, "line %u: %s", number, error_message());
                }
                p += length + (p[length] == '\n');
        }
        if (!problem)
                return 0;
        return name ? refuse(EINVAL, "%s: %s", name, problem) : refuse(EINVAL, "%s", problem);
}

void settings_release(struct settings *settings)
{
        arena_free(&settings->arena);
        *settings = (struct settings){0};
}
