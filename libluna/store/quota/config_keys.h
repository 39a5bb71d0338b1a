/*
 * config_keys.h: the column `keys` of account_config, as fields for Redis. Private to the store.
 */
#ifndef LUNA_STORE_CONFIG_KEYS_H
#define LUNA_STORE_CONFIG_KEYS_H

#include "client/redis.h"

#include <stdbool.h>

enum { LUNA_CONFIG_KEYS_MAX = 64 };

/* Each "digest scopes not_before_ms expires_ms" becomes a field "k:<digest>" with the rest as its
 * value. */
struct luna_config_keys {
    int count;
    char fields[LUNA_CONFIG_KEYS_MAX][40];
    char values[LUNA_CONFIG_KEYS_MAX][56];
};
/* False: too many, or not in that form. */
bool luna_config_keys_parse(const char *column, struct luna_config_keys *ret_keys) LUNA_MUSTCHECK;
/* Adds them as pairs; `keys` must outlive the command. */
void luna_config_keys_add(const struct luna_config_keys *keys, struct luna_redis_command *command);
/* The number of enum luna_period for 'none', 'day', 'month'. */
const char *luna_config_period(const char *kind);

#endif
