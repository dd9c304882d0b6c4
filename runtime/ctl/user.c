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

#define PASSWD_MOST ((size_t)1024 * 1024)

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

int user_find(const struct ctl *ctl, const struct ctl_container *container, const char *name, struct user *user)
{
        _cleanup_close_ int root = storage_open(ctl, container), file = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;

        if (root < 0)
                return root;
        file = in_root_open(root, "/etc/passwd", O_RDONLY | O_NONBLOCK);
        if (file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode))
                (void)read_all(file, PASSWD_MOST, &text, &size);
        error_clear();
        if (user_find_in(text ? text : "", name ? name : "0", user) < 0)
                return refuse(EINVAL, "its /etc/passwd has no user '%s'", name);
        return 0;
}
