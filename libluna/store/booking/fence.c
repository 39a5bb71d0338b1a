/*
 * fence.c: from one incarnation of Redis to the next.
 *
 * A Redis that restarted, was flushed, or was replaced by a replica may hold nothing, an older
 * state or the latest one. Its counters are never used. A new incarnation starts; what the old one
 * charged and PostgreSQL has not booked is read from the workers' journals. The order matters:
 *
 *   1. PostgreSQL: take the next number. From here on no account can be opened under the old one.
 *   2. Redis: flush all scripts. From here on nothing can be charged (I2) and no charge confirmed.
 *   3. Raise the recovery counters. From here on a worker that is about to send a success asks
 *      Redis first, gets NOSCRIPT, and answers 503 (I7).
 *   4. Read the journals: every success that was sent, and nothing else (I1). In strict mode first
 *      book and close what Redis has counted (drain.h).
 *   5. PostgreSQL: close every open epoch with what they say (I4).
 *   6. Redis: load the new scripts over the connection whose run id was compared, and announce
 *      them.
 *
 * Stopped anywhere, it starts again with a higher number. Each number's scripts are loaded once, by
 * the daemon that took the number; while it is current, a daemon of another build may put its own
 * in their place (announce.h).
 */
#include "booking/announce.h"
#include "booking/booker.h"
#include "booking/drain.h"
#include "journal/directory.h"
#include "journal/sums.h"
#include "quota/fence_record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { RECOVERY_TIMEOUT_MS = 10 * 60 * 1000, JOURNAL_LOCK_TIMEOUT_MS = 5000 };

struct observed {
    char run_id[64];
    uint64_t connection; /* over which all of this was read */
    struct luna_fence_record record;
    bool has_scripts;
    int64_t incarnation; /* PostgreSQL's */
    char known_run_id[64];
};

static enum luna_code read_database(struct luna_booker *booker, struct observed *observed,
                                    struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code =
        luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                      "SELECT incarnation, run_id FROM redis_incarnation", NULL, &result, err);
    if (code != LUNA_OK)
        return code;
    observed->incarnation = luna_pg_int(result, 0, 0);
    snprintf(observed->known_run_id, sizeof observed->known_run_id, "%s",
             luna_pg_text(result, 0, 1));
    luna_pg_result_free(result);
    return LUNA_OK;
}

static enum luna_code observe(struct luna_booker *booker, struct observed *observed,
                              struct luna_error *err)
{
    enum luna_code code =
        luna_redis_info(booker->counters, "server", "run_id", luna_booker_redis_deadline(booker),
                        observed->run_id, sizeof observed->run_id, err);
    if (code != LUNA_OK)
        return code;
    /* After a refusal the connection is renewed once it is a second old. In the middle of a fence,
     * that would void the fence. */
    luna_redis_trust(booker->counters);
    observed->connection = luna_redis_generation(booker->counters);
    code = luna_fence_record_read(booker->counters, luna_booker_redis_deadline(booker),
                                  &observed->record, err);
    if (code == LUNA_OK)
        code = luna_fence_record_has_scripts(booker->counters, &observed->record,
                                             luna_booker_redis_deadline(booker),
                                             &observed->has_scripts, err);
    return code == LUNA_OK ? read_database(booker, observed, err) : code;
}

/* NULL: this is the incarnation that PostgreSQL knows. */
static const char *reason_to_fence(const struct observed *observed, enum luna_durability durability)
{
    if (observed->incarnation == 0)
        return "first start";
    if (strcmp(observed->run_id, observed->known_run_id) != 0)
        return "redis restarted or was replaced";
    if (observed->record.incarnation == 0)
        return observed->record.abi == 0 ? "redis was flushed"
                                         : "this build's scripts are of another version";
    if (observed->record.incarnation != observed->incarnation)
        return "redis and postgresql disagree about the incarnation";
    if (observed->record.durability != durability)
        return "LUNA_DURABILITY was changed";
    if (!observed->has_scripts)
        return "scripts lost";
    return NULL;
}

/* Of the same version, as the record could be read: what the old scripts charged, the new ones
 * settle, and the other way round. */
static bool scripts_are_other(const struct observed *observed)
{
    char build[17];
    luna_script_build(build);
    return strcmp(observed->record.build, build) != 0;
}

static enum luna_code take_incarnation(struct luna_booker *booker, const struct observed *observed,
                                       int64_t *ret_incarnation, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, booker->term);
    luna_pg_param_text(&params, observed->run_id);
    luna_pg_param_int(&params, observed->record.incarnation);
    enum luna_code code =
        luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                      "SELECT luna_incarnation_next($1, $2, $3)", &params, &result, err);
    if (code != LUNA_OK)
        return code;
    int64_t incarnation = luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    /* Above every number that either store has seen: scripts of an older one can never be valid. */
    assert(incarnation > observed->incarnation && incarnation > observed->record.incarnation);
    *ret_incarnation = incarnation;
    return LUNA_OK;
}

struct arrays {
    struct luna_buf accounts, epochs, periods, units;
};

static enum luna_code close_epochs(struct luna_booker *booker, int64_t incarnation,
                                   struct arrays *arrays, struct luna_fence_report *report,
                                   struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_buf *all[] = {&arrays->accounts, &arrays->epochs, &arrays->periods, &arrays->units};
    assert(booker->term > 0 && incarnation > 0);
    luna_pg_param_int(&params, booker->term);
    luna_pg_param_int(&params, incarnation);
    luna_pg_param_text(&params, booker->actor);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *text = luna_pg_array_end(all[i]);
        if (text == NULL)
            return luna_error_set(err, LUNA_ENOMEM, "no memory for the journals' sums");
        luna_pg_param_text(&params, text);
    }
    enum luna_code code = luna_pg_query_long(
        booker->database, RECOVERY_TIMEOUT_MS,
        "SELECT * FROM luna_epochs_close($1, $2, $3, $4, $5, $6, $7)", &params, &result, err);
    if (code != LUNA_OK)
        return code;
    report->accounts_recovered += luna_pg_int(result, 0, 0);
    report->units_recovered += luna_pg_int(result, 0, 1);
    luna_pg_result_free(result);
    return LUNA_OK;
}

/* Does Redis have counters that are true? */
static bool can_drain(const struct luna_booker *booker, const struct observed *observed)
{
    return observed->record.incarnation > 0 &&
           (booker->durability == LUNA_DURABILITY_STRICT ||
            observed->record.durability == LUNA_DURABILITY_STRICT);
}

static enum luna_code book_journals(struct luna_booker *booker, int64_t incarnation,
                                    const struct luna_journal_sums *of,
                                    struct luna_fence_report *report, struct luna_error *err)
{
    struct arrays arrays;
    struct luna_buf *all[] = {&arrays.accounts, &arrays.epochs, &arrays.periods, &arrays.units};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        luna_buf_init(all[i], (size_t)256 << 20);
        luna_pg_array_begin(all[i]);
    }
    for (size_t i = 0; i < of->count; i++) {
        const struct luna_journal_sum *sum = &of->items[i];
        assert(sum->account_id > 0 && sum->units > 0); /* the journals have only charges */
        const int64_t values[] = {sum->account_id, sum->epoch, sum->period_no, sum->units};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            luna_pg_array_add(all[j], values[j]);
    }
    enum luna_code code = close_epochs(booker, incarnation, &arrays, report, err);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        luna_buf_done(all[i]);
    return code;
}

static enum luna_code recover_all(struct luna_booker *booker, const struct observed *observed,
                                  int64_t incarnation, struct luna_fence_report *report,
                                  struct luna_error *err)
{
    struct luna_journal_sums sums = {.items = NULL};
    assert(incarnation > booker->incarnation);
    for (size_t i = 0; i < LUNA_JOURNAL_STRIPES; i++)
        atomic_fetch_add(&booker->page->seq[i], 1);
    enum luna_code code = luna_journal_sums_read(
        booker->journal_dir, 0, -1, luna_deadline_in_ms(JOURNAL_LOCK_TIMEOUT_MS), &sums, err);
    const struct luna_drain drain = {.last_incarnation = observed->record.incarnation,
                                     .incarnation = incarnation,
                                     .journals = &sums};
    if (code == LUNA_OK && can_drain(booker, observed))
        code = luna_booking_drain(booker, &drain, report, err);
    if (code == LUNA_OK)
        code = book_journals(booker, incarnation, &sums, report, err);
    luna_journal_sums_done(&sums);
    return code;
}

/* Among several journal directories no journal is the whole truth, and nothing that was booked is
 * refunded because a journal does not have it. In strict mode none is, so there is one more
 * name, which no directory has. */
static enum luna_code announce_mode(struct luna_booker *booker, struct luna_error *err)
{
    if (booker->durability != LUNA_DURABILITY_STRICT)
        return LUNA_OK;
    return luna_journal_dir_announce(booker->database, "w00000000",
                                     luna_pg_deadline(booker->database), err);
}

static enum luna_code start_incarnation(struct luna_booker *booker, const struct observed *observed,
                                        struct luna_fence_report *report, struct luna_error *err)
{
    int64_t incarnation = 0;
    assert(booker->term > 0); /* two that fence at once would flush each other's scripts */
    enum luna_code code = luna_journal_dir_announce(booker->database, booker->journal_name,
                                                    luna_pg_deadline(booker->database), err);
    if (code == LUNA_OK)
        code = take_incarnation(booker, observed, &incarnation, err);
    if (code == LUNA_OK)
        code = luna_booker_flush_scripts(booker, err);
    if (code == LUNA_OK)
        code = recover_all(booker, observed, incarnation, report, err);
    if (code == LUNA_OK)
        code = announce_mode(booker, err);
    if (code == LUNA_OK) {
        assert(incarnation > observed->record.incarnation);
        code =
            luna_booking_announce(booker, observed->connection, observed->run_id, incarnation, err);
    }
    if (code == LUNA_OK) {
        report->fenced = true;
        report->incarnation = incarnation;
    }
    return code;
}

enum luna_code luna_booking_fence(struct luna_booker *booker, struct luna_fence_report *ret_report,
                                  struct luna_error *err)
{
    struct observed observed = {.connection = 0};
    struct luna_fence_report report = {.why = "nothing changed"};
    enum luna_code code = luna_booker_check(booker, err);
    luna_booker_purpose(booker, LUNA_PURPOSE_FENCE);
    if (code == LUNA_OK)
        code = luna_booker_check_strict(booker, err);
    if (code == LUNA_OK)
        code = observe(booker, &observed, err);
    if (code != LUNA_OK)
        return code;
    const char *why = reason_to_fence(&observed, booker->durability);
    report.incarnation = observed.incarnation;
    if (why != NULL) {
        report.why = why;
        code = start_incarnation(booker, &observed, &report, err);
        if (code != LUNA_OK)
            return luna_error_wrap(err, "fencing (%s)", why);
    } else if (scripts_are_other(&observed)) {
        report.why = "this build has other scripts";
        code = luna_booking_hand_over(booker, observed.connection, &observed.record, err);
        if (code != LUNA_OK)
            return luna_error_wrap(err, "handing over to the scripts of this build");
        report.handed_over = true;
    }
    /* A daemon never goes back to an incarnation that it saw fenced. */
    assert(report.incarnation > 0 && report.incarnation >= booker->incarnation);
    booker->incarnation = report.incarnation;
    *ret_report = report;
    return LUNA_OK;
}
