/*
 * query.h: the query of a URL, as names and values, and as the options of a request.
 *
 * application/x-www-form-urlencoded: pairs between '&', '+' and %XX decoded. Bounded: at most
 * QUERY_PAIRS_MAX pairs; a broken escape, a NUL, invalid UTF-8 or a name given twice is a fault at
 * ["query", name]. The parameters that are lists may be given several times: they are joined by
 * commas. Memory comes from the arena.
 *
 * A format whose body is data only takes its options from the query, in the words of the JSON body:
 *
 *     ?model=arima&output=smoothed&horizon=12&intervals=0.8,0.95&include=model,variance
 *     &robust=true&precision=6
 *     ?model={"name":"seasonal","period":12}        (percent-encoded)
 */
#ifndef FCGI_WORKER_QUERY_H
#define FCGI_WORKER_QUERY_H

#include "luna/base/arena.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_PAIRS_MAX = 20 };

struct query_pair {
    const char *name; /* decoded, NUL-terminated */
    const char *value;
};

struct query {
    struct query_pair pairs[QUERY_PAIRS_MAX];
    size_t count;
};

/* False when there was a fault; `query` then holds what could be read. */
bool query_parse(const char *text, struct luna_arena *arena, struct query *ret_query,
                 struct luna_faults *faults);
/* The value, or NULL. */
const char *query_get(const struct query *query, const char *name);
/* The whole number `name` within [min, max]; `otherwise` when it is not given. A fault for
 * anything else. */
int64_t query_int(const struct query *query, const char *name, int64_t min, int64_t max,
                  int64_t otherwise, struct luna_faults *faults);
/* A fault for every name that is not in `known`, a NULL-terminated list. Its hint ends with
 * `besides`: where such a name may belong instead, or "". */
void query_forbid_others(const struct query *query, const char *const *known, const char *besides,
                         struct luna_faults *faults);

/* ?precision=: 1–17 significant digits, 0 when it is not given. */
int query_precision(const struct query *query, struct luna_faults *faults);
/* Sets the options that the query names in `request`. With `with_options` false (the body has them)
 * only precision is allowed; with `with_table` also the options of a table, which are not looked at
 * here. */
enum luna_decode_status query_options_apply(const struct query *query, bool with_options,
                                            bool with_table, int nesting_max,
                                            struct luna_arena *arena, struct luna_request *request,
                                            struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
