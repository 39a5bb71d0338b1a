#include "luna/store/audit.h"

#include "client/pg.h"

#include <assert.h>
#include <stdio.h>

enum { VERIFY_TIMEOUT_MS = 30 * 60 * 1000, EVENTS_MAX = 10000, VERIFY_ACCOUNTS = 1000 };

static enum luna_code summarize(struct luna_database *database, int64_t account_id,
                                struct luna_audit_summary *summary, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    enum luna_code code = luna_pg_query_long(
        database, VERIFY_TIMEOUT_MS,
        "SELECT (SELECT count(*) FROM accounts WHERE $1::int = 0 OR id = $1::int), "
        "count(*), COALESCE(sum(delta), 0)::bigint FROM quota_events "
        "WHERE $1::int = 0 OR account_id = $1::int",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    assert(luna_pg_rows(result) == 1); /* aggregates: one row, also of nothing */
    summary->accounts = luna_pg_int(result, 0, 0);
    summary->events = luna_pg_int(result, 0, 1);
    summary->booked_units = luna_pg_int(result, 0, 2);
    luna_pg_result_free(result);
    return LUNA_OK;
}

static void report_fault(const struct luna_pg_result *result, int row,
                         void (*each)(void *context, const struct luna_audit_fault *fault),
                         void *context)
{
    struct luna_audit_fault fault = {.account_id = luna_pg_int(result, row, 0),
                                     .seq = luna_pg_int(result, row, 1)};
    assert(row >= 0 && row < luna_pg_rows(result));
    snprintf(fault.what, sizeof fault.what, "%s", luna_pg_text(result, row, 2));
    snprintf(fault.detail, sizeof fault.detail, "%s", luna_pg_text(result, row, 3));
    if (each != NULL)
        each(context, &fault);
}

/* The accounts from `first` to `last`. */
static enum luna_code verify_range(struct luna_database *database, int64_t first, int64_t last,
                                   void (*each)(void *context,
                                                const struct luna_audit_fault *fault),
                                   void *context, int64_t *faults, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, first);
    luna_pg_param_int(&params, last);
    enum luna_code code = luna_pg_query_long(
        database, VERIFY_TIMEOUT_MS,
        "SELECT account_id, seq, what, detail FROM luna_audit_faults($1::int, $2::int)", &params,
        &result, err);
    if (code != LUNA_OK)
        return code;
    *faults += luna_pg_rows(result);
    for (int row = 0; row < luna_pg_rows(result); row++)
        report_fault(result, row, each, context);
    luna_pg_result_free(result);
    return LUNA_OK;
}

static enum luna_code highest_account(struct luna_database *database, int64_t *ret_id,
                                      struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code =
        luna_pg_query(database, luna_pg_deadline(database),
                      "SELECT COALESCE(max(id), 0) FROM accounts", NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    *ret_id = luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    return LUNA_OK;
}

/* The last step also reads the events of accounts that do not exist. */
static enum luna_code verify_all(struct luna_database *database,
                                 void (*each)(void *context, const struct luna_audit_fault *fault),
                                 void *context, const struct luna_progress *progress,
                                 int64_t *faults, struct luna_error *err)
{
    int64_t highest = 0;
    enum luna_code code = highest_account(database, &highest, err);
    for (int64_t first = 0; code == LUNA_OK && first <= highest; first += VERIFY_ACCOUNTS) {
        int64_t last = first + VERIFY_ACCOUNTS - 1;
        code = verify_range(database, first, last < highest ? last : INT32_MAX, each, context,
                            faults, err);
        if (code == LUNA_OK && progress != NULL)
            progress->step(progress->context, last < highest ? last : highest, highest);
    }
    return code;
}

enum luna_code luna_audit_verify(struct luna_database *database, int64_t account_id,
                                 void (*each)(void *context, const struct luna_audit_fault *fault),
                                 void *context, const struct luna_progress *progress,
                                 struct luna_audit_summary *ret_summary, struct luna_error *err)
{
    struct luna_audit_summary summary = {.accounts = 0};
    enum luna_code code = summarize(database, account_id, &summary, err);
    if (code == LUNA_OK && account_id != 0 && summary.accounts == 0)
        code =
            luna_error_set(err, LUNA_ENOTFOUND, "there is no account %lld", (long long)account_id);
    if (code == LUNA_OK)
        code = account_id != 0
                   ? verify_range(database, account_id, account_id, each, context, &summary.faults,
                                  err)
                   : verify_all(database, each, context, progress, &summary.faults, err);
    if (code == LUNA_OK)
        *ret_summary = summary;
    return code;
}

static struct luna_audit_event event_from_row(const struct luna_pg_result *result, int row)
{
    struct luna_audit_event event = {.account_id = luna_pg_int(result, row, 0),
                                     .seq = luna_pg_int(result, row, 1),
                                     .at_ms = luna_pg_int(result, row, 2),
                                     .epoch = luna_pg_int(result, row, 5),
                                     .period_no = luna_pg_int(result, row, 6),
                                     .from_c = luna_pg_int(result, row, 7),
                                     .to_c = luna_pg_int(result, row, 8),
                                     .from_r = luna_pg_int(result, row, 9),
                                     .to_r = luna_pg_int(result, row, 10),
                                     .delta = luna_pg_int(result, row, 11),
                                     .used_before = luna_pg_int(result, row, 12),
                                     .used_after = luna_pg_int(result, row, 13),
                                     .limit_before = luna_pg_int(result, row, 14),
                                     .limit_after = luna_pg_int(result, row, 15)};
    assert(row >= 0 && row < luna_pg_rows(result));
    snprintf(event.kind, sizeof event.kind, "%s", luna_pg_text(result, row, 3));
    snprintf(event.actor, sizeof event.actor, "%s", luna_pg_text(result, row, 4));
    snprintf(event.reason, sizeof event.reason, "%s", luna_pg_text(result, row, 16));
    snprintf(event.hash, sizeof event.hash, "%s", luna_pg_text(result, row, 17));
    return event;
}

/* In the order in which they were written: seq of one account, `no` of all. What was written before
 * there was `no` comes first, by time. `numbered`: without those. */
static enum luna_code query_events(struct luna_database *database,
                                   const struct luna_audit_filter *filter, bool numbered,
                                   struct luna_pg_result **ret_result, struct luna_error *err)
{
    char sql[1024];
    struct luna_pg_params params = {.count = 0};
    bool one = filter->account_id != 0;
    int len = snprintf(
        sql, sizeof sql,
        "SELECT * FROM (SELECT account_id, seq, luna_ms(at), kind, actor, epoch, period_no, "
        "from_c, "
        "to_c, from_r, to_r, delta, used_before, used_after, limit_before, limit_after, reason, "
        "encode(hash, 'hex'), at, no FROM quota_events "
        "WHERE ($1::int = 0 OR account_id = $1::int) "
        "AND ($2::bigint = 0 OR seq < $2::bigint) AND ($3::bigint = 0 OR at >= "
        "luna_time($3::bigint)) "
        "AND ($4::bigint = 0 OR at < luna_time($4::bigint)) AND ($5::text IS NULL OR kind = "
        "$5::text) %s "
        "ORDER BY %s LIMIT $6::int) newest ORDER BY %s",
        numbered ? "AND no IS NOT NULL" : "",
        one        ? "seq DESC"
        : numbered ? "no DESC"
                   : "no DESC NULLS LAST, at DESC, account_id, seq DESC",
        one ? "seq" : "no NULLS FIRST, at, account_id, seq");
    assert(len > 0 && (size_t)len < sizeof sql);
    (void)len;
    luna_pg_param_int(&params, filter->account_id);
    luna_pg_param_int(&params, filter->before_seq);
    luna_pg_param_int(&params, filter->since_ms);
    luna_pg_param_int(&params, filter->until_ms);
    luna_pg_param_text(&params, filter->kind);
    luna_pg_param_int(&params, filter->count);
    return luna_pg_query(database, luna_pg_deadline(database), sql, &params, ret_result, err);
}

/* The newest events of all accounts. The index has those with a number; if they are enough, the
 * others are not sorted. */
static enum luna_code query_newest(struct luna_database *database,
                                   const struct luna_audit_filter *filter,
                                   struct luna_pg_result **ret_result, struct luna_error *err)
{
    enum luna_code code = query_events(database, filter, true, ret_result, err);
    if (code != LUNA_OK || luna_pg_rows(*ret_result) == filter->count)
        return code;
    luna_pg_result_free(*ret_result);
    return query_events(database, filter, false, ret_result, err);
}

enum luna_code luna_audit_show(struct luna_database *database,
                               const struct luna_audit_filter *filter,
                               bool (*each)(void *context, const struct luna_audit_event *event),
                               void *context, struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    assert(each != NULL);
    if (filter->count < 1 || filter->count > EVENTS_MAX)
        return luna_error_set(err, LUNA_EINVAL, "%d events are outside the range 1 to %d",
                              filter->count, EVENTS_MAX);
    if (filter->before_seq != 0 && filter->account_id == 0)
        return luna_error_set(err, LUNA_EINVAL, "an event number needs an account");
    enum luna_code code = filter->account_id != 0
                              ? query_events(database, filter, false, &result, err)
                              : query_newest(database, filter, &result, err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result); row++) {
        const struct luna_audit_event event = event_from_row(result, row);
        if (!each(context, &event))
            break;
    }
    luna_pg_result_free(result);
    return LUNA_OK;
}
