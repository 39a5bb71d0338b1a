/*
 * quota_keys.h: the names in Redis; they are defined only here. Private to the store.
 *
 *   user:42:quota               remaining units, a plain string, no expiry
 *   {user:42:quota}:delta       units charged and not yet booked
 *   {user:42:quota}:m           hash: its fields are in script_texts.def
 *   {user:42:quota}:load        token of the worker that loads the account; expires
 *   {user:42:quota}:absent      why it was not loaded: '' the account is unknown, else its keys, as
 *                               the one that was sent is not among them; expires
 *   {user:42:quota}:concurrent  hash: worker → when its request ends at the latest; expires
 *   {user:42:quota}:i:<hash>    idempotency record, with the answer if that is short; expires
 *   {user:42:quota}:answers     bytes of such answers, of about a day; expires
 *   quota:used                  hash: digest of a key → when it was used, for PostgreSQL
 *   quota:dirty                 set of user:…:quota names with something to book
 *   quota:answers               bytes of the short answers that are kept of all accounts; expires
 *   quota:fence                 hash: incarnation, run id, …, and the SHA-1 of each of its scripts
 *
 * The braces are Redis Cluster's hash tag: all keys of an account are in one slot.
 */
#ifndef LUNA_STORE_QUOTA_KEYS_H
#define LUNA_STORE_QUOTA_KEYS_H

#include "client/redis_value.h"
#include "client/scripts.h"
#include "luna/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define LUNA_KEY_DIRTY "quota:dirty"
#define LUNA_KEY_FENCE "quota:fence"
#define LUNA_KEY_USED "quota:used"
#define LUNA_KEY_ANSWERS "quota:answers"

struct luna_quota_keys {
    char quota[40], m[48], delta[48], load[48], absent[48], answers[48], concurrent[56];
    char idempotency[128];
};

/* `idempotency_field`: at most 64 characters; "" for none. */
void luna_quota_keys_make(int64_t account_id, const char *idempotency_field,
                          struct luna_quota_keys *ret_keys);
/* Adds to a command how many keys the script has, and these keys in the order of script_texts.def;
 * its arguments follow. `keys` NULL: fence.lua and handover.lua have none of an account. */
void luna_quota_keys_add(const struct luna_quota_keys *keys, enum luna_script script,
                         struct luna_redis_command *command);
/* The account that a name in the dirty set stands for. False: not a name of this form. */
bool luna_quota_keys_parse(const char *quota_key, int64_t *ret_account_id) LUNA_MUSTCHECK;

#endif
