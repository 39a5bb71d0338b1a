#include "accounts/account_row.h"

#include "quota/period.h"

#include <assert.h>
#include <stdio.h>

enum luna_code luna_account_from_row(const struct luna_pg_result *result, int row,
                                     struct luna_account *ret_account, struct luna_error *err)
{
    struct luna_account account = {.id = luna_pg_int(result, row, 0)};
    assert(row >= 0 && row < luna_pg_rows(result));
    assert(account.id > 0); /* the columns are those of LUNA_ACCOUNT_COLUMNS, from the first */
    snprintf(account.name, sizeof account.name, "%s", luna_pg_text(result, row, 1));
    snprintf(account.plan, sizeof account.plan, "%s", luna_pg_text(result, row, 2));
    account.quota_limit = luna_pg_int(result, row, 3);
    account.quota_used = luna_pg_int(result, row, 4);
    account.period_start_ms = luna_pg_int(result, row, 6);
    account.period_end_ms = luna_pg_int(result, row, 7);
    account.created_ms = luna_pg_int(result, row, 8);
    account.updated_ms = luna_pg_int(result, row, 9);
    account.disabled_ms = luna_pg_int(result, row, 10);
    account.config_version = luna_pg_int(result, row, 11);
    account.deleted_ms = luna_pg_int(result, row, 12);
    enum luna_code code = luna_period_read(luna_pg_text(result, row, 5), &account.period, err);
    if (code == LUNA_OK)
        *ret_account = account;
    return code;
}
