#include "http/content_coding.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <strings.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    WINDOW_BITS = 15,
    DETECT_HEADER = 32, /* added to the window bits: gzip or zlib, as the header says */
    PIECE_BYTES = 64 * 1024
};

static voidpf arena_alloc(voidpf opaque, uInt items, uInt size)
{
    return luna_arena_calloc(opaque, items, size);
}

static void arena_free(voidpf opaque, voidpf address)
{
    (void)opaque;
    (void)address; /* the arena is reset after the request */
}

/* One more piece of output; Z_OK, Z_STREAM_END, or zlib's error. */
static int inflate_piece(z_stream *stream, struct luna_buf *out)
{
    assert(out->len <= out->max && out->drain == NULL);
    size_t room = out->max - out->len < PIECE_BYTES ? out->max - out->len : PIECE_BYTES;
    unsigned char beyond; /* is there one byte too many? */
    unsigned char *at = room > 0 ? (unsigned char *)luna_buf_reserve(out, room) : &beyond;
    if (at == NULL)
        return Z_MEM_ERROR;
    stream->next_out = at;
    stream->avail_out = room > 0 ? (uInt)room : 1;
    int status = inflate(stream, Z_NO_FLUSH);
    assert(stream->avail_out <= (room > 0 ? room : 1));
    if (room > 0)
        luna_buf_advance(out, room - stream->avail_out);
    else if (stream->avail_out == 0)
        out->overflow = true;
    return status;
}

static enum coding_outcome inflate_all(z_stream *stream, struct luna_buf *out)
{
    for (;;) {
        int status = inflate_piece(stream, out);
        if (out->overflow)
            return CODING_TOO_LARGE;
        if (status == Z_STREAM_END && stream->avail_in == 0)
            return CODING_DECODED;
        if (status == Z_STREAM_END && inflateReset(stream) != Z_OK) /* another member follows */
            return CODING_CORRUPT;
        if (status == Z_MEM_ERROR)
            return CODING_MEMORY;
        if (status != Z_OK && status != Z_STREAM_END) /* Z_BUF_ERROR: the input ends too early */
            return CODING_CORRUPT;
    }
}

bool content_coding_is_none(const char *coding)
{
    return *coding == '\0' || strcasecmp(coding, "identity") == 0;
}

static size_t expanded_max(size_t len)
{
    assert(len <= UINT_MAX);
    size_t bytes_max = len * CONTENT_EXPANSION_MAX; /* len fits 32 bits */
    return bytes_max > CONTENT_EXPANDED_BYTES_FREE ? bytes_max : CONTENT_EXPANDED_BYTES_FREE;
}

/* Within the ratio, and within what `out` takes. */
static enum coding_outcome inflate_bounded(z_stream *stream, struct luna_buf *out)
{
    size_t bytes_max = out->max, ratio_max = expanded_max(stream->avail_in);
    bool by_ratio = ratio_max < bytes_max;
    luna_buf_limit(out, by_ratio ? ratio_max : bytes_max);
    enum coding_outcome outcome = inflate_all(stream, out);
    luna_buf_limit(out, bytes_max);
    return outcome == CODING_TOO_LARGE && by_ratio ? CODING_EXPANDS : outcome;
}

/* deflate without zlib's header: its first bytes would not be one. (A raw stream whose first block
 * is stored has zeros where the header has its method.) */
static bool is_raw_deflate(const char *coding, const unsigned char *body, size_t len)
{
    enum { METHOD_MASK = 0x0f, METHOD_DEFLATE = 8, HEADER_MULTIPLE = 31 };
    if (strcasecmp(coding, "deflate") != 0 || len < 2)
        return false;
    return (body[0] & METHOD_MASK) != METHOD_DEFLATE ||
           (body[0] * 256U + body[1]) % HEADER_MULTIPLE != 0;
}

enum coding_outcome content_decode(const char *coding, const char *body, size_t len,
                                   struct luna_arena *arena, struct luna_buf *out)
{
    if (content_coding_is_none(coding))
        return CODING_NONE;
    if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0 &&
        strcasecmp(coding, "deflate") != 0)
        return CODING_UNKNOWN;
    if (len == 0 || len > UINT_MAX)
        return len == 0 ? CODING_CORRUPT : CODING_TOO_LARGE;
    z_stream stream = {.zalloc = arena_alloc, .zfree = arena_free, .opaque = arena};
    bool raw = is_raw_deflate(coding, (const unsigned char *)body, len);
    if (inflateInit2(&stream, raw ? -WINDOW_BITS : WINDOW_BITS + DETECT_HEADER) != Z_OK)
        return CODING_MEMORY;
    stream.next_in = (const Bytef *)body;
    stream.avail_in = (uInt)len;
    luna_buf_clear(out);
    enum coding_outcome outcome = inflate_bounded(&stream, out);
    (void)inflateEnd(&stream); /* only frees */
    return outcome;
}
