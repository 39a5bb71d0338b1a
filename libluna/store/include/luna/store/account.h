/*
 * account.h: accounts and their keys, as an operator sees and changes them.
 *
 * Every change is one PostgreSQL transaction that also writes its audit event, followed by a push
 * into Redis. The push is what makes it take effect at once; a change whose push failed is still in
 * the outbox, and quota-syncd delivers it.
 *
 * "After it returns": when luna_account_disable(), luna_key_revoke(), luna_account_rotate_key() or
 * luna_key_replace() (for the old key, when its overlap is 0) return LUNA_OK, no request that
 * arrives afterwards succeeds with that account or key. When Redis cannot be reached they return
 * LUNA_EUNAVAILABLE although PostgreSQL has the change; the message says so, and calling again is
 * harmless. The other changes return LUNA_OK then, and reach the workers within one interval of
 * quota-syncd.
 *
 * Errors: LUNA_ENOTFOUND, LUNA_ECONFLICT (the name exists, or 40 keys do), LUNA_EINVAL (with the
 * range), LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. Times are milliseconds since 1970-01-01 UTC; 0 means
 * none.
 */
#ifndef LUNA_STORE_ACCOUNT_H
#define LUNA_STORE_ACCOUNT_H

#include "luna/base/error.h"
#include "luna/store/admission.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who changes, and through what. All borrowed. */
struct luna_operator {
    struct luna_database *database; /* of the role luna_admin */
    /* NULL: leave the push to quota-syncd (disable, revoke and rotate then refuse) */
    struct luna_counters *counters;
    /* the workers' pepper; needed by what makes or looks up a key; 32 bytes or more */
    const unsigned char *pepper;
    size_t pepper_len;
    const char *actor; /* who, for the audit log: "cli:alice" */
};

enum {
    LUNA_ACCOUNT_NAME_BYTES = 1024,
    LUNA_PLAN_NAME_BYTES = 64,
    LUNA_KEY_TEXT_BYTES = 37,
    LUNA_KEY_PREFIX_BYTES = 9
};

/* "none", "day" or "month", as PostgreSQL, the API and luna have it. */
const char *luna_period_kind(enum luna_period period);

struct luna_account {
    int64_t id;
    char name[LUNA_ACCOUNT_NAME_BYTES];
    char plan[LUNA_PLAN_NAME_BYTES];
    int64_t quota_limit, quota_used; /* units; used as booked, the unbooked rest is in Redis */
    enum luna_period period;
    int64_t period_start_ms, period_end_ms; /* end 0: no period */
    int64_t created_ms, updated_ms, disabled_ms;
    int64_t config_version;
};

struct luna_account_spec {
    const char *name;    /* 1…255 characters, unique */
    const char *plan;    /* NULL: "standard" */
    int64_t quota_limit; /* -1: the plan's */
};

/* A key in clear. Shown once by the caller and wiped with luna_key_text_wipe(). */
struct luna_key_text {
    char text[LUNA_KEY_TEXT_BYTES]; /* random UUIDv4 */
};
void luna_key_text_wipe(struct luna_key_text *key);

struct luna_key {
    int64_t id;
    char prefix[LUNA_KEY_PREFIX_BYTES]; /* the first 8 characters of the key, to tell keys apart */
    bool primary;                       /* the one in accounts.api_key */
    unsigned scopes;                    /* enum luna_scope bits */
    int64_t created_ms, not_before_ms, expires_ms, revoked_ms;
};

enum luna_code luna_account_create(const struct luna_operator *op,
                                   const struct luna_account_spec *spec,
                                   struct luna_account *ret_account, struct luna_key_text *ret_key,
                                   struct luna_error *err) LUNA_MUSTCHECK;
/* By id when `which` is all digits, else by name. */
enum luna_code luna_account_find(struct luna_database *database, const char *which,
                                 struct luna_account *ret_account,
                                 struct luna_error *err) LUNA_MUSTCHECK;
/* Calls `each` in order of id; stops early when it returns false. */
enum luna_code luna_account_list(struct luna_database *database,
                                 bool (*each)(void *context, const struct luna_account *account),
                                 void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* 0 … 2147483647. Commutes with running traffic: lowering below what is used denies, and undoes
 * nothing. */
enum luna_code luna_account_set_limit(const struct luna_operator *op, int64_t account_id,
                                      int64_t quota_limit, const char *reason,
                                      struct luna_error *err) LUNA_MUSTCHECK;
/* Also takes over the plan's quota limit, when it has one, and its period. */
enum luna_code luna_account_set_plan(const struct luna_operator *op, int64_t account_id,
                                     const char *plan, const char *reason,
                                     struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_account_disable(const struct luna_operator *op, int64_t account_id,
                                    const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_account_enable(const struct luna_operator *op, int64_t account_id,
                                   const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
/* A new primary key; the old one lives on for `overlap_s` seconds (0 … 604800). *ret_key is set
 * with LUNA_EUNAVAILABLE too, when PostgreSQL has the new key and Redis does not know yet: it is
 * the account's from then on, and shown by nobody else. */
enum luna_code luna_account_rotate_key(const struct luna_operator *op, int64_t account_id,
                                       int64_t overlap_s, struct luna_key_text *ret_key,
                                       struct luna_error *err) LUNA_MUSTCHECK;

/* An additional key. `expires_ms` and `not_before_ms` may be 0. */
enum luna_code luna_key_create(const struct luna_operator *op, int64_t account_id, unsigned scopes,
                               int64_t not_before_ms, int64_t expires_ms,
                               struct luna_key_text *ret_key, int64_t *ret_key_id,
                               struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_key_list(struct luna_database *database, int64_t account_id,
                             bool (*each)(void *context, const struct luna_key *key), void *context,
                             struct luna_error *err) LUNA_MUSTCHECK;
/* A new key in place of `key_id`, any live one, with its scopes and its end; the old one lives on
 * for `overlap_s` seconds (0 … 604800), never longer than it would have. *ret_key as above. */
enum luna_code luna_key_replace(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                                int64_t overlap_s, struct luna_key_text *ret_key,
                                int64_t *ret_key_id, struct luna_error *err) LUNA_MUSTCHECK;
/* Any key of the account, the primary one too (the account then has no primary key until it is
 * rotated). */
enum luna_code luna_key_revoke(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                               const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
/* The id of the key whose clear text this is. LUNA_ENOTFOUND. */
enum luna_code luna_key_find(const struct luna_operator *op, int64_t account_id,
                             const char *key_text, size_t key_text_len, int64_t *ret_key_id,
                             struct luna_error *err) LUNA_MUSTCHECK;

#endif
