#include "luna/store/audit.h"

#include "client/pg.h"

#include <assert.h>
#include <stdio.h>

enum { VERIFY_TIMEOUT_MS = 30 * 60 * 1000, EVENTS_MAX = 10000 };

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

enum luna_code luna_audit_verify(struct luna_database *database, int64_t account_id,
                                 void (*each)(void *context, const struct luna_audit_fault *fault),
                                 void *context, struct luna_audit_summary *ret_summary,
                                 struct luna_error *err)
{
    struct luna_audit_summary summary = {.accounts = 0};
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    enum luna_code code = summarize(database, account_id, &summary, err);
    if (code == LUNA_OK && account_id != 0 && summary.accounts == 0)
        code =
            luna_error_set(err, LUNA_ENOTFOUND, "there is no account %lld", (long long)account_id);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&params, account_id);
    code =
        luna_pg_query_long(database, VERIFY_TIMEOUT_MS,
                           "SELECT account_id, seq, what, detail FROM luna_audit_faults($1::int)",
                           &params, &result, err);
    if (code != LUNA_OK)
        return code;
    summary.faults = luna_pg_rows(result);
    for (int row = 0; row < luna_pg_rows(result); row++)
        report_fault(result, row, each, context);
    luna_pg_result_free(result);
    *ret_summary = summary;
    return LUNA_OK;
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

enum luna_code luna_audit_show(struct luna_database *database, int64_t account_id,
                               int64_t before_seq, int count,
                               bool (*each)(void *context, const struct luna_audit_event *event),
                               void *context, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(each != NULL);
    if (count < 1 || count > EVENTS_MAX)
        return luna_error_set(err, LUNA_EINVAL, "%d events are outside the range 1 to %d", count,
                              EVENTS_MAX);
    if (before_seq != 0 && account_id == 0)
        return luna_error_set(err, LUNA_EINVAL, "an event number needs an account");
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, before_seq);
    luna_pg_param_int(&params, count);
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT * FROM (SELECT account_id, seq, luna_ms(at), kind, actor, epoch, period_no, "
        "from_c, to_c, "
        "from_r, "
        "to_r, delta, used_before, used_after, limit_before, limit_after, reason, encode(hash, "
        "'hex'), at "
        "FROM quota_events WHERE ($1::int = 0 OR account_id = $1::int) AND ($2::bigint = 0 OR seq "
        "< "
        "$2::bigint) "
        "ORDER BY at DESC, account_id, seq DESC LIMIT $3::int) newest ORDER BY at, account_id, seq",
        &params, &result, err);
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
