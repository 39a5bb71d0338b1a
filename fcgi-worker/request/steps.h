/*
 * steps.h: the steps that several routes share. A route's list (api/routes.c) names them in order.
 */
#ifndef FCGI_WORKER_STEPS_H
#define FCGI_WORKER_STEPS_H

#include "request/exchange.h"

/* step_time.c: 503 when the request waited too long in the queue. */
enum step_outcome step_queue(struct exchange *exchange);
/* step_time.c: the deadline has passed. 422 when the computation itself takes too long, so that
 * nobody sends it again; else 503. */
enum step_outcome step_overrun(struct exchange *exchange);
/* step_time.c: the same, if the deadline has passed. */
enum step_outcome step_in_time(struct exchange *exchange);

/* step_route.c: finds the route; 404, 405, and the answer to OPTIONS. */
enum step_outcome step_route(struct exchange *exchange);
/* step_route.c: 400 for a header that is sent twice and may be sent once, 403 without a key or a
 * token. A token is verified here (signature, account and scope), without a store; a key is
 * verified by step_admit. */
enum step_outcome step_check_credential(struct exchange *exchange);

/* step_read.c: reads the body to its end, and complains of one that may not be worked on. A costly
 * body is read only after step_check(). */
enum step_outcome step_read(struct exchange *exchange);

/* step_admit.c: key, account, scope and rate, before a costly body is read. No step of a route's
 * list: step_read() takes it where it is needed. */
enum step_outcome step_check(struct exchange *exchange);
/* step_admit.c: key, scope, rate and quota, and the charge; then answers the complaint, if there
 * is one. */
enum step_outcome step_admit(struct exchange *exchange);

/* step_commit.c: 503 when the charge no longer stands. */
enum step_outcome step_commit(struct exchange *exchange);
/* Before the commit: all but `units` of the charge is given back; the response's headers say then
 * what is left. */
enum step_outcome step_reduce(struct exchange *exchange, int64_t units);

/* step_revalidate.c: the last step of a GET: ETag, or 304. */
enum step_outcome step_revalidate(struct exchange *exchange);

#endif
