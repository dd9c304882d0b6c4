#include "base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAFT ".new"

int claim_read(int claims, const char *what, char text[CLAIM_TEXT_SIZE])
{
        ssize_t size = readlinkat(claims, what, text, CLAIM_TEXT_SIZE - 1);

        if (size < 0)
                return -errno;
        text[size] = '\0';
        return 0;
}

/* Cuts the first name off a text; NULL at its end. */
static const char *next_name(char **rest)
{
        return *rest ? strsep(rest, ":") : NULL;
}

static bool names(const char *text, const char *owner)
{
        char copy[CLAIM_TEXT_SIZE], *rest = copy;

        snprintf(copy, sizeof(copy), "%s", text);
        for (const char *name; (name = next_name(&rest));)
                if (strcmp(name, owner) == 0)
                        return true;
        return false;
}

/* Whether one of them is there, besides the owner. What cannot be looked at counts as there. */
static bool is_anothers(const char *text, const char *owner, int owners)
{
        char copy[CLAIM_TEXT_SIZE], *rest = copy;

        snprintf(copy, sizeof(copy), "%s", text);
        for (const char *name; (name = next_name(&rest));)
                if (strcmp(name, owner) != 0 &&
                    (faccessat(owners, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT))
                        return true;
        return false;
}

int claim_check(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE])
{
        int r = claim_read(claims, what, text);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return is_anothers(text, owner, owners) ? -EADDRINUSE : 0;
}

int claim_take(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE])
{
        int r;

        if (symlinkat(owner, claims, what) == 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        r = claim_read(claims, what, text);
        if (r < 0 || strcmp(text, owner) == 0)
                return r;
        return is_anothers(text, owner, owners) ? -EADDRINUSE : claim_hand_over(claims, what, owner);
}

int claim_keep(int claims, const char *what, const char *owner, int owners, char text[CLAIM_TEXT_SIZE])
{
        int r = claim_take(claims, what, owner, owners, text);

        return r == -EADDRINUSE && names(text, owner) ? claim_hand_over(claims, what, owner) : r;
}

int claim_hand_over(int claims, const char *what, const char *text)
{
        if ((unlinkat(claims, DRAFT, 0) < 0 && errno != ENOENT) || symlinkat(text, claims, DRAFT) < 0 ||
            renameat(claims, DRAFT, claims, what) < 0)
                return -errno;
        return 0;
}

int claim_drop(int claims, const char *what, int owners)
{
        char text[CLAIM_TEXT_SIZE];
        int r = claim_read(claims, what, text);

        if (r == 0 && !is_anothers(text, "", owners) && unlinkat(claims, what, 0) < 0)
                r = -errno;
        return r == -ENOENT ? 0 : r;
}
