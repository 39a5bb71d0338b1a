/*
 * quota_keys.h: the names in Redis, defined here once. Private to the store.
 *
 *   user:42:quota                remaining units, a plain string, no expiry
 *   {user:42:quota}:delta        units charged and not yet booked
 *   {user:42:quota}:m            hash: I incarnation, e epoch, c charged, r refunded, a and ar
 *     what of them is booked,
 *                                lim, lv (configuration version), base, period (pn, pend, nend,
 *                                  pc, pr, kind, rolls), plan
 *                                (rate, burst, points, conc), tat (GCRA), off, d (in the dirty
 *                                  set), k:<digest> keys,
 *                                <worker> its last charge "wseq c period cost"
 *   {user:42:quota}:load         token of the worker that is loading the account; expires
 *   {user:42:quota}:absent       no such account; expires
 *   {user:42:quota}:concurrent   hash: worker → when its request ends at the latest; expires
 *   {user:42:quota}:i:<hash>     idempotency record; expires
 *   quota:dirty                  set of user:…:quota names with something to book
 *   quota:fence                  hash: incarnation, run_id, and the SHA-1 of each script of that
 *     incarnation
 *
 * The braces are Redis Cluster's hash tag: all keys of an account are in one slot.
 */
#ifndef LUNA_STORE_QUOTA_KEYS_H
#define LUNA_STORE_QUOTA_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define LUNA_KEY_DIRTY "quota:dirty"
#define LUNA_KEY_FENCE "quota:fence"

struct luna_quota_keys {
    char quota[40], m[48], delta[48], load[48], absent[48], concurrent[56];
    char idempotency[128];
};

/* `idempotency_field`: at most 64 characters; "" for none. */
void luna_quota_keys_make(int64_t account_id, const char *idempotency_field,
                          struct luna_quota_keys *ret_keys);
/* The account of a name in the dirty set. False when it is none of ours. */
bool luna_quota_keys_parse(const char *quota_key, int64_t *ret_account_id);

#endif
