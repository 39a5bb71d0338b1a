#include "commands/handlers.h"

#include "luna/store/audit.h"
#include "session/session.h"
#include "terminal/output.h"

#include <stdio.h>

enum { SHOW_DEFAULT = 50, SHOW_MAX = 10000 };

/* --account, as an id; 0 when it was not given. */
static enum cli_exit read_account(const struct invocation *invocation,
                                  const struct session *session, int64_t *ret_id)
{
    const char *which = invocation_option(invocation, "account");
    *ret_id = 0;
    if (!which)
        return CLI_OK;
    struct luna_account account;
    enum cli_exit status = session_account(session, which, &account);
    if (status == CLI_OK)
        *ret_id = account.id;
    return status;
}

/* Faults go to standard error as they are found; the summary is the output. */
static void report_fault(void *context, const struct luna_audit_fault *fault)
{
    (void)context;
    if (fault->seq > 0)
        fprintf(stderr, "account %lld, event %lld: %s: %s\n", (long long)fault->account_id,
                (long long)fault->seq, fault->what, fault->detail);
    else
        fprintf(stderr, "account %lld: %s: %s\n", (long long)fault->account_id, fault->what,
                fault->detail);
}

static enum cli_exit verify(const struct invocation *invocation, const struct session *session,
                            int64_t account_id)
{
    struct luna_audit_summary summary;
    struct luna_error err;
    if (luna_audit_verify(session->database, account_id, report_fault, NULL, &summary, &err) !=
        LUNA_OK)
        return cli_exit_report(&err);
    const struct cell cells[] = {CELL_B("sound", summary.faults == 0),
                                 CELL_I("accounts", summary.accounts),
                                 CELL_I("events", summary.events), CELL_I("faults", summary.faults),
                                 CELL_I("booked_units", summary.booked_units)};
    output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    return summary.faults == 0 ? CLI_OK : CLI_FAILED;
}

enum cli_exit cmd_audit_verify(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    int64_t account_id;
    status = read_account(invocation, &session, &account_id);
    if (status == CLI_OK)
        status = verify(invocation, &session, account_id);
    session_close(&session);
    return status;
}

struct event_listing {
    struct output_list *list;
    bool all; /* every field, instead of those that fit on a line */
};

static bool list_event(void *context, const struct luna_audit_event *event)
{
    const struct event_listing *listing = context;
    const struct cell cells[] = {CELL_I("account_id", event->account_id),
                                 CELL_I("seq", event->seq),
                                 CELL_MS("at", event->at_ms),
                                 CELL_T("kind", event->kind),
                                 CELL_I("delta", event->delta),
                                 CELL_I("used_before", event->used_before),
                                 CELL_I("used_after", event->used_after),
                                 CELL_I("limit_before", event->limit_before),
                                 CELL_I("limit_after", event->limit_after),
                                 CELL_T("actor", event->actor),
                                 CELL_T("reason", event->reason),
                                 CELL_I("epoch", event->epoch),
                                 CELL_I("period_no", event->period_no),
                                 CELL_I("from_c", event->from_c),
                                 CELL_I("to_c", event->to_c),
                                 CELL_I("from_r", event->from_r),
                                 CELL_I("to_r", event->to_r),
                                 CELL_T("hash", event->hash)};
    output_list_add(listing->list, cells, listing->all ? OUTPUT_COUNT(cells) : 11);
    return true;
}

static enum cli_exit show(const struct invocation *invocation, const struct session *session,
                          int64_t before_seq, int count)
{
    int64_t account_id;
    enum cli_exit status = read_account(invocation, session, &account_id);
    if (status != CLI_OK)
        return status;
    struct event_listing listing = {output_list_new(invocation->json),
                                    invocation->json || invocation_option(invocation, "full")};
    struct luna_error err;
    if (luna_audit_show(session->database, account_id, before_seq, count, list_event, &listing,
                        &err) != LUNA_OK)
        status = cli_exit_report(&err);
    output_list_print(listing.list, "No matching events.");
    return status;
}

enum cli_exit cmd_audit_show(const struct invocation *invocation)
{
    const char *count_text = invocation_option(invocation, "count");
    const char *before_text = invocation_option(invocation, "before");
    int64_t count = SHOW_DEFAULT;
    int64_t before_seq = 0;
    if ((count_text && !invocation_integer("--count", count_text, 1, SHOW_MAX, &count)) ||
        (before_text && !invocation_integer("--before", before_text, 1, INT64_MAX, &before_seq)))
        return CLI_USAGE;
    if (before_text && !invocation_option(invocation, "account"))
        return cli_exit_usage(
            "--before is a sequence number within one account: --account is required");
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    status = show(invocation, &session, before_seq, (int)count);
    session_close(&session);
    return status;
}
