/*
 * api.h: the steps of the routes besides the single series.
 *
 * A route's *_read step says what is wrong with the query or the body (a complaint, answered after
 * the key has been checked); its *_answer step runs for admitted requests only and makes the
 * response.
 */
#ifndef FCGI_WORKER_API_H
#define FCGI_WORKER_API_H

#include "api/small_body.h"
#include "luna/store/usage.h"
#include "request/exchange.h"

/* api_batch.c */
enum step_outcome api_batch_decode(struct exchange *exchange);
enum step_outcome api_batch_run(struct exchange *exchange);
/* the charge: what was done, no more */
enum step_outcome api_batch_settle(struct exchange *exchange);
/* and the answer's end, which states it */
enum step_outcome api_batch_end(struct exchange *exchange);

/* api_account.c */
/* Parses the query; complains of what is wrong in it, and of names that are not in `known`. */
void api_read_query(struct exchange *exchange, const char *const *known);
void api_put_quota(const struct luna_usage *usage, struct luna_buf *out); /* "quota":{…} */
enum step_outcome api_account_read(struct exchange *exchange);
enum step_outcome api_account_answer(struct exchange *exchange);

/* api_usage.c */
enum step_outcome api_usage_read(struct exchange *exchange);
enum step_outcome api_usage_answer(struct exchange *exchange);
enum step_outcome api_events_read(struct exchange *exchange);
enum step_outcome api_events_answer(struct exchange *exchange);

/* api_keys.c */
/* For a body of a few options, and no query: complains of what is wrong. */
void api_read_small_body(struct exchange *exchange, const struct small_member *members);
enum step_outcome api_keys_list_read(struct exchange *exchange);
enum step_outcome api_keys_list_answer(struct exchange *exchange);
enum step_outcome api_keys_read_answer(struct exchange *exchange); /* one of the list */
enum step_outcome api_keys_create_read(struct exchange *exchange);
enum step_outcome api_keys_create_answer(struct exchange *exchange);
enum step_outcome api_keys_rotate_read(struct exchange *exchange);
enum step_outcome api_keys_rotate_answer(struct exchange *exchange);
enum step_outcome api_keys_revoke_read(struct exchange *exchange);
enum step_outcome api_keys_revoke_answer(struct exchange *exchange);

/* The scopes of whoever asks: the key's, or what a token has of them. */
unsigned api_own_scopes(const struct exchange *exchange);
/* 403: `wanted` holds scopes that the asking key lacks; `what` begins the sentence that says so. */
enum step_outcome api_refuse_wider(struct exchange *exchange, unsigned wanted, const char *what);

/* api_token.c */
enum step_outcome api_token_read(struct exchange *exchange);
enum step_outcome api_token_answer(struct exchange *exchange);

#endif
