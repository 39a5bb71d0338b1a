/*
 * content_coding.h: decompresses bodies. The only user of zlib.
 *
 * gzip (RFC 1952, several members too) and deflate (RFC 1950, or RFC 1951 alone, as some clients
 * send it). A body that unpacks to more than
 * out->max, or to far more than was sent, is refused at that point. Answers are compressed by
 * nginx.
 */
#ifndef FCGI_WORKER_CONTENT_CODING_H
#define FCGI_WORKER_CONTENT_CODING_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* What Content-Encoding may name, as Accept-Encoding lists it. */
#define CONTENT_CODINGS "gzip, deflate"

/* The most that a body may unpack to: so many times its size, and always this many bytes. */
enum { CONTENT_EXPANSION_MAX = 100, CONTENT_EXPANDED_BYTES_FREE = 1 << 20 };

enum coding_outcome {
    CODING_NONE,      /* "" or identity: nothing to decode */
    CODING_DECODED,   /* it is in `out` */
    CODING_UNKNOWN,   /* 415 */
    CODING_CORRUPT,   /* 400: damaged, cut off, or followed by more bytes */
    CODING_TOO_LARGE, /* 413: more than out->max bytes */
    CODING_EXPANDS,   /* 413: more than CONTENT_EXPANSION_MAX times its size */
    CODING_MEMORY     /* the arena is full */
};

/* "" and identity: the body is as it is sent. */
bool content_coding_is_none(const char *coding);
/* `coding` is Content-Encoding's value. zlib's own state lives in the arena. */
enum coding_outcome content_decode(const char *coding, const char *body, size_t len,
                                   struct luna_arena *arena, struct luna_buf *out)
    __attribute__((warn_unused_result));

#endif
