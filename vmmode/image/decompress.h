/* What kernels and their modules are compressed with: gzip, xz, lzma, zstd and, for kernels, lz4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bytes {
        uint8_t *data; /* malloc'ed */
        size_t size;
};

void bytes_free(struct bytes *bytes);

#define _cleanup_bytes_ __attribute__((cleanup(bytes_free)))

/* Decompresses the first stream of `data`, known by its first bytes; what follows it is left alone. At most `most`
 * bytes come out. -ENOEXEC with a message for a compression that is not known (named where it can be), for damaged and
 * for cut-off data, -EFBIG beyond `most`, -ENOMEM. what: for messages, such as "kernel /boot/vmlinuz". */
int decompress(const char *what, const uint8_t *data, size_t size, size_t most, struct bytes *out);
