/*
 * account.h: accounts and their keys, as an operator sees and changes them.
 *
 * Every change is one PostgreSQL transaction that also writes its audit event, followed by a push
 * to Redis, which puts it into effect at once. A change whose push failed is in the outbox, and
 * quota-syncd delivers it.
 *
 * "After it returns": when luna_account_disable(), luna_account_delete(), luna_key_revoke(),
 * luna_account_rotate_key() or luna_key_replace() (for the old key, when its overlap is 0) return
 * LUNA_OK, no request that arrives afterwards succeeds with that account or key (I13 of
 * docs/QUOTA.md). When Redis is unavailable they return LUNA_EUNAVAILABLE although PostgreSQL has
 * the change; the message says so, and calling again is harmless. The other changes return LUNA_OK
 * then, and reach the workers within one interval of quota-syncd.
 *
 * Errors: LUNA_ENOTFOUND, LUNA_ECONFLICT (the name exists, or 40 keys do), LUNA_EINVAL (with the
 * range), LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. Times are milliseconds since 1970-01-01 UTC; 0 means
 * "not set".
 */
#ifndef LUNA_STORE_ACCOUNT_H
#define LUNA_STORE_ACCOUNT_H

#include "luna/base/error.h"
#include "luna/store/admission.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"
#include "luna/store/key_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Receives how far a long operation has come. NULL in its place: nobody waits for it. */
struct luna_progress {
    /* After each step; `done` grows up to `total`. */
    void (*step)(void *context, int64_t done, int64_t total);
    void *context;
};

/* Who makes a change, and the handles for it. All borrowed. */
struct luna_operator {
    struct luna_database *database; /* of the role luna_admin; see maker */
    /* NULL: quota-syncd delivers (disable, revoke and rotate return LUNA_EUNAVAILABLE then) */
    struct luna_counters *counters;
    /* the workers' pepper, to create or find a key; 32 bytes or more */
    const unsigned char *pepper;
    size_t pepper_len;
    int pepper_id;                      /* 0 stands for 1 */
    const struct luna_pepper *previous; /* NULL: none */
    const char *actor;                  /* who, for the audit log: "cli:alice" */
    /* NULL: an operator. Else the digest of the key that asks, for a database of the role
     * luna_worker: PostgreSQL lets it create, replace and revoke keys as far as it may itself. */
    const char *maker;
    const struct luna_progress *progress; /* of a change of a plan with many accounts */
    const struct luna_key_seed *seed;     /* NULL: keys are made of the system's randomness */
};

enum { LUNA_ACCOUNT_NAME_BYTES = 1024, LUNA_PLAN_NAME_BYTES = 64 };

struct luna_account {
    int64_t id;
    char name[LUNA_ACCOUNT_NAME_BYTES];
    char plan[LUNA_PLAN_NAME_BYTES];
    int64_t quota_limit, quota_used; /* units; used is what is booked, the rest is in Redis */
    enum luna_period period;
    int64_t period_start_ms, period_end_ms; /* end 0: no period */
    int64_t created_ms, updated_ms, disabled_ms;
    int64_t config_version;
    int64_t deleted_ms; /* 0: it is not deleted */
};

struct luna_account_spec {
    const char *name;    /* 1…255 characters, unique */
    const char *plan;    /* NULL: "standard" */
    int64_t quota_limit; /* -1: the plan's */
};

enum {
    LUNA_KEY_NAME_BYTES = 257, /* 64 characters of UTF-8 */
    LUNA_KEY_METADATA_BYTES_MAX = 4096,
    LUNA_KEY_NETWORKS_MAX = 16,
    LUNA_KEY_NETWORKS_BYTES = 1024,
    LUNA_KEY_RATE_MAX = 1000000
};

struct luna_key {
    int64_t id;
    char prefix[LUNA_KEY_PREFIX_BYTES]; /* the key's first characters, to distinguish keys */
    bool primary;                       /* the one in accounts.api_key */
    unsigned scopes;                    /* enum luna_scope bits */
    int64_t created_ms, not_before_ms, expires_ms, revoked_ms;
    int64_t used_ms; /* to within some minutes; 0: never */
    int64_t rate_per_s, rate_burst;
    char name[LUNA_KEY_NAME_BYTES];
    char networks[LUNA_KEY_NETWORKS_BYTES]; /* joined by ';'; "": all */
    /* a JSON object; a JSON writer puts spaces between its parts */
    char metadata[2 * LUNA_KEY_METADATA_BYTES_MAX];
};

enum luna_code luna_account_create(const struct luna_operator *op,
                                   const struct luna_account_spec *spec,
                                   struct luna_account *ret_account, struct luna_key_text *ret_key,
                                   struct luna_error *err) LUNA_MUSTCHECK;
/* By id when `which` is all digits, else by name. A deleted account is found by its id. */
enum luna_code luna_account_find(struct luna_database *database, const char *which,
                                 struct luna_account *ret_account,
                                 struct luna_error *err) LUNA_MUSTCHECK;

enum luna_account_status {
    LUNA_ACCOUNTS_ALL, /* that are not deleted */
    LUNA_ACCOUNTS_ENABLED,
    LUNA_ACCOUNTS_DISABLED,
    LUNA_ACCOUNTS_DELETED
};

struct luna_account_filter {
    const char *plan;       /* NULL: any */
    const char *name_start; /* what their names start with; NULL: any */
    enum luna_account_status status;
    int64_t after_id;  /* only those with a higher id */
    int64_t count_max; /* 0: all */
};

/* Calls `each` in order of id; stops when it returns false. */
enum luna_code luna_account_list(struct luna_database *database,
                                 const struct luna_account_filter *filter,
                                 bool (*each)(void *context, const struct luna_account *account),
                                 void *context, struct luna_error *err) LUNA_MUSTCHECK;
/* 0 … 2147483647. Safe beside running requests. A limit below what is used refuses further requests
 * and reverts none. */
enum luna_code luna_account_set_limit(const struct luna_operator *op, int64_t account_id,
                                      int64_t quota_limit, const char *reason,
                                      struct luna_error *err) LUNA_MUSTCHECK;
/* Also sets the plan's quota limit, when it has one, and its period. */
enum luna_code luna_account_set_plan(const struct luna_operator *op, int64_t account_id,
                                     const char *plan, const char *reason,
                                     struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_account_disable(const struct luna_operator *op, int64_t account_id,
                                    const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_account_enable(const struct luna_operator *op, int64_t account_id,
                                   const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
/* For good: revokes all keys, and removes the name and what its owner wrote about the keys. Its row
 * and its events stay, and the rest of its charges is booked. Clients are answered as if it had
 * never existed. Deleting it again changes nothing. */
enum luna_code luna_account_delete(const struct luna_operator *op, int64_t account_id,
                                   const char *reason, struct luna_error *err) LUNA_MUSTCHECK;
/* A new primary key; the old one stays valid for `overlap_s` seconds (0 … 604800). *ret_key is also
 * set with LUNA_EUNAVAILABLE, when PostgreSQL has the new key and Redis has not received it: show
 * it, as it cannot be read again. */
enum luna_code luna_account_rotate_key(const struct luna_operator *op, int64_t account_id,
                                       int64_t overlap_s, struct luna_key_text *ret_key,
                                       struct luna_error *err) LUNA_MUSTCHECK;

struct luna_key_spec {
    unsigned scopes;
    int64_t not_before_ms, expires_ms; /* may be 0 */
    const char *name;                  /* NULL: none; at most 64 characters */
    const char *metadata;              /* NULL: none; a JSON object */
    const char *networks;              /* NULL: all; luna_network_valid(), joined by ';' */
    int64_t rate_per_s, rate_burst;    /* 0: the account's alone */
};
enum { LUNA_KEY_UNCHANGED = -1 };

/* A key that was just made: the only time that its text is known. */
struct luna_made_key {
    struct luna_key_text key;
    int64_t id;
    int64_t expires_ms; /* of the first time, when a seed makes it again */
};

/* An additional key. LUNA_ECONFLICT also: a seed made it before, and it is not valid any more. */
enum luna_code luna_key_create(const struct luna_operator *op, int64_t account_id,
                               const struct luna_key_spec *spec, struct luna_made_key *ret_made,
                               struct luna_error *err) LUNA_MUSTCHECK;

enum luna_key_status { LUNA_KEYS_ALL, LUNA_KEYS_LIVE, LUNA_KEYS_EXPIRED, LUNA_KEYS_REVOKED };

struct luna_key_filter {
    enum luna_key_status status;
    int64_t after_id;  /* only those with a higher id */
    int64_t count_max; /* 0: all */
};

/* Calls `each` in order of id; stops when it returns false. `filter` NULL: all keys. */
enum luna_code luna_key_list(struct luna_database *database, int64_t account_id,
                             const struct luna_key_filter *filter,
                             bool (*each)(void *context, const struct luna_key *key), void *context,
                             struct luna_error *err) LUNA_MUSTCHECK;
/* One key of the account, valid or not. LUNA_ENOTFOUND. */
enum luna_code luna_key_get(struct luna_database *database, int64_t account_id, int64_t key_id,
                            struct luna_key *ret_key, struct luna_error *err) LUNA_MUSTCHECK;
/* Changes a valid key. Scopes of 0, NULL and a rate or burst of LUNA_KEY_UNCHANGED stay as they
 * are; the times are not used. Scopes only become fewer: LUNA_EINVAL. LUNA_ECONFLICT: the key is
 * not valid any more. LUNA_EUNAVAILABLE also when PostgreSQL has the change and Redis has not. */
enum luna_code luna_key_set(const struct luna_operator *op, int64_t account_id, int64_t key_id,
                            const struct luna_key_spec *change,
                            struct luna_error *err) LUNA_MUSTCHECK;
/* A new key in place of `key_id`, any valid one, with its scopes and its expiry; the old one stays
 * valid for `overlap_s` seconds (0 … 604800), never beyond its own expiry. *ret_key as above. */
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
