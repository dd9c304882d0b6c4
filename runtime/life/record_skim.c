#include <string.h>

#include "base/number.h"
#include "runtime/life/record.h"

static bool take(char **p, const char *words)
{
        size_t length = strlen(words);

        if (strncmp(*p, words, length) != 0)
                return false;
        *p += length;
        return true;
}

/* To the closing quote, which is cut off. One with escapes is left to a real parser. */
static bool take_string(char **p, const char *before, const char **text)
{
        char *from, *end;

        if (!take(p, before))
                return false;
        from = *p;
        end = from + strcspn(from, "\"\\");
        if (*end != '"')
                return false;
        *end = '\0';
        *p = end + 1;
        *text = from;
        return true;
}

static bool take_number(char **p, const char *before, uint64_t most, uint64_t *number)
{
        char digits[24];
        size_t length;

        if (!take(p, before))
                return false;
        length = strspn(*p, "0123456789");
        if (length >= sizeof(digits))
                return false;
        memcpy(digits, *p, length);
        digits[length] = '\0';
        *p += length;
        return parse_u64(digits, most, number) == 0;
}

/* A list of words. has: whether `word` is among them; NULL: no matter. */
static bool take_list(char **p, const char *before, const char *word, bool *has)
{
        char *end;

        if (!take(p, before))
                return false;
        end = *p + strcspn(*p, "]");
        if (*end != ']')
                return false;
        *end = '\0';
        if (has)
                *has = strstr(*p, word);
        *p = end + 1;
        return true;
}

static bool take_init(char **p, struct process_identity *init)
{
        const char *boot_id;
        uint64_t pid;

        if (!take_number(p, ",\"init\":{\"pid\":", INT32_MAX, &pid) || pid == 0 ||
            !take_number(p, ",\"startTime\":", UINT64_MAX, &init->start_time) ||
            !take_string(p, ",\"bootId\":\"", &boot_id) || !take(p, "}") || strlen(boot_id) >= sizeof(init->boot_id))
                return false;
        init->pid = (pid_t)pid;
        strcpy(init->boot_id, boot_id);
        return true;
}

static bool take_group(char **p, struct record_gist *gist)
{
        bool pid_namespace = gist->ends_with_init;
        uint64_t depth;

        gist->ends_with_init = false;
        if (!take(p, ",\"cgroup\":\""))
                return true;
        *p -= 1;
        if (!take_string(p, "\"", &gist->cgroup) || !take_number(p, ",\"cgroupExistingDepth\":", INT32_MAX, &depth))
                return false;
        /* A path that climbs is refused by who parses. */
        if (strstr(gist->cgroup, ".."))
                return false;
        gist->ends_with_init = pid_namespace && !record_group_existed(gist->cgroup, (int)depth);
        return true;
}

bool record_skim(char *text, size_t size, const char *id, struct record_gist *gist)
{
        char *p = text;
        const char *found, *isolation, *other;
        uint64_t number;

        *gist = (struct record_gist){0};
        if (size < 2 || strcmp(text + size - 2, "}\n") != 0)
                return false;
        if (!take_number(&p, "{\"version\":", RECORD_VERSION, &number) || number != RECORD_VERSION ||
            !take_string(&p, ",\"id\":\"", &found) || strcmp(found, id) != 0 ||
            !take_string(&p, ",\"ociVersion\":\"", &other) || !take_string(&p, ",\"bundle\":\"", &other) ||
            !take_string(&p, ",\"rootfs\":\"", &other) || !take_string(&p, ",\"created\":\"", &gist->created) ||
            !take_string(&p, ",\"isolation\":\"", &isolation) || !take_string(&p, ",\"sandbox\":\"", &other) ||
            !take_init(&p, &gist->init) || !take_number(&p, ",\"owner\":", UINT32_MAX, &number) ||
            !take_list(&p, ",\"namespaces\":[", NULL, NULL) ||
            !take_list(&p, ",\"newNamespaces\":[", "\"pid\"", &gist->ends_with_init) ||
            !take_string(&p, ",\"cgroupManager\":\"", &other))
                return false;
        gist->ends_with_init &= strcmp(isolation, "process") == 0;
        return take_group(&p, gist);
}
