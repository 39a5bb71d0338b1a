#include "booking/booker.h"
#include "journal/fold.h"

#include <assert.h>

enum {
    MONTHS_AHEAD = 3,
    COLD_PERIODS_MAX = 1000,
    EARLY_PERIODS_MAX = 1000,
    FOLD_LOCK_TIMEOUT_MS = 2000,
    PLAN_ACCOUNTS_MAX = 1000
};

static void add_term(const struct luna_booker *booker, struct luna_pg_params *params)
{
    assert(booker->term > 0);
    luna_pg_param_int(params, booker->term);
    luna_pg_param_text(params, booker->actor);
}

enum luna_code luna_booking_housekeep(struct luna_booker *booker,
                                      struct luna_housekeeping_report *ret_report,
                                      struct luna_error *err)
{
    struct luna_housekeeping_report report = {.partitions_made = 0};
    struct luna_pg_params months = {.count = 0}, cold = {.count = 0}, keys = {.count = 0};
    struct luna_pg_params early = {.count = 0}, none = {.count = 0};
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_param_int(&months, MONTHS_AHEAD);
    add_term(booker, &cold);
    luna_pg_param_int(&cold, COLD_PERIODS_MAX);
    add_term(booker, &keys);
    add_term(booker, &early);
    luna_pg_param_int(&early, EARLY_PERIODS_MAX);
    luna_booker_purpose(booker, LUNA_PURPOSE_HOUSEKEEP);
    code = luna_booker_query_int(booker, "SELECT luna_events_partitions($1)", &months,
                                 &report.partitions_made, err);
    if (code == LUNA_OK)
        code = luna_booker_query_int(booker, "SELECT luna_periods_correct($1, $2, $3)", &early,
                                     &report.periods_corrected, err);
    if (code == LUNA_OK)
        code = luna_booker_query_int(booker, "SELECT luna_periods_close_cold($1, $2, $3)", &cold,
                                     &report.periods_closed, err);
    if (code == LUNA_OK)
        code = luna_booker_query_int(booker, "SELECT luna_keys_expire($1, $2)", &keys,
                                     &report.keys_expired, err);
    if (code == LUNA_OK)
        code = luna_booker_close_deleted(booker, &report.accounts_closed, err);
    if (code == LUNA_OK)
        code = luna_booker_query_int(booker, "SELECT luna_backup_last()", &none,
                                     &report.last_backup_s, err);
    if (code == LUNA_OK)
        code = luna_journal_fold(booker->journal_dir, luna_deadline_in_ms(FOLD_LOCK_TIMEOUT_MS),
                                 &report.segments_folded, &report.journal_bytes, err);
    if (code == LUNA_OK)
        *ret_report = report;
    return code;
}

enum luna_code luna_booking_continue_plans(struct luna_booker *booker, struct luna_deadline until,
                                           int64_t *ret_steps, struct luna_error *err)
{
    int64_t steps = 0, more = 0;
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_HOUSEKEEP);
    do {
        struct luna_pg_params params = {.count = 0};
        luna_pg_param_int(&params, booker->term);
        luna_pg_param_int(&params, PLAN_ACCOUNTS_MAX);
        code = luna_booker_query_int(booker, "SELECT luna_plan_continue($1, $2::int)::int", &params,
                                     &more, err);
        if (code != LUNA_OK)
            return code;
        steps += more;
    } while (more != 0 && luna_booker_between_batches(booker) && !luna_deadline_passed(until));
    *ret_steps = steps;
    return LUNA_OK;
}
