/*
 * series.h: what the routes of one series and of many series share.
 */
#ifndef FCGI_WORKER_SERIES_H
#define FCGI_WORKER_SERIES_H

#include "http/formats.h"
#include "http/query.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/run.h"
#include "request/exchange.h"

enum { SERIES_NESTING_MAX = 32 }; /* levels of a JSON body */

struct luna_request_limits series_limits(const struct exchange *exchange);
/* The format that Content-Type names. False: there is a complaint. */
bool series_read_format(struct exchange *exchange, enum format *ret_format) LUNA_MUSTCHECK;
/* The query, and the precision of the answer's numbers in it (0: shortest). False: there are
 * faults, and no complaint yet. */
bool series_read_query(struct exchange *exchange, struct query *ret_query,
                       int *ret_precision) LUNA_MUSTCHECK;
/* The complaint that a decoder's failure is. */
void series_complain(struct exchange *exchange, enum luna_decode_status status);
/* The detail of PROBLEM_TOO_LONG after LUNA_RUN_LONG; never NULL. */
const char *series_too_long(struct exchange *exchange);
/* Runs one series through its model under the request's deadline, and counts it. Results
 * and workspace are `arena`'s; `in_place`: see struct luna_run_control. On LUNA_RUN_CANCELLED
 * exchange->computation.stop says why. */
enum luna_run_status series_run(struct exchange *exchange, const struct luna_request *request,
                                bool in_place, struct luna_arena *arena,
                                struct luna_result *ret_result,
                                struct luna_faults *faults) LUNA_MUSTCHECK;

#endif
