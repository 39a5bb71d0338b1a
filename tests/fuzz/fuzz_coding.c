/* Compressed bodies. The first byte chooses the coding and whether the rest is one already, or is
 * compressed here first. Invariants: the result keeps to its cap and to the ratio; what was
 * compressed here comes out as it went in. */
#include "fuzz.h"

#include "http/content_coding.h"
#include "luna/base/arena.h"
#include "luna/base/buf.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum { OUT_BYTES_MAX = 200000, GZIP_HEADER = 16, WINDOW_BITS = 15 };

static const char *const codings[] = {"gzip", "deflate", "X-GZip", "identity", "", "br"};

static void fuzz_decode(const char *coding, const char *body, size_t len, struct luna_arena *arena)
{
    struct luna_buf out;
    luna_buf_init(&out, OUT_BYTES_MAX);
    enum coding_outcome outcome = content_decode(coding, body, len, arena, &out);
    assert((outcome == CODING_NONE) == content_coding_is_none(coding));
    assert((outcome == CODING_UNKNOWN) == (strcmp(coding, "br") == 0));
    assert(out.len <= OUT_BYTES_MAX && out.max == OUT_BYTES_MAX);
    if (outcome == CODING_DECODED)
        assert(out.len <= len * CONTENT_EXPANSION_MAX || out.len <= CONTENT_EXPANDED_BYTES_FREE);
    luna_buf_done(&out);
}

static void fuzz_round_trip(bool gzip, const char *body, size_t len, struct luna_arena *arena)
{
    z_stream stream = {.next_in = (const Bytef *)body, .avail_in = (uInt)len};
    struct luna_buf out;
    if (deflateInit2(&stream, 1, Z_DEFLATED, WINDOW_BITS + (gzip ? GZIP_HEADER : 0), 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t room = deflateBound(&stream, len);
    char *packed = malloc(room);
    assert(packed != NULL);
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)room;
    assert(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    luna_buf_init(&out, OUT_BYTES_MAX);
    assert(content_decode(gzip ? "gzip" : "deflate", packed, room - stream.avail_out, arena,
                          &out) == CODING_DECODED);
    assert(out.len == len && (len == 0 || memcmp(out.data, body, len) == 0));
    luna_buf_done(&out);
    free(packed);
    (void)deflateEnd(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct luna_arena arena;
    if (size == 0)
        return 0;
    unsigned choice = data[0] % 8;
    luna_arena_init(&arena, 4096, 16 << 20);
    if (choice < sizeof codings / sizeof codings[0])
        fuzz_decode(codings[choice], (const char *)data + 1, size - 1, &arena);
    else if (size < CONTENT_EXPANDED_BYTES_FREE)
        fuzz_round_trip(choice == 7, (const char *)data + 1, size - 1, &arena);
    luna_arena_done(&arena);
    return 0;
}
