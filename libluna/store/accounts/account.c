#include "luna/store/account.h"

#include "accounts/account_row.h"
#include "accounts/operator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { QUOTA_LIMIT_MAX = INT32_MAX };

static enum luna_code find_where(struct luna_database *database, const char *where,
                                 const char *value, struct luna_account *ret_account,
                                 struct luna_error *err)
{
    char sql[1024];
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    int len = snprintf(sql, sizeof sql,
                       "SELECT " LUNA_ACCOUNT_COLUMNS
                       " FROM accounts a JOIN plans p ON p.name = a.plan WHERE %s",
                       where);
    assert(len > 0 && (size_t)len < sizeof sql);
    (void)len;
    luna_pg_param_text(&params, value);
    enum luna_code code =
        luna_pg_query(database, luna_pg_deadline(database), sql, &params, &result, err);
    if (code != LUNA_OK)
        return code;
    if (luna_pg_rows(result) == 1)
        code = luna_account_from_row(result, 0, ret_account, err);
    else
        code = luna_error_set(err, LUNA_ENOTFOUND, "there is no account \"%.100s\"", value);
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_account_find(struct luna_database *database, const char *which,
                                 struct luna_account *ret_account, struct luna_error *err)
{
    bool digits = which[0] != '\0' && strspn(which, "0123456789") == strlen(which);
    if (digits && strlen(which) > 10)
        return luna_error_set(err, LUNA_ENOTFOUND, "there is no account \"%.100s\"", which);
    return find_where(database, digits ? "a.id = $1::bigint" : "a.account_name = $1", which,
                      ret_account, err);
}

static enum luna_code list_page(struct luna_database *database,
                                const struct luna_account_filter *filter, int64_t after,
                                int64_t count, struct luna_pg_result **ret_result,
                                struct luna_error *err)
{
    static const char *const statuses[] = {[LUNA_ACCOUNTS_ALL] = "a.deleted_at IS NULL",
                                           [LUNA_ACCOUNTS_ENABLED] = "a.disabled_at IS NULL",
                                           [LUNA_ACCOUNTS_DISABLED] =
                                               "a.disabled_at IS NOT NULL AND a.deleted_at IS NULL",
                                           [LUNA_ACCOUNTS_DELETED] = "a.deleted_at IS NOT NULL"};
    char sql[1024];
    struct luna_pg_params params = {.count = 0};
    int len = snprintf(sql, sizeof sql,
                       "SELECT " LUNA_ACCOUNT_COLUMNS
                       " FROM accounts a JOIN plans p ON p.name = a.plan WHERE a.id > $1::bigint "
                       "AND ($3::text IS NULL OR a.plan = $3::text) "
                       "AND ($4::text IS NULL OR a.account_name ^@ $4::text) AND %s "
                       "ORDER BY a.id LIMIT $2::int",
                       statuses[filter->status]);
    assert(len > 0 && (size_t)len < sizeof sql);
    (void)len;
    luna_pg_param_int(&params, after);
    luna_pg_param_int(&params, count);
    luna_pg_param_text(&params, filter->plan);
    luna_pg_param_text(&params, filter->name_start);
    return luna_pg_query(database, luna_pg_deadline(database), sql, &params, ret_result, err);
}

enum luna_code luna_account_list(struct luna_database *database,
                                 const struct luna_account_filter *filter,
                                 bool (*each)(void *context, const struct luna_account *account),
                                 void *context, struct luna_error *err)
{
    /* By pages after an id, not by offset: memory is bounded, and accounts made meanwhile move
     * nothing. */
    enum { PAGE = 500 };
    int64_t after = filter->after_id;
    int64_t left = filter->count_max > 0 ? filter->count_max : INT64_MAX;
    assert(each != NULL);
    while (left > 0) {
        struct luna_pg_result *result = NULL;
        int64_t wanted = left < PAGE ? left : PAGE;
        enum luna_code code = list_page(database, filter, after, wanted, &result, err);
        if (code != LUNA_OK)
            return code;
        int rows = luna_pg_rows(result);
        left = rows < wanted ? 0 : left - rows;
        for (int row = 0; row < rows && code == LUNA_OK; row++) {
            struct luna_account account;
            code = luna_account_from_row(result, row, &account, err);
            if (code != LUNA_OK)
                break;
            assert(account.id > after); /* else the next page would be the same again */
            after = account.id;
            if (!each(context, &account)) {
                left = 0;
                break;
            }
        }
        luna_pg_result_free(result);
        if (code != LUNA_OK)
            return code;
    }
    return LUNA_OK;
}

/* Characters, not bytes: VARCHAR(255) counts those. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Makes the account and reads it in one statement: either there is an account whose key the caller
 * gets, or there is none. */
static enum luna_code open_account(const struct luna_operator *op,
                                   const struct luna_pg_params *params,
                                   struct luna_account *ret_account, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code =
        luna_pg_query(op->database, luna_pg_deadline(op->database),
                      "SELECT " LUNA_ACCOUNT_COLUMNS
                      " FROM luna_account_open($1, $2, $3, $4::uuid, $5, $6, $7) a "
                      "JOIN plans p ON p.name = a.plan",
                      params, &result, err);
    if (code != LUNA_OK)
        return code;
    assert(luna_pg_rows(result) == 1);
    code = luna_account_from_row(result, 0, ret_account, err);
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_account_create(const struct luna_operator *op,
                                   const struct luna_account_spec *spec,
                                   struct luna_account *ret_account, struct luna_key_text *ret_key,
                                   struct luna_error *err)
{
    struct luna_new_key fresh;
    struct luna_pg_params params = {.count = 0};
    assert(op->database != NULL && op->actor != NULL);
    if (spec->name == NULL || characters(spec->name) < 1 || characters(spec->name) > 255)
        return luna_error_set(err, LUNA_EINVAL, "an account's name has 1 to 255 characters");
    if (strspn(spec->name, "0123456789") == strlen(spec->name))
        return luna_error_set(err, LUNA_EINVAL,
                              "an account name of digits only could be taken for an id");
    if (spec->quota_limit < -1 || spec->quota_limit > QUOTA_LIMIT_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "a quota limit of %lld is outside the range 0 to %d",
                              (long long)spec->quota_limit, QUOTA_LIMIT_MAX);
    enum luna_code code = luna_operator_key(op, &fresh, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_text(&params, spec->name);
    luna_pg_param_text(&params, spec->plan != NULL ? spec->plan : "standard");
    if (spec->quota_limit >= 0)
        luna_pg_param_int(&params, spec->quota_limit);
    else
        luna_pg_param_text(&params, NULL);
    luna_pg_param_text(&params, fresh.digest.text);
    luna_pg_param_int(&params, luna_operator_pepper_id(op));
    luna_pg_param_text(&params, fresh.prefix);
    luna_pg_param_text(&params, op->actor);
    code = open_account(op, &params, ret_account, err);
    if (code == LUNA_OK) {
        *ret_key = fresh.key;
        code = luna_operator_push(op, ret_account->id, false, err);
    }
    luna_key_text_wipe(&fresh.key);
    return code;
}

/* A change of one account whose SQL function takes (id, value, actor, reason). */
static enum luna_code change(const struct luna_operator *op, const char *sql, int64_t account_id,
                             const char *value, const char *reason, bool at_once,
                             struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    assert(value != NULL && op->actor != NULL); /* NULL would be stored: SQL's, without an error */
    luna_pg_param_int(&params, account_id);
    luna_pg_param_text(&params, value);
    luna_pg_param_text(&params, op->actor);
    luna_pg_param_text(&params, reason != NULL ? reason : "");
    enum luna_code code = luna_operator_run(op, sql, &params, NULL, err);
    return code == LUNA_OK ? luna_operator_push(op, account_id, at_once, err) : code;
}

enum luna_code luna_account_set_limit(const struct luna_operator *op, int64_t account_id,
                                      int64_t quota_limit, const char *reason,
                                      struct luna_error *err)
{
    char value[24];
    if (quota_limit < 0 || quota_limit > QUOTA_LIMIT_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "a quota limit of %lld is outside the range 0 to %d",
                              (long long)quota_limit, QUOTA_LIMIT_MAX);
    snprintf(value, sizeof value, "%lld", (long long)quota_limit);
    return change(op, "SELECT luna_account_set_limit($1, $2::bigint, $3, $4)", account_id, value,
                  reason, false, err);
}

enum luna_code luna_account_set_plan(const struct luna_operator *op, int64_t account_id,
                                     const char *plan, const char *reason, struct luna_error *err)
{
    return change(op, "SELECT luna_account_set_plan($1, $2, $3, $4)", account_id, plan, reason,
                  false, err);
}

enum luna_code luna_account_disable(const struct luna_operator *op, int64_t account_id,
                                    const char *reason, struct luna_error *err)
{
    return change(op, "SELECT luna_account_set_disabled($1, $2::boolean, $3, $4)", account_id,
                  "true", reason, true, err);
}

enum luna_code luna_account_enable(const struct luna_operator *op, int64_t account_id,
                                   const char *reason, struct luna_error *err)
{
    return change(op, "SELECT luna_account_set_disabled($1, $2::boolean, $3, $4)", account_id,
                  "false", reason, false, err);
}

enum luna_code luna_account_delete(const struct luna_operator *op, int64_t account_id,
                                   const char *reason, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    luna_pg_param_int(&params, account_id);
    luna_pg_param_text(&params, op->actor);
    luna_pg_param_text(&params, reason != NULL ? reason : "");
    enum luna_code code =
        luna_operator_run(op, "SELECT luna_account_delete($1, $2, $3)", &params, NULL, err);
    return code == LUNA_OK ? luna_operator_push(op, account_id, true, err) : code;
}
