#include "netdev/ctl/names.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

static bool is_word(const char *name, size_t most)
{
        size_t size = strlen(name);

        return size > 0 && size <= most && strspn(name, LETTERS) == size && name[0] != '-' && name[0] != '.';
}

bool names_container_is_good(const char *name)
{
        return is_word(name, CTLNET_CONTAINER_MAX);
}

bool names_network_is_good(const char *name)
{
        static const char *const reserved[] = {"lo", "all", "default", "host", "none", "pasta"};

        for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
                if (strcmp(name, reserved[i]) == 0)
                        return false;
        return is_word(name, CTLNET_NAME_MAX);
}

bool names_link_is_good(const char *name)
{
        return *name && strlen(name) < CTLNET_LINK_SIZE && !strpbrk(name, "/: \t\n\v\f\r%") && strcmp(name, ".") != 0 &&
               strcmp(name, "..") != 0;
}

_Static_assert(CTLNET_INTERFACES_MAX <= 10, "an index is one digit");
void names_owner(const char *container, unsigned index, char owner[NAMES_OWNER_SIZE])
{
        size_t length = strnlen(container, CTLNET_CONTAINER_MAX);

        memcpy(owner, container, length);
        owner[length++] = '.';
        owner[length++] = (char)('0' + index);
        owner[length] = '\0';
}

int names_container_length(const char *owner)
{
        const char *dot = strrchr(owner, '.');

        return dot ? (int)(dot - owner) : (int)strlen(owner);
}

uint64_t names_hash(const char *text, uint64_t salt)
{
        uint64_t hash = hash_more(HASH_START, text, strlen(text));

        for (; salt; salt >>= 8)
                hash = hash_more(hash, &(unsigned char){salt & 0xff}, 1);
        /* The low bits of FNV mix little. */
        return hash ^ hash >> 32;
}

void names_link(const char *kind, const char *owner, unsigned generation, char link[CTLNET_LINK_SIZE])
{
        static const char digits[] = "0123456789abcdefghijkmnpqrstuvwx";
        uint64_t hash = names_hash(owner, 0);
        int used = snprintf(link, CTLNET_LINK_SIZE, "%.2s", kind);

        for (int i = 0; i < 9; i++, hash >>= 5)
                link[used++] = digits[hash & 31];
        link[used++] = (char)('0' + generation % CTLNET_GENERATIONS);
        link[used] = '\0';
}

void names_mac(const char *text, unsigned attempt, uint8_t mac[6])
{
        uint64_t hash = names_hash(text, attempt + 1);

        mac[0] = 0x02;
        for (int i = 1; i < 6; i++, hash >>= 8)
                mac[i] = (uint8_t)hash;
}
