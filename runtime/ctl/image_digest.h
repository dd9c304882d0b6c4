/* What an image's descriptors promise of its blobs. */
#pragma once

/* Whether the rest of the file has this digest, "sha256:HEX" or "sha512:HEX"; then it stands where it stood before.
 * -EINVAL with a message for another content or another algorithm. */
int image_digest_check(int fd, const char *digest);

#define IMAGE_DIGEST_SIZE 72 /* "sha256:", 64 digits */

/* The digest by sha256 of the rest of the file. */
int image_digest_make(int fd, char digest[IMAGE_DIGEST_SIZE]);
