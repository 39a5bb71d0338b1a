/*
 * decoding.h: one decoded body and its faults, for the tests of this folder.
 */
#ifndef DECODING_H
#define DECODING_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"

struct decoding {
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_request request;
    struct luna_buf text; /* of the last decoding_faults() */
};

enum { DECODING_POINTS_MAX = 1000, DECODING_NESTING_MAX = 8 };

void decoding_init(struct decoding *d);
void decoding_done(struct decoding *d);
/* Starts again and decodes; the body must outlive the request. */
enum luna_decode_status decoding_json(struct decoding *d, const char *body, size_t len);
/* The faults in short: "float_type body.results.1; missing body.model". Valid until the next
 * call. */
const char *decoding_faults(struct decoding *d);

#endif
