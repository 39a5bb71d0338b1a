/*
 * steps.h: the steps that several routes share. A route's list (api/routes.c) names them in order.
 */
#ifndef FCGI_WORKER_STEPS_H
#define FCGI_WORKER_STEPS_H

#include "request/exchange.h"

/* step_route.c */
/* 503 when the request waited too long in the queue. */
enum step_outcome step_queue(struct exchange *exchange);
/* Finds the route: 404, 405, and the answer to OPTIONS. */
enum step_outcome step_route(struct exchange *exchange);
/* 403 without a key or a token. A token is verified here: signature, account and scope; a key is
 * verified by step_admit. */
enum step_outcome step_check_credential(struct exchange *exchange);

/* step_read.c: the body to its end. */
enum step_outcome step_read(struct exchange *exchange);
/* The series of one request: step_decode.c, step_model.c, step_encode.c. */
enum step_outcome step_decode(struct exchange *exchange);
enum step_outcome step_model(struct exchange *exchange);
enum step_outcome step_encode(struct exchange *exchange);
/* step_encode.c: 503 when the deadline has passed. */
enum step_outcome step_in_time(struct exchange *exchange);

/* step_admit.c: key, scope, rate and quota; then whatever was complained about. */
enum step_outcome step_admit(struct exchange *exchange);
/* step_admit.c: 503 when the charge no longer stands. */
enum step_outcome step_commit(struct exchange *exchange);
/* step_revalidate.c: the last step of a GET: ETag, or 304. */
enum step_outcome step_revalidate(struct exchange *exchange);

#endif
