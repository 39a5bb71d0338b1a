/*
 * config_keys.h: the column `keys` of account_config, as fields for Redis. Private to the store.
 */
#ifndef LUNA_STORE_CONFIG_KEYS_H
#define LUNA_STORE_CONFIG_KEYS_H

#include "client/redis.h"
#include "luna/base/buf.h"

#include <stdbool.h>

/* 40 live keys, and as many digests of an earlier pepper. */
enum { LUNA_CONFIG_KEYS_MAX = 80 };

/* Each "digest scopes not_before_ms expires_ms…" becomes a field "k:<digest>" with the rest as its
 * value, in which networks are patterns of Lua (network.h). */
struct luna_config_keys {
    int count;
    struct luna_buf text; /* all fields and values, each with its '\0' */
    size_t field_at[LUNA_CONFIG_KEYS_MAX], value_at[LUNA_CONFIG_KEYS_MAX];
};
/* False: too many, or not in that form. End with luna_config_keys_done() in any case. */
bool luna_config_keys_parse(const char *column, struct luna_config_keys *ret_keys) LUNA_MUSTCHECK;
void luna_config_keys_done(struct luna_config_keys *keys);
/* Adds them as pairs; `keys` must outlive the command. */
void luna_config_keys_add(const struct luna_config_keys *keys, struct luna_redis_command *command);

#endif
