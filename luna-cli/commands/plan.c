#include "commands/handlers.h"

#include "commands/listing.h"
#include "luna/store/plan.h"
#include "session/session.h"
#include "terminal/output.h"
#include "terminal/progress.h"
#include "terminal/words.h"

#include <string.h>

enum { PLAN_CELLS = 9, QUOTA_MAX = 2147483647, RATE_MAX = 1000000 };

static void plan_cells(const struct luna_plan *plan, struct cell cells[PLAN_CELLS])
{
    const struct cell filled[PLAN_CELLS] = {
        CELL_T("name", plan->name),
        CELL_I("rate_per_s", plan->rate_per_s),
        CELL_I("rate_burst", plan->rate_burst),
        CELL_I("quota_limit", plan->quota_limit),
        CELL_T("quota_period", luna_period_kind(plan->quota_period)),
        CELL_I("points_max", plan->points_max),
        CELL_I("concurrent_max", plan->concurrent_max),
        CELL_I("compute_ms_per_s", plan->compute_ms_per_s),
        CELL_B("changing", plan->changing)};
    memcpy(cells, filled, sizeof filled);
    if (plan->quota_limit < 0)
        cells[3] = CELL_T("quota_limit", NULL);
}

static bool list_plan(void *context, const struct luna_plan *plan)
{
    struct cell cells[PLAN_CELLS];
    plan_cells(plan, cells);
    return listing_add(context, cells, PLAN_CELLS);
}

static enum luna_code fill_plans(struct listing *listing, struct luna_error *err)
{
    return luna_plan_list(listing->session->database, listing->after_name, listing->fetch_max,
                          list_plan, listing, err);
}

enum cli_exit cmd_plan_list(const struct invocation *invocation)
{
    static const struct listing_kind kind = {
        LISTING_BY_NAME, "No plans. Create one: luna plan set NAME --rate N --burst N", fill_plans};
    return listing_run(invocation, &kind, NULL);
}

static void print_plan(bool json, const struct luna_plan *plan)
{
    struct cell cells[PLAN_CELLS];
    plan_cells(plan, cells);
    output_record(json, cells, PLAN_CELLS);
}

enum cli_exit cmd_plan_show(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    struct luna_plan plan;
    struct luna_error err;
    if (luna_plan_find(session.database, invocation->operands[0], &plan, &err) == LUNA_OK)
        print_plan(invocation->json, &plan);
    else
        status = cli_exit_report(&err);
    session_close(&session);
    return status;
}

/* `option` includes the leading "--", for the error message. */
static bool take_integer(const struct invocation *invocation, const char *option, int64_t min,
                         int64_t max, int64_t *value)
{
    const char *text = invocation_option(invocation, option + strlen("--"));
    return !text || invocation_integer(option, text, min, max, value);
}

/* Replaces the values whose options were given. */
static bool take_options(const struct invocation *invocation, struct luna_plan *plan)
{
    const char *period = invocation_option(invocation, "period");
    const char *quota = invocation_option(invocation, "quota");
    if (quota && strcmp(quota, "none") == 0)
        plan->quota_limit = -1;
    else if (quota && !invocation_integer("--quota", quota, 0, QUOTA_MAX, &plan->quota_limit))
        return false;
    return take_integer(invocation, "--rate", 1, RATE_MAX, &plan->rate_per_s) &&
           take_integer(invocation, "--burst", 1, RATE_MAX, &plan->rate_burst) &&
           take_integer(invocation, "--points-max", 0, INT64_MAX, &plan->points_max) &&
           take_integer(invocation, "--concurrent-max", 0, QUOTA_MAX, &plan->concurrent_max) &&
           take_integer(invocation, "--compute", 0, RATE_MAX, &plan->compute_ms_per_s) &&
           (!period || period_read(period, &plan->quota_period));
}

static enum cli_exit put_plan(const struct invocation *invocation, const struct session *session)
{
    const char *name = invocation->operands[0];
    struct luna_plan plan = {.quota_limit = -1};
    struct luna_error err;
    if (strlen(name) >= sizeof plan.name)
        return cli_exit_usage("a plan name has at most %zu bytes", sizeof plan.name - 1);
    enum luna_code code = luna_plan_find(session->database, name, &plan, &err);
    if (code != LUNA_OK && code != LUNA_ENOTFOUND)
        return cli_exit_report(&err);
    memcpy(plan.name, name, strlen(name) + 1);
    if (!take_options(invocation, &plan))
        return CLI_USAGE;
    if (plan.rate_per_s == 0 || plan.rate_burst == 0)
        return cli_exit_usage("plan \"%s\" does not exist; to create it, give --rate and --burst",
                              name);
    struct luna_operator op = session_operator(session);
    struct progress progress = {.what = "updating the accounts of the plan"};
    op.progress = &(struct luna_progress){progress_step, &progress};
    code = luna_plan_put(&op, &plan, &err);
    progress_end(&progress);
    if (code != LUNA_OK)
        return cli_exit_report(&err);
    plan.changing = false;
    print_plan(invocation->json, &plan);
    return CLI_OK;
}

enum cli_exit cmd_plan_set(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE | SESSION_CACHE_IF_SET);
    if (status != CLI_OK)
        return status;
    status = put_plan(invocation, &session);
    session_close(&session);
    return status;
}
