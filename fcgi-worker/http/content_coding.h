/*
 * content_coding.h: bodies that came compressed. The only user of zlib.
 *
 * gzip (RFC 1952, several members too) and deflate (RFC 1950). Bounded by out->max: a bomb stops
 * there. Answers are compressed by nginx.
 */
#ifndef FCGI_WORKER_CONTENT_CODING_H
#define FCGI_WORKER_CONTENT_CODING_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"

#include <stddef.h>

enum coding_outcome {
    CODING_NONE,      /* "" or identity: the body is as it stands */
    CODING_DECODED,   /* it is in `out` */
    CODING_UNKNOWN,   /* 415 */
    CODING_CORRUPT,   /* 400: damaged, cut off, or something after its end */
    CODING_TOO_LARGE, /* 413: more than out->max bytes */
    CODING_MEMORY     /* the arena is full */
};

/* `coding` is Content-Encoding's value. zlib's own state lives in the arena. */
enum coding_outcome content_decode(const char *coding, const char *body, size_t len,
                                   struct luna_arena *arena, struct luna_buf *out)
    __attribute__((warn_unused_result));

#endif
