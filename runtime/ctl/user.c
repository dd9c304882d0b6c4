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
#include "runtime/ctl/subids.h"

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
                snprintf(user->name, sizeof(user->name), "%s", entry.name);
                return 0;
        }
        return number ? 0 : -EINVAL;
}

/* "web,mail" */
static bool lists(const char *names, const char *name)
{
        size_t length = strlen(name);

        while (*names && *names != '\n') {
                size_t next = strcspn(names, ",\n");

                if (next == length && strncmp(names, name, length) == 0)
                        return true;
                names += next + (names[next] == ',');
        }
        return false;
}

static void add_group(struct user *user, uint32_t gid, uint64_t end)
{
        if (gid < end && user->n_groups < USER_GROUPS_MOST)
                user->groups[user->n_groups++] = gid;
}

/* Its own is in the list as well, as after a login: a set-group-id program changes the other place, and what is closed
 * to a group would be open to it then (CVE-2022-36109). */
void user_groups_in(const char *groups, uint64_t end, struct user *user)
{
        add_group(user, user->gid, end);
        for (const char *line = groups; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                char name[64], password[256], number[16];
                const char *p = line;
                uint32_t gid;

                if (field(&p, name, sizeof(name)) && field(&p, password, sizeof(password)) &&
                    field(&p, number, sizeof(number)) && parse_id(number, &gid) == 0 && gid != user->gid &&
                    *user->name && lists(p, user->name))
                        add_group(user, gid, end);
        }
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

/* Behind the last group that it has: others it cannot be in, nor in any more than one where its user may set none. */
static uint64_t end_of_groups(const struct settings *settings)
{
        uint32_t first, count;

        if (!settings->unprivileged)
                return UINT32_MAX;
        if (settings->ids.set)
                return SETTINGS_IDS_SIZE;
        return settings->subgids && subids_parse(settings->subgids, &first, &count) == 0 ? (uint64_t)count + 1 : 0;
}

/* group: what the person has said, NULL: nothing. */
static int find_groups(int root, const char *group, const struct settings *settings, struct user *user)
{
        _cleanup_free_ char *text = NULL;
        uint32_t gid;

        if (group && parse_id(group, &gid) == 0) {
                user_groups_in("", end_of_groups(settings), user);
                return 0;
        }
        text = read_table(root, "/etc/group");
        if (!text)
                return fail(ENOMEM, "read its /etc/group");
        if (group && group_find_in(text, group, &user->gid) < 0)
                return refuse(EINVAL, "its /etc/group has no group '%s'", group);
        user_groups_in(group ? "" : text, end_of_groups(settings), user);
        return 0;
}

int user_find(const struct ctl *ctl, const struct ctl_container *container, const char *name, struct user *user)
{
        _cleanup_close_ int root = storage_open(ctl, container, STORAGE_READ);
        _cleanup_free_ char *text = NULL;
        const char *colon = name ? strchr(name, ':') : NULL;

        if (root < 0)
                return root;
        text = read_table(root, "/etc/passwd");
        if (!text)
                return fail(ENOMEM, "read its /etc/passwd");
        if (user_find_in(text, name ? name : "0", user) < 0)
                return refuse(EINVAL, "its /etc/passwd has no user '%.*s'", (int)strcspn(name, ":"), name);
        return find_groups(root, colon ? colon + 1 : NULL, &container->settings, user);
}
