/*
 * config_push.h: an account's configuration, from PostgreSQL into Redis. Private to the store.
 */
#ifndef LUNA_STORE_CONFIG_PUSH_H
#define LUNA_STORE_CONFIG_PUSH_H

#include "client/pg.h"
#include "client/redis.h"

/* Reads one account and pushes it, to the end. */
enum luna_code luna_config_push_account(struct luna_database *database, struct luna_cache *cache,
                                        int64_t account_id, struct luna_error *err) LUNA_MUSTCHECK;

#endif
