/*
 * config_push.h: sends an account's configuration from PostgreSQL to Redis. Private to the store.
 */
#ifndef LUNA_STORE_CONFIG_PUSH_H
#define LUNA_STORE_CONFIG_PUSH_H

#include "client/pg.h"
#include "client/redis.h"

/* The columns that luna_config_push_send() reads, in its order; account_config is c in the
 * query. */
#define LUNA_CONFIG_COLUMNS                                                                        \
    "c.account_id, c.config_version, c.quota_limit, c.period_no, c.period_end_ms, c.next_end_ms, " \
    "CASE WHEN c.deleted THEN 2 ELSE c.disabled::int END, c.rate_per_s, c.rate_burst, "            \
    "c.points_max, c.concurrent_max, "                                                             \
    "c.quota_period, c.keys, c.compute_ms_per_s"

/* Sends one row whose columns start at `column`. Take one reply for each row sent. `sha` is that of
 * the script LUNA_SCRIPT_PUSH in Redis; NULL sends its text. */
enum luna_code luna_config_push_send(struct luna_counters *counters, const char *sha,
                                     const struct luna_pg_result *result, int row, int column,
                                     struct luna_deadline deadline,
                                     struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_config_push_take(struct luna_counters *counters, struct luna_deadline deadline,
                                     struct luna_error *err) LUNA_MUSTCHECK;
/* Reads one account and pushes it. */
enum luna_code luna_config_push_account(struct luna_database *database,
                                        struct luna_counters *counters, const char *sha,
                                        int64_t account_id, struct luna_error *err) LUNA_MUSTCHECK;

#endif
