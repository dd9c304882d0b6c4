#include "runtime/life/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/number.h"

#define PASSWD_MOST ((size_t)16 * 1024 * 1024)

/* name:password:uid:... */
static int line_is_of(const char *line, size_t length, uint32_t uid)
{
        const char *colon = memchr(line, ':', length), *field, *end;
        char number[16];
        uint32_t id;

        colon = colon ? memchr(colon + 1, ':', length - (size_t)(colon + 1 - line)) : NULL;
        if (!colon)
                return 0;
        field = colon + 1;
        end = memchr(field, ':', length - (size_t)(field - line));
        if (!end || (size_t)(end - field) >= sizeof(number))
                return 0;
        memcpy(number, field, (size_t)(end - field));
        number[end - field] = '\0';
        return parse_id(number, &id) == 0 && id == uid;
}

int owner_find(const char *passwd, uint32_t uid, char *name, size_t size)
{
        for (const char *line = passwd; *line;) {
                size_t length = strcspn(line, "\n"), name_length = strcspn(line, ":\n");

                if (line_is_of(line, length, uid)) {
                        if (name_length == 0 || name_length >= size)
                                return -ENOENT;
                        memcpy(name, line, name_length);
                        name[name_length] = '\0';
                        return 0;
                }
                line += length + (line[length] == '\n');
        }
        return -ENOENT;
}

void owner_name(uint32_t uid, char *name, size_t size)
{
        _cleanup_free_ char *text = NULL;
        size_t length;

        if (uid == 0) {
                snprintf(name, size, "root");
                return;
        }
        if (read_file_at(AT_FDCWD, "/etc/passwd", PASSWD_MOST, &text, &length) < 0 ||
            owner_find(text, uid, name, size) < 0)
                snprintf(name, size, "#%" PRIu32, uid);
}
