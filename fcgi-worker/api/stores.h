/*
 * stores.h: a worker's connections to PostgreSQL and Redis for accounts, usage and keys; admission
 * has its own.
 *
 * Opened at the first use, after the fork; the role is the worker's, which may read accounts and
 * the audit log and change keys, but no limit. Every call has the stores' own time limits.
 */
#ifndef FCGI_WORKER_API_STORES_H
#define FCGI_WORKER_API_STORES_H

#include "luna/base/error.h"
#include "luna/store/account.h"
#include "luna/store/database.h"
#include "request/exchange.h"

struct api_stores;

/* `meter` and `breaker` outlive the stores. */
enum luna_code api_stores_new(const struct worker_config *config, struct luna_store_meter *meter,
                              struct luna_database_breaker *breaker, struct api_stores **ret_stores,
                              struct luna_error *err) LUNA_MUSTCHECK;
void api_stores_free(struct api_stores *stores);

struct luna_database *api_database(const struct exchange *exchange);
struct luna_counters *api_counters(const struct exchange *exchange);
/* Who acts, for the audit log: "api:" and the request's id. `actor` holds the text and must
 * outlive the use. */
struct luna_operator api_operator(const struct exchange *exchange, char *actor, size_t actor_size);

/* What a key is made of under an Idempotency-Key. `hash` holds a part of it, like `actor`. False:
 * the request has none. */
bool api_key_seed(const struct exchange *exchange, unsigned char hash[BODY_HASH_BYTES],
                  struct luna_key_seed *ret_seed) LUNA_MUSTCHECK;

/* Answers a store's error: 404, 409, 503; logs one that the client did not cause. */
enum step_outcome api_store_failed(struct exchange *exchange, const struct luna_error *err);

#endif
