/*
 * query_options.h: a request's options as query parameters, for formats whose body is data only.
 *
 *     ?model=arima&output=smoothed&horizon=12&intervals=0.8,0.95&include=model,variance
 *     &robust=true&precision=6
 *     ?model={"name":"seasonal","period":12}        (percent-encoded)
 *
 * The words are those of the JSON body; a fault's loc begins with "query".
 */
#ifndef FCGI_WORKER_QUERY_OPTIONS_H
#define FCGI_WORKER_QUERY_OPTIONS_H

#include "http/query.h"
#include "luna/base/arena.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

/* ?precision=: 1–17 significant digits, 0 when it is not given. */
int query_precision(const struct query *query, struct luna_faults *faults);
/* Lays the options that the query names over `request`. With `with_options` false (the body has
 * them) only precision is allowed. */
enum luna_decode_status query_options_apply(const struct query *query, bool with_options,
                                            int nesting_max, struct luna_arena *arena,
                                            struct luna_request *request,
                                            struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
