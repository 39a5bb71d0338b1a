/*
 * octets.h: a series as bare doubles, for those who measure: application/octet-stream.
 *
 * Bytes are IEEE 754 binary64, little-endian, one after the other, on every machine. NaN is a
 * missing observation, in and out; an infinity is a fault. All memory comes from the arena; the
 * request borrows nothing of the body.
 */
#ifndef LUNA_MODELLING_OCTETS_H
#define LUNA_MODELLING_OCTETS_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

enum luna_decode_status
luna_decode_octets(const char *body, size_t len, const struct luna_request_limits *limits,
                   struct luna_arena *arena, struct luna_request *ret_request,
                   struct luna_faults *faults) __attribute__((warn_unused_result));

/* The processed series, then the means of the forecasts: n + horizon doubles. Other things need
 * another format. */
void luna_encode_octets(const struct luna_result *result, struct luna_buf *out);

#endif
