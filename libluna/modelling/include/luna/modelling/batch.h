/*
 * batch.h: many series in one body, each with its own request and its own faults.
 *
 * JSON, one of
 *     {"series":[[…],[…]], option: value, …}            ragged: every series has its own length;
 *                                                       one may be {"id":…,"results":[…]}
 *     {"y":[…], "sizes":[3,5,…], option: value, …}      the same, laid end to end
 * with the options of a single request, for all series; or NDJSON: a line a request, each with
 * options of its own. The answer repeats the `id` of a series. What is wrong with the body as a
 * whole is a fault of the batch, and nothing is run; what is wrong with one series is a fault of
 * that item only, with its place in the whole, such as ["body","series",2,17]. Memory is the
 * arena's; items borrow from the body where they can.
 */
#ifndef LUNA_MODELLING_BATCH_H
#define LUNA_MODELLING_BATCH_H

#include "luna/base/arena.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

#include <stddef.h>

enum { LUNA_BATCH_SERIES_MAX = 10000 };

struct luna_batch_item {
    struct luna_request request; /* sound when faults is NULL */
    /* NULL: sound. An empty list: faulty, but those before have the LUNA_FAULTS_MAX faults that are
     * told of a batch. */
    struct luna_faults *faults;
};

struct luna_batch {
    struct luna_batch_item *items;
    size_t count;  /* 1 … LUNA_BATCH_SERIES_MAX */
    size_t sound;  /* items without faults */
    size_t points; /* observations of the sound ones */
};

/* limits->points_max bounds the sum over all series. */
enum luna_decode_status
luna_decode_batch_json(const char *body, size_t len, const struct luna_request_limits *limits,
                       struct luna_arena *arena, struct luna_batch *ret_batch,
                       struct luna_faults *faults) __attribute__((warn_unused_result));
/* Empty lines are skipped. A fault's loc is ["body", line, …], lines counted from 0. */
enum luna_decode_status
luna_decode_batch_ndjson(const char *body, size_t len, const struct luna_request_limits *limits,
                         struct luna_arena *arena, struct luna_batch *ret_batch,
                         struct luna_faults *faults) __attribute__((warn_unused_result));

#endif
