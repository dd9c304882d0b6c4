#include "runtime/ctl/image_digest.h"

#include <errno.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define DIGEST_MOST SHA512_DIGEST_SIZE

/* The two that the image specification registers. */
static const struct nettle_hash *find_hash(const char *digest, size_t length)
{
        const struct nettle_hash *const hashes[] = {&nettle_sha256, &nettle_sha512};

        for (size_t i = 0; i < ELEMENTS(hashes); i++)
                if (strlen(hashes[i]->name) == length && strncmp(hashes[i]->name, digest, length) == 0)
                        return hashes[i];
        return NULL;
}

static int hash_file(int fd, const struct nettle_hash *hash, uint8_t *result)
{
        union {
                struct sha256_ctx sha256;
                struct sha512_ctx sha512;
        } context;
        uint8_t block[65536];
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t n;

        if (at < 0)
                return -errno;
        hash->init(&context);
        while ((n = pread(fd, block, sizeof(block), at)) > 0) {
                hash->update(&context, (size_t)n, block);
                at += n;
        }
        hash->digest(&context, hash->digest_size, result);
        return n < 0 ? -errno : 0;
}

static void print_hex(const uint8_t *bytes, size_t n, char *text)
{
        for (size_t i = 0; i < n; i++)
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

int image_digest_make(int fd, char digest[IMAGE_DIGEST_SIZE])
{
        uint8_t result[SHA256_DIGEST_SIZE];
        int r = hash_file(fd, &nettle_sha256, result);

        if (r < 0)
                return fail(-r, "read a layer");
        strcpy(digest, "sha256:");
        print_hex(result, sizeof(result), digest + strlen(digest));
        return 0;
}

int image_digest_check(int fd, const char *digest)
{
        const char *colon = strchr(digest, ':');
        const struct nettle_hash *hash = colon ? find_hash(digest, (size_t)(colon - digest)) : NULL;
        uint8_t result[DIGEST_MOST];
        char text[2 * DIGEST_MOST + 1];
        int r;

        if (!hash)
                return refuse(EINVAL, "'%.100s': expected a digest by sha256 or sha512", digest);
        r = hash_file(fd, hash, result);
        if (r < 0)
                return fail(-r, "read %.100s", digest);
        print_hex(result, hash->digest_size, text);
        if (strcmp(text, colon + 1) != 0)
                return refuse(EINVAL, "blob %.100s holds something else", digest);
        return 0;
}
