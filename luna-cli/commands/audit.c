#include "commands/handlers.h"

#include "commands/listing.h"
#include "luna/store/audit.h"
#include "session/session.h"
#include "terminal/output.h"
#include "terminal/progress.h"
#include "terminal/words.h"

#include <stdio.h>

enum { SHOW_DEFAULT = 50, SHOW_MAX = 10000 };

/* --account, as an id; 0 when it was not given. The log has the events of deleted accounts too. */
static enum luna_code read_account(const struct invocation *invocation,
                                   const struct session *session, int64_t *ret_id,
                                   struct luna_error *err)
{
    const char *which = invocation_option(invocation, "account");
    struct luna_account account = {.id = 0};
    enum luna_code code = LUNA_OK;
    if (which)
        code = luna_account_find(session->database, which, &account, err);
    if (code == LUNA_OK)
        *ret_id = account.id;
    return code;
}

/* Faults go to standard error as they are found; the summary is the output. */
static void report_fault(void *context, const struct luna_audit_fault *fault)
{
    progress_end(context);
    if (fault->seq > 0)
        fprintf(stderr, "account %lld, event %lld: %s: %s\n", (long long)fault->account_id,
                (long long)fault->seq, fault->what, fault->detail);
    else
        fprintf(stderr, "account %lld: %s: %s\n", (long long)fault->account_id, fault->what,
                fault->detail);
}

static enum cli_exit verify(const struct invocation *invocation, const struct session *session)
{
    struct luna_audit_summary summary;
    struct progress progress = {.what = "verifying the audit log"};
    struct luna_error err;
    int64_t account_id = 0;
    enum luna_code code = read_account(invocation, session, &account_id, &err);
    if (code == LUNA_OK)
        code = luna_audit_verify(session->database, account_id, report_fault, &progress,
                                 &(struct luna_progress){progress_step, &progress}, &summary, &err);
    progress_end(&progress);
    if (code != LUNA_OK)
        return cli_exit_report(&err);
    struct cell sound = CELL_B("sound", summary.faults == 0);
    sound.colour = summary.faults == 0 ? COLOUR_GOOD : COLOUR_BAD;
    const struct cell cells[] = {sound, CELL_I("accounts", summary.accounts),
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
    status = verify(invocation, &session);
    session_close(&session);
    return status;
}

static bool list_event(void *context, const struct luna_audit_event *event)
{
    struct listing *listing = context;
    /* Without --full, those that fit on a line. */
    bool all = listing->invocation->json || invocation_option(listing->invocation, "full");
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
    return listing_add(listing, cells, all ? OUTPUT_COUNT(cells) : 11);
}

/* Prints what is wrong. */
static bool read_filter(const struct invocation *invocation, struct luna_audit_filter *ret_filter)
{
    const char *count_text = invocation_option(invocation, "count");
    const char *before = invocation_option(invocation, "before");
    const char *since = invocation_option(invocation, "since");
    const char *until = invocation_option(invocation, "until");
    struct luna_audit_filter filter = {.kind = invocation_option(invocation, "kind")};
    int64_t count = SHOW_DEFAULT;
    if ((count_text && !invocation_integer("--count", count_text, 1, SHOW_MAX, &count)) ||
        (before && !invocation_integer("--before", before, 1, INT64_MAX, &filter.before_seq)) ||
        (since && !time_read("--since", since, &filter.since_ms)) ||
        (until && !time_read("--until", until, &filter.until_ms)))
        return false;
    filter.count = (int)count;
    *ret_filter = filter;
    if (!before || invocation_option(invocation, "account"))
        return true;
    cli_exit_usage("--before is a sequence number within one account: --account is required");
    return false;
}

static enum luna_code fill_events(struct listing *listing, struct luna_error *err)
{
    struct luna_audit_filter filter = *(const struct luna_audit_filter *)listing->choice;
    enum luna_code code =
        read_account(listing->invocation, listing->session, &filter.account_id, err);
    return code == LUNA_OK
               ? luna_audit_show(listing->session->database, &filter, list_event, listing, err)
               : code;
}

enum cli_exit cmd_audit_show(const struct invocation *invocation)
{
    static const struct listing_kind kind = {LISTING_WHOLE, "No matching events.", fill_events};
    struct luna_audit_filter filter;
    return read_filter(invocation, &filter) ? listing_run(invocation, &kind, &filter) : CLI_USAGE;
}
