#include "namespaces/mountinfo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Space, tab, newline and backslash are written as "\040". */
static void unescape(char *path)
{
        char *to = path;

        for (const char *from = path; *from; from++) {
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
                        *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 3;
                } else {
                        *to++ = *from;
                }
        }
        *to = '\0';
}

/* Cuts the next word off. NULL: there is none. */
static char *word(char **rest)
{
        char *start = *rest;
        size_t length = strcspn(start, " ");

        if (length == 0)
                return NULL;
        *rest = start + length + (start[length] == ' ');
        start[length] = '\0';
        return start;
}

/* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS" */
static bool parse(char *line, struct mountinfo *entry)
{
        char *type = strstr(line, " - ");
        char *words[5];

        if (!type)
                return false;
        *type = '\0';
        type += strlen(" - ");
        for (size_t i = 0; i < 5; i++) {
                words[i] = word(&line);
                if (!words[i])
                        return false;
        }
        entry->id = strtoull(words[0], NULL, 10);
        entry->parent = strtoull(words[1], NULL, 10);
        entry->mount_point = words[4];
        unescape(entry->mount_point);
        entry->type = word(&type);
        return entry->type;
}

bool mountinfo_next(char **text, struct mountinfo *entry)
{
        while (**text) {
                char *line = *text;
                size_t length = strcspn(line, "\n");

                *text = line + length + (line[length] == '\n');
                line[length] = '\0';
                if (parse(line, entry))
                        return true;
        }
        return false;
}
