#include "luna/store/plan.h"

#include "accounts/account_row.h"
#include "accounts/config_push.h"
#include "accounts/operator.h"
#include "quota/period.h"

#include <assert.h>
#include <stdio.h>

/* A step with 1,000 accounts takes about 50 ms: short compared with any timeout, and with the time
 * that a request can wait for one of the accounts. */
enum { RATE_MAX = 1000000, STEP_ACCOUNTS_MAX = 1000 };

static enum luna_code plan_from_row(const struct luna_pg_result *result, int row,
                                    struct luna_plan *ret_plan, struct luna_error *err)
{
    struct luna_plan plan = {.rate_per_s = luna_pg_int(result, row, 1),
                             .rate_burst = luna_pg_int(result, row, 2),
                             .quota_limit =
                                 luna_pg_is_null(result, row, 3) ? -1 : luna_pg_int(result, row, 3),
                             .points_max = luna_pg_int(result, row, 5),
                             .concurrent_max = luna_pg_int(result, row, 6),
                             .changing = luna_pg_bool(result, row, 7),
                             .compute_ms_per_s = luna_pg_int(result, row, 8)};
    assert(row >= 0 && row < luna_pg_rows(result));
    snprintf(plan.name, sizeof plan.name, "%s", luna_pg_text(result, row, 0));
    enum luna_code code = luna_period_read(luna_pg_text(result, row, 4), &plan.quota_period, err);
    if (code == LUNA_OK)
        *ret_plan = plan;
    return code;
}

#define PLAN_COLUMNS                                                                               \
    "name, rate_per_s, rate_burst, quota_limit, quota_period, points_max, concurrent_max, "        \
    "name IN (SELECT plan FROM plan_changes), compute_ms_per_s"

enum luna_code luna_plan_list(struct luna_database *database, const char *after, int64_t count_max,
                              bool (*each)(void *context, const struct luna_plan *plan),
                              void *context, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(each != NULL);
    luna_pg_param_text(&params, after != NULL ? after : "");
    luna_pg_param_int(&params, count_max > 0 ? count_max : INT64_MAX);
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT " PLAN_COLUMNS " FROM plans WHERE name > $1 ORDER BY name LIMIT $2::bigint",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result) && code == LUNA_OK; row++) {
        struct luna_plan plan;
        code = plan_from_row(result, row, &plan, err);
        if (code == LUNA_OK && !each(context, &plan))
            break;
    }
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_plan_find(struct luna_database *database, const char *name,
                              struct luna_plan *ret_plan, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_text(&params, name);
    enum luna_code code =
        luna_pg_query(database, luna_pg_deadline(database),
                      "SELECT " PLAN_COLUMNS " FROM plans WHERE name = $1", &params, &result, err);
    if (code != LUNA_OK)
        return code;
    if (luna_pg_rows(result) == 1)
        code = plan_from_row(result, 0, ret_plan, err);
    else
        code = luna_error_set(err, LUNA_ENOTFOUND, "no such plan: \"%.100s\"", name);
    luna_pg_result_free(result);
    return code;
}

static enum luna_code check(const struct luna_plan *plan, struct luna_error *err)
{
    if (plan->rate_per_s < 1 || plan->rate_per_s > RATE_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "a rate of %lld per second is outside the range 1 to %d",
                              (long long)plan->rate_per_s, RATE_MAX);
    if (plan->rate_burst < 1 || plan->rate_burst > RATE_MAX)
        return luna_error_set(err, LUNA_EINVAL, "a burst of %lld is outside the range 1 to %d",
                              (long long)plan->rate_burst, RATE_MAX);
    if (plan->quota_limit < -1 || plan->quota_limit > INT32_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "a quota limit of %lld is outside the range 0 to %d",
                              (long long)plan->quota_limit, INT32_MAX);
    if (plan->points_max < 0 || plan->concurrent_max < 0 || plan->concurrent_max > INT32_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "points and concurrent requests are 0 (no limit) or more");
    if (plan->compute_ms_per_s < 0 || plan->compute_ms_per_s > RATE_MAX)
        return luna_error_set(err, LUNA_EINVAL,
                              "a processor time of %lld ms per second is outside the range 0 to %d",
                              (long long)plan->compute_ms_per_s, RATE_MAX);
    return LUNA_OK;
}

/* Delivers to the accounts of the plan until one delivery fails; the outbox has the rest. */
static void push_members(const struct luna_operator *op, const char *plan)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_error ignored;
    enum { MEMBERS_MAX = 1000 };
    assert(op->counters != NULL);
    luna_pg_param_text(&params, plan);
    luna_pg_param_int(&params, MEMBERS_MAX);
    if (luna_pg_query(op->database, luna_pg_deadline(op->database),
                      "SELECT id FROM accounts WHERE plan = $1 ORDER BY id LIMIT $2::int", &params,
                      &result, &ignored) != LUNA_OK)
        return;
    for (int row = 0; row < luna_pg_rows(result); row++)
        if (luna_config_push_account(op->database, op->counters, NULL, luna_pg_int(result, row, 0),
                                     &ignored) != LUNA_OK)
            break;
    luna_pg_result_free(result);
}

/* The accounts are updated in order of id. If this fails, only the report is missing. */
static void report_step(const struct luna_operator *op, const char *plan)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_error ignored;
    luna_pg_param_text(&params, plan);
    if (luna_pg_query(op->database, luna_pg_deadline(op->database),
                      "SELECT done_id, last_id FROM plan_changes WHERE plan = $1", &params, &result,
                      &ignored) != LUNA_OK)
        return;
    if (luna_pg_rows(result) == 1)
        op->progress->step(op->progress->context, luna_pg_int(result, 0, 0),
                           luna_pg_int(result, 0, 1));
    luna_pg_result_free(result);
}

/* Updates the plan's accounts, step by step. If it ends early, quota-syncd continues. */
static enum luna_code update_members(const struct luna_operator *op, const char *plan,
                                     struct luna_error *err)
{
    int64_t more = 1;
    enum luna_code code = LUNA_OK;
    while (code == LUNA_OK && more != 0) {
        struct luna_pg_params params = {.count = 0};
        luna_pg_param_text(&params, plan);
        luna_pg_param_int(&params, STEP_ACCOUNTS_MAX);
        code =
            luna_operator_run(op, "SELECT luna_plan_step($1, $2::int)::int", &params, &more, err);
        if (code == LUNA_OK && more != 0 && op->progress != NULL)
            report_step(op, plan);
    }
    if (code != LUNA_OK)
        luna_error_wrap(err,
                        "plan %s is changed, but not all its accounts are updated yet; quota-syncd "
                        "continues, or "
                        "run the same command again",
                        plan);
    return code;
}

enum luna_code luna_plan_put(const struct luna_operator *op, const struct luna_plan *plan,
                             struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    enum luna_code code = check(plan, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_text(&params, plan->name);
    luna_pg_param_int(&params, plan->rate_per_s);
    luna_pg_param_int(&params, plan->rate_burst);
    if (plan->quota_limit >= 0)
        luna_pg_param_int(&params, plan->quota_limit);
    else
        luna_pg_param_text(&params, NULL);
    luna_pg_param_text(&params, luna_period_kind(plan->quota_period));
    luna_pg_param_int(&params, plan->points_max);
    luna_pg_param_int(&params, plan->concurrent_max);
    luna_pg_param_int(&params, plan->compute_ms_per_s);
    luna_pg_param_text(&params, op->actor);
    code =
        luna_operator_run(op, "SELECT luna_plan_put($1, $2, $3, $4, $5, $6, $7::int, $8::int, $9)",
                          &params, NULL, err);
    if (code == LUNA_OK)
        code = update_members(op, plan->name, err);
    if (code == LUNA_OK && op->counters != NULL)
        push_members(op, plan->name);
    return code;
}
