/*
 * api.h: the routes' own steps, one file a resource.
 *
 * A route's *_read or *_decode step reads the query and the body and complains of what is wrong;
 * what follows runs for admitted requests only. An *_answer step makes the response; one that asks
 * a store runs in PHASE_STORE.
 */
#ifndef FCGI_WORKER_API_H
#define FCGI_WORKER_API_H

#include "request/route.h"

/* kalman.c */
enum step_outcome api_kalman_decode(struct exchange *exchange);
enum step_outcome api_kalman_run(struct exchange *exchange);
/* Under an Idempotency-Key: encodes a short answer before the commit, which keeps it. */
enum step_outcome api_kalman_keep(struct exchange *exchange);
enum step_outcome api_kalman_encode(struct exchange *exchange);

/* batch.c */
enum step_outcome api_batch_decode(struct exchange *exchange);
enum step_outcome api_batch_run(struct exchange *exchange);
/* Commits what was done, and gives the rest back. */
enum step_outcome api_batch_commit(struct exchange *exchange);
/* The end of the answer, which states the charge. */
enum step_outcome api_batch_end(struct exchange *exchange);

/* account.c */
enum step_outcome api_account_read(struct exchange *exchange);
enum step_outcome api_account_answer(struct exchange *exchange);

/* usage.c */
enum step_outcome api_usage_read(struct exchange *exchange);
enum step_outcome api_usage_answer(struct exchange *exchange);
enum step_outcome api_events_read(struct exchange *exchange);
enum step_outcome api_events_answer(struct exchange *exchange);

/* keys.c */
enum step_outcome api_keys_read(struct exchange *exchange); /* without a body */
enum step_outcome api_keys_list_read(struct exchange *exchange);
enum step_outcome api_keys_list_answer(struct exchange *exchange);
enum step_outcome api_keys_get_answer(struct exchange *exchange);
enum step_outcome api_keys_revoke_answer(struct exchange *exchange);
enum step_outcome api_keys_create_read(struct exchange *exchange);
enum step_outcome api_keys_create_answer(struct exchange *exchange);
enum step_outcome api_keys_set_read(struct exchange *exchange);
enum step_outcome api_keys_set_answer(struct exchange *exchange);
enum step_outcome api_keys_rotate_read(struct exchange *exchange);
enum step_outcome api_keys_rotate_answer(struct exchange *exchange);

/* token.c */
enum step_outcome api_token_read(struct exchange *exchange);
enum step_outcome api_token_answer(struct exchange *exchange);

#endif
