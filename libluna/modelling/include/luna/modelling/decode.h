/*
 * decode.h: bytes in → struct luna_request, or the faults.
 *
 * Never trusts a byte: nesting, length and depth are bounded, numbers outside a double are faults, and
 * nothing is charged or computed on a faulty body. All memory comes from the arena.
 */
#ifndef LUNA_MODELLING_DECODE_H
#define LUNA_MODELLING_DECODE_H

#include "luna/base/arena.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

enum luna_decode_status {
    LUNA_DECODE_OK,
    LUNA_DECODE_FAULTS, /* see the faults: 422 */
    LUNA_DECODE_MEMORY  /* the arena is full: 413 */
};

enum luna_decode_status luna_decode_json(const char *body, size_t len,
                                         const struct luna_request_limits *limits, struct luna_arena *arena,
                                         struct luna_request *ret_request, struct luna_faults *faults)
    __attribute__((warn_unused_result));

/* CSV (RFC 4180), with or without a header line; the last numeric column, or the one named `value`, is the
 * series; an empty field, NA or NaN is a missing observation. */
enum luna_decode_status luna_decode_csv(const char *body, size_t len,
                                        const struct luna_request_limits *limits, struct luna_arena *arena,
                                        struct luna_request *ret_request, struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
