/*
 * operator.h: the steps that all changes by operators have in common. Private to the store.
 */
#ifndef LUNA_STORE_OPERATOR_H
#define LUNA_STORE_OPERATOR_H

#include "client/pg.h"
#include "luna/store/account.h"
#include "quota/key.h"

#include <stdbool.h>

/* Calls an operator's function of sql/. ret_number may be NULL. */
enum luna_code luna_operator_run(const struct luna_operator *op, const char *sql,
                                 const struct luna_pg_params *params, int64_t *ret_number,
                                 struct luna_error *err) LUNA_MUSTCHECK;
/* Delivers the account's configuration to Redis. `at_once`: a failed delivery is an error; else it
 * is left to quota-syncd, which delivers the outbox. */
enum luna_code luna_operator_push(const struct luna_operator *op, int64_t account_id, bool at_once,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* A new key: what its owner sees once, and what is stored. */
struct luna_new_key {
    struct luna_key_text key;
    struct luna_key_digest digest;
    char prefix[LUNA_KEY_PREFIX_BYTES];
};
/* Wipe the text with luna_key_text_wipe(). */
enum luna_code luna_operator_key(const struct luna_operator *op, struct luna_new_key *ret_fresh,
                                 struct luna_error *err) LUNA_MUSTCHECK;
/* Under which pepper luna_operator_key() makes digests. */
int luna_operator_pepper_id(const struct luna_operator *op);
/* How long an old key may stay valid beside the new one. */
enum luna_code luna_operator_check_overlap(int64_t overlap_s,
                                           struct luna_error *err) LUNA_MUSTCHECK;

#endif
