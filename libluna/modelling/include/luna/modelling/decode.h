/*
 * decode.h: bytes in → struct luna_request, or the faults.
 *
 * Never trusts a byte: nesting, length and depth are bounded, numbers outside a double are faults,
 * and nothing is charged or computed on a faulty body. All memory comes from the arena. Names of
 * models, their settings and parameters are checked too, so that one answer holds all faults.
 * Decoding stops at the first point too many and at fault number LUNA_FAULTS_MAX: what follows in
 * the body is not looked at.
 */
#ifndef LUNA_MODELLING_DECODE_H
#define LUNA_MODELLING_DECODE_H

#include "luna/base/arena.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

enum luna_decode_status {
    LUNA_DECODE_OK,
    LUNA_DECODE_FAULTS, /* see the faults: 422 */
    LUNA_DECODE_LONG,   /* more points than limits->points_max, which is a fault too: 422 */
    LUNA_DECODE_MEMORY  /* the arena is full: 413 */
};

enum { LUNA_SERIES_ID_BYTES_MAX = 256 };

/* {"results":[…], option: value, …} (RFC 8259, strictly: no NaN, no duplicate members, valid
 * UTF-8). */
enum luna_decode_status luna_decode_json(const char *body, size_t len,
                                         const struct luna_request_limits *limits,
                                         struct luna_arena *arena, struct luna_request *ret_request,
                                         struct luna_faults *faults)
    __attribute__((warn_unused_result));

/* The same with a member `id`, a string of at most LUNA_SERIES_ID_BYTES_MAX bytes or a number: a
 * series of a batch. request->id is set beside faults too. */
enum luna_decode_status
luna_decode_json_series(const char *body, size_t len, const struct luna_request_limits *limits,
                        struct luna_arena *arena, struct luna_request *ret_request,
                        struct luna_faults *faults) __attribute__((warn_unused_result));

/* The same, but without options: {"id": …, "results": […]}. */
enum luna_decode_status
luna_decode_json_named(const char *body, size_t len, const struct luna_request_limits *limits,
                       struct luna_arena *arena, struct luna_request *ret_request,
                       struct luna_faults *faults) __attribute__((warn_unused_result));

/* A JSON object of options alone, without `results`, laid over `request`: for formats whose body is
 * data only, such as CSV, and for the command line. */
enum luna_decode_status luna_decode_options(const char *json, size_t len, int nesting_max,
                                            struct luna_arena *arena, struct luna_request *request,
                                            struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
