#include "vmmode/image/decompress.h"

#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define LZ4_CHUNK       ((size_t)8 << 20) /* what each chunk of the legacy format holds at most */
#define XZ_MEMORY       ((uint64_t)256 << 20)
#define FIRST_ROOM      ((size_t)1 << 20)
#define GZIP_OR_NOTHING (16 + MAX_WBITS)

struct stream {
        const uint8_t *in;
        size_t left; /* of in */
        size_t most;
        struct bytes *out;
        size_t room; /* bytes that out->data can hold */
};

void bytes_free(struct bytes *bytes)
{
        free(bytes->data);
        *bytes = (struct bytes){0};
}

/* Room for at least `wanted` more bytes, or for what is left of `most`. -EFBIG when nothing is. */
static int make_room(struct stream *stream, size_t wanted)
{
        size_t room = stream->room ? stream->room : FIRST_ROOM;
        uint8_t *data;

        if (stream->room > stream->out->size && stream->room - stream->out->size >= wanted)
                return 0;
        while (room < stream->most && room - stream->out->size < wanted)
                room *= 2;
        if (room > stream->most)
                room = stream->most;
        if (room <= stream->out->size)
                return -EFBIG;
        data = realloc(stream->out->data, room);
        if (!data)
                return -ENOMEM;
        stream->out->data = data;
        stream->room = room;
        return 0;
}

/* The codecs: 0 at the end of the stream, -EBADMSG for damaged, -ENODATA for cut-off data. */

static int gzip(struct stream *stream)
{
        z_stream z = {0};
        int r = 0, state = Z_OK;

        if (inflateInit2(&z, GZIP_OR_NOTHING) != Z_OK)
                return -ENOMEM;
        z.next_in = (Bytef *)(uintptr_t)stream->in;
        z.avail_in = (uInt)stream->left;
        while (r == 0 && state == Z_OK) {
                r = make_room(stream, 1);
                if (r < 0)
                        break;
                z.next_out = stream->out->data + stream->out->size;
                z.avail_out = (uInt)(stream->room - stream->out->size);
                state = inflate(&z, Z_NO_FLUSH);
                stream->out->size = stream->room - z.avail_out;
        }
        inflateEnd(&z);
        if (r < 0 || state == Z_STREAM_END)
                return r;
        return state == Z_BUF_ERROR ? -ENODATA : state == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int run_lzma(struct stream *stream, lzma_stream *lzma)
{
        lzma_ret state = LZMA_OK;
        int r = 0;

        lzma->next_in = stream->in;
        lzma->avail_in = stream->left;
        while (r == 0 && state == LZMA_OK) {
                r = make_room(stream, 1);
                if (r < 0)
                        break;
                lzma->next_out = stream->out->data + stream->out->size;
                lzma->avail_out = stream->room - stream->out->size;
                state = lzma_code(lzma, LZMA_RUN);
                stream->out->size = stream->room - lzma->avail_out;
        }
        lzma_end(lzma);
        if (r < 0 || state == LZMA_STREAM_END)
                return r;
        return state == LZMA_BUF_ERROR ? -ENODATA : state == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int xz(struct stream *stream)
{
        lzma_stream lzma = LZMA_STREAM_INIT;

        return lzma_stream_decoder(&lzma, XZ_MEMORY, 0) == LZMA_OK ? run_lzma(stream, &lzma) : -ENOMEM;
}

static int lzma_alone(struct stream *stream)
{
        lzma_stream lzma = LZMA_STREAM_INIT;

        return lzma_alone_decoder(&lzma, XZ_MEMORY) == LZMA_OK ? run_lzma(stream, &lzma) : -ENOMEM;
}

static int zstd(struct stream *stream)
{
        ZSTD_DStream *z = ZSTD_createDStream();
        ZSTD_inBuffer in = {stream->in, stream->left, 0};
        size_t state = 1;
        int r = z ? 0 : -ENOMEM;

        while (r == 0 && state != 0) {
                ZSTD_outBuffer out;

                r = make_room(stream, 1);
                if (r < 0)
                        break;
                out = (ZSTD_outBuffer){stream->out->data + stream->out->size, stream->room - stream->out->size, 0};
                state = ZSTD_decompressStream(z, &out, &in);
                stream->out->size += out.pos;
                if (ZSTD_isError(state))
                        r = -EBADMSG;
                else if (state != 0 && in.pos == in.size && out.pos < out.size)
                        r = -ENODATA;
        }
        ZSTD_freeDStream(z);
        return r;
}

/* The legacy format, which only kernels use: a magic number, then chunks, each with its size in front. Nothing says
 * where it ends, and in a kernel the size of what comes out follows (4 bytes, no chunk is that small and none as
 * large).
 */
static int lz4(struct stream *stream)
{
        const uint8_t *in = stream->in + 4;
        size_t left = stream->left - 4;

        while (left > 4) {
                size_t size = in[0] | (size_t)in[1] << 8 | (size_t)in[2] << 16 | (size_t)in[3] << 24;
                int r, n;

                if (size == 0 || size > (size_t)LZ4_COMPRESSBOUND(LZ4_CHUNK))
                        return -EBADMSG;
                if (size > left - 4)
                        return -ENODATA;
                r = make_room(stream, LZ4_CHUNK);
                if (r < 0)
                        return r;
                n = LZ4_decompress_safe((const char *)in + 4, (char *)stream->out->data + stream->out->size, (int)size,
                                        (int)(stream->room - stream->out->size));
                if (n < 0)
                        return stream->room == stream->most ? -EFBIG : -EBADMSG;
                stream->out->size += (size_t)n;
                in += 4 + size;
                left -= 4 + size;
        }
        return 0;
}

static const struct {
        const char *name;
        uint8_t magic[6];
        size_t length;
        int (*run)(struct stream *stream); /* NULL: known by name only */
} formats[] = {
        {"gzip", {0x1f, 0x8b}, 2, gzip},
        {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, xz},
        {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd},
        {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, lz4},
        {"lzma", {0x5d, 0, 0}, 3, lzma_alone},
        {"bzip2", {'B', 'Z', 'h'}, 3, NULL},
        {"lzo", {0x89, 'L', 'Z', 'O'}, 4, NULL},
};

static int explain(const char *what, const char *format, int r)
{
        switch (r) {
        case -EBADMSG:
                return refuse(ENOEXEC, "%s: damaged: its %s data cannot be decompressed", what, format);
        case -ENODATA:
                return refuse(ENOEXEC, "%s: cut off: its %s data have no end", what, format);
        case -EFBIG:
                return refuse(EFBIG, "%s: its %s data hold more than they should", what, format);
        default:
                return fail(-r, "%s: decompress its %s data", what, format);
        }
}

int decompress(const char *what, const uint8_t *data, size_t size, size_t most, struct bytes *out)
{
        struct stream stream = {.in = data, .left = size, .most = most, .out = out};

        *out = (struct bytes){0};
        for (size_t i = 0; i < ELEMENTS(formats); i++) {
                int r;

                if (size < formats[i].length || memcmp(data, formats[i].magic, formats[i].length) != 0)
                        continue;
                if (!formats[i].run)
                        return refuse(ENOEXEC, "%s: compressed with %s, which berth does not know", what,
                                      formats[i].name);
                r = formats[i].run(&stream);
                if (r < 0) {
                        bytes_free(out);
                        return explain(what, formats[i].name, r);
                }
                return 0;
        }
        return refuse(ENOEXEC, "%s: not compressed with anything known (gzip, xz, lzma, zstd, lz4)", what);
}
