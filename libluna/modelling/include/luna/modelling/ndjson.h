/*
 * ndjson.h: a series as application/x-ndjson, one observation a line, in and out.
 *
 * A line in is a JSON number, null (a missing observation), or an object whose one member is
 * "value": {"value":1.5}. Lines end with \n or \r\n; empty ones are skipped, and count for the
 * index that a fault names. All memory comes from the arena; the request borrows nothing of the
 * body.
 */
#ifndef LUNA_MODELLING_NDJSON_H
#define LUNA_MODELLING_NDJSON_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

/* A fault's loc is ["body", line], lines counted from 0. */
enum luna_decode_status
luna_decode_ndjson(const char *body, size_t len, const struct luna_request_limits *limits,
                   struct luna_arena *arena, struct luna_request *ret_request,
                   struct luna_faults *faults) __attribute__((warn_unused_result));

/* A line a point: {"value":…,"processed":…} and what else was asked for by point ("variance",
 * "intervals", "innovation", "innovation_variance"); then a line a forecast:
 * {"forecast":…,"variance":…,"intervals":…}. An interval is {"level":0.95,"lower":…,"upper":…}. */
void luna_encode_ndjson(const struct luna_request *request, const struct luna_result *result,
                        int precision, struct luna_buf *out);

#endif
