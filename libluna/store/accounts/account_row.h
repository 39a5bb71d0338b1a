/*
 * account_row.h: an account as a row of PostgreSQL. Private to the store.
 */
#ifndef LUNA_STORE_ACCOUNT_ROW_H
#define LUNA_STORE_ACCOUNT_ROW_H

#include "client/pg_value.h"
#include "luna/store/account.h"

/* The columns that luna_account_from_row() reads, of accounts a and its plan p. */
#define LUNA_ACCOUNT_COLUMNS                                                                       \
    "a.id, a.account_name, a.plan, a.quota_limit, a.quota_used, p.quota_period, "                  \
    "luna_ms(a.period_start), "                                                                    \
    "luna_ms(a.period_end), luna_ms(a.created_at), luna_ms(a.updated_at), "                        \
    "luna_ms(a.disabled_at), "                                                                     \
    "a.config_version, luna_ms(a.deleted_at)"

/* Where the columns begin that a query adds behind those. */
enum { LUNA_ACCOUNT_COLUMN_COUNT = 13 };

/* LUNA_EPROTOCOL: of a period that this program does not know. */
enum luna_code luna_account_from_row(const struct luna_pg_result *result, int row,
                                     struct luna_account *ret_account,
                                     struct luna_error *err) LUNA_MUSTCHECK;

#endif
