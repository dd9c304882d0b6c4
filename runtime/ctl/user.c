#include "runtime/ctl/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"
#include "base/path.h"
#include "runtime/ctl/storage.h"

#define TABLE_MOST ((size_t)1024 * 1024)

/* "name:password:uid:gid:comment:home:shell" */
struct entry {
        char name[64], home[256];
        uint32_t uid, gid;
};

static bool field(const char **p, char *value, size_t size)
{
        size_t length = strcspn(*p, ":\n");

        if (length >= size)
                return false;
        memcpy(value, *p, length);
        value[length] = '\0';
        *p += length + ((*p)[length] == ':');
        return true;
}

static bool parse_entry(const char *line, struct entry *entry)
{
        char password[256], uid[16], gid[16], comment[256];

        return field(&line, entry->name, sizeof(entry->name)) && field(&line, password, sizeof(password)) &&
               field(&line, uid, sizeof(uid)) && field(&line, gid, sizeof(gid)) &&
               field(&line, comment, sizeof(comment)) && field(&line, entry->home, sizeof(entry->home)) &&
               parse_id(uid, &entry->uid) == 0 && parse_id(gid, &entry->gid) == 0;
}

/* UID or UID:GID in digits; false: it is a name, with its length before a group in *length. */
static bool is_number(const char *name, struct user *user, bool *group, size_t *length)
{
        const char *colon = strchr(name, ':');
        char first[64];

        *length = colon ? (size_t)(colon - name) : strlen(name);
        *group = colon && parse_id(colon + 1, &user->gid) == 0;
        snprintf(first, sizeof(first), "%.*s", (int)*length, name);
        return parse_id(first, &user->uid) == 0;
}

int user_find_in(const char *passwd, const char *name, struct user *user)
{
        bool group, number;
        size_t length;

        *user = (struct user){.home = "/"};
        number = is_number(name, user, &group, &length);
        for (const char *line = passwd; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                struct entry entry;

                if (!parse_entry(line, &entry))
                        continue;
                if (number ? entry.uid != user->uid : strlen(entry.name) != length || strncmp(entry.name, name, length))
                        continue;
                user->uid = entry.uid;
                if (!group)
                        user->gid = entry.gid;
                snprintf(user->home, sizeof(user->home), "%s", *entry.home ? entry.home : "/");
                return 0;
        }
        return number ? 0 : -EINVAL;
}

int group_find_in(const char *groups, const char *name, uint32_t *gid)
{
        for (const char *line = groups; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                char found[64], password[256], number[16];
                const char *p = line;

                if (field(&p, found, sizeof(found)) && field(&p, password, sizeof(password)) &&
                    field(&p, number, sizeof(number)) && strcmp(found, name) == 0)
                        return parse_id(number, gid);
        }
        return -EINVAL;
}

/* "" where there is none. NULL without memory. */
static char *read_table(int root, const char *path)
{
        _cleanup_close_ int file = in_root_open(root, path, O_RDONLY | O_NONBLOCK);
        char *text = NULL;
        struct stat st;
        size_t size;

        if (file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode))
                (void)read_all(file, TABLE_MOST, &text, &size);
        error_clear();
        return text ? text : strdup("");
}

static int find_group(int root, const char *name, struct user *user)
{
        _cleanup_free_ char *text = read_table(root, "/etc/group");

        if (!text)
                return fail(ENOMEM, "read its /etc/group");
        return group_find_in(text, name, &user->gid) < 0 ? refuse(EINVAL, "its /etc/group has no group '%s'", name) : 0;
}

int user_find(const struct ctl *ctl, const struct ctl_container *container, const char *name, struct user *user)
{
        _cleanup_close_ int root = storage_open(ctl, container);
        _cleanup_free_ char *text = NULL;
        const char *colon = name ? strchr(name, ':') : NULL;
        uint32_t gid;

        if (root < 0)
                return root;
        text = read_table(root, "/etc/passwd");
        if (!text)
                return fail(ENOMEM, "read its /etc/passwd");
        if (user_find_in(text, name ? name : "0", user) < 0)
                return refuse(EINVAL, "its /etc/passwd has no user '%.*s'", (int)strcspn(name, ":"), name);
        return colon && parse_id(colon + 1, &gid) < 0 ? find_group(root, colon + 1, user) : 0;
}
