/*
 * account_row.h: what the operator's files share. Private to the store.
 */
#ifndef LUNA_STORE_ACCOUNT_ROW_H
#define LUNA_STORE_ACCOUNT_ROW_H

#include "accounts/key.h"
#include "client/pg.h"
#include "luna/store/account.h"

/* The columns that luna_account_from_row() reads, of accounts a and its plan p. */
#define LUNA_ACCOUNT_COLUMNS                                                                       \
    "a.id, a.account_name, a.plan, a.quota_limit, a.quota_used, p.quota_period, "                  \
    "luna_ms(a.period_start), "                                                                    \
    "luna_ms(a.period_end), luna_ms(a.created_at), luna_ms(a.updated_at), "                        \
    "luna_ms(a.disabled_at), "                                                                     \
    "a.config_version"

void luna_account_from_row(const struct luna_pg_result *result, int row,
                           struct luna_account *ret_account);
enum luna_period luna_period_of(const char *kind);

/* Runs one of sql/'s operator functions. ret_number may be NULL. */
enum luna_code luna_operator_run(const struct luna_operator *op, const char *sql,
                                 const struct luna_pg_params *params, int64_t *ret_number,
                                 struct luna_error *err) LUNA_MUSTCHECK;
/* Delivers the account's configuration. `at_once`: a failure is one; else quota-syncd's outbox
 * will do. */
enum luna_code luna_operator_push(const struct luna_operator *op, int64_t account_id, bool at_once,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* A fresh key: what its owner is told once, and what is kept of it. */
struct luna_new_key {
    struct luna_key_text key;
    struct luna_key_digest digest;
    char prefix[LUNA_KEY_PREFIX_BYTES];
};
/* Wipe its text. */
enum luna_code luna_operator_key(const struct luna_operator *op, struct luna_new_key *ret_fresh,
                                 struct luna_error *err) LUNA_MUSTCHECK;
/* How long an old key may live on beside its successor. */
enum luna_code luna_operator_check_overlap(int64_t overlap_s,
                                           struct luna_error *err) LUNA_MUSTCHECK;

#endif
