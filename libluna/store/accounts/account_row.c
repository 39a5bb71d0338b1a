#include "accounts/account_row.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void luna_account_from_row(const struct luna_pg_result *result, int row,
                           struct luna_account *ret_account)
{
    struct luna_account account = {.id = luna_pg_int(result, row, 0)};
    const char *period = luna_pg_text(result, row, 5);
    assert(row >= 0 && row < luna_pg_rows(result));
    assert(account.id > 0); /* the columns are those of LUNA_ACCOUNT_COLUMNS, from the first */
    snprintf(account.name, sizeof account.name, "%s", luna_pg_text(result, row, 1));
    snprintf(account.plan, sizeof account.plan, "%s", luna_pg_text(result, row, 2));
    account.quota_limit = luna_pg_int(result, row, 3);
    account.quota_used = luna_pg_int(result, row, 4);
    account.period = luna_period_of(period);
    account.period_start_ms = luna_pg_int(result, row, 6);
    account.period_end_ms = luna_pg_int(result, row, 7);
    account.created_ms = luna_pg_int(result, row, 8);
    account.updated_ms = luna_pg_int(result, row, 9);
    account.disabled_ms = luna_pg_int(result, row, 10);
    account.config_version = luna_pg_int(result, row, 11);
    *ret_account = account;
}

enum luna_period luna_period_of(const char *kind)
{
    return strcmp(kind, "day") == 0     ? LUNA_PERIOD_DAY
           : strcmp(kind, "month") == 0 ? LUNA_PERIOD_MONTH
                                        : LUNA_PERIOD_NONE;
}

const char *luna_period_kind(enum luna_period period)
{
    static const char *const kinds[] = {
        [LUNA_PERIOD_NONE] = "none", [LUNA_PERIOD_DAY] = "day", [LUNA_PERIOD_MONTH] = "month"};
    assert((size_t)period < sizeof kinds / sizeof kinds[0]);
    return kinds[period];
}
