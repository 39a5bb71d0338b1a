/*
 * booking_pass.c: from Redis's counters to PostgreSQL's watermark, and the acknowledgement back.
 *
 * Per batch:
 *   1. Redis: a snapshot of each account, one HMGET each: epoch, c, r and the ends of periods
 *      belong to one moment. In strict mode by reap.lua, which first refunds charges that nobody
 *      can confirm any more.
 *   2. Journals to the disk, so that a recovery cannot know less than what is booked now (I1). Not
 *      in strict mode.
 *   3. PostgreSQL, one transaction: first the ends of periods (I9), then the rest. The watermark
 *      moves to the snapshot and never back, even if it is repeated or reordered (I4, I6, I10).
 *   4. Redis: acknowledge. The delta shrinks by what was newly booked (I3, I11), and an account
 *      leaves the dirty set only when nothing is left to book. What PostgreSQL refused is not
 *      acknowledged.
 *
 * If an account's Redis entries contain what the scripts cannot have written, only this account is
 * refused: it is not booked, stays in the dirty set, and is named in the report.
 *
 * The dirty set is walked by SSCAN, never emptied: a stop anywhere leaves every account in it.
 */
#include "booking/batch.h"
#include "journal/segment.h"
#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What PostgreSQL did not accept is not acknowledged. An account that Redis does not have any more
 * leaves the dirty set. */
static bool wants_ack(const struct snapshot *item)
{
    return item->gone || luna_batch_accepted(item);
}

/* Its counters belong to no epoch that is open in PostgreSQL. */
static bool is_dead(const struct snapshot *item)
{
    return !item->refused &&
           (item->status == LUNA_BOOK_EPOCH_CLOSED || item->status == LUNA_BOOK_ACCOUNT_UNKNOWN);
}

static enum luna_code send_acks(struct batch *batch)
{
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count && code == LUNA_OK; i++) {
        const struct snapshot *item = &batch->items[i];
        struct luna_redis_command command;
        struct luna_quota_keys keys;
        if (!wants_ack(item))
            continue;
        assert(item->gone || (item->booked_c >= 0 && item->booked_r >= 0));
        luna_quota_keys_make(item->account_id, "", &keys);
        luna_redis_begin(&command, "EVALSHA");
        luna_redis_arg(&command, batch->booker->ack_sha);
        luna_quota_keys_add(&keys, LUNA_SCRIPT_ACK, &command);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, epoch), item->gone ? 0 : item->epoch);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, charged), item->booked_c);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, refunded), item->booked_r);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, next_end_ms), item->next_end_ms);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, period_no), item->period_no);
        luna_redis_arg_int_at(&command, LUNA_ARG(ACK, pending), item->pending ? 1 : 0);
        code = luna_redis_send(batch->booker->counters, &command,
                               luna_booker_redis_deadline(batch->booker), batch->err);
    }
    return code;
}

static enum luna_code take_acks(struct batch *batch)
{
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count; i++) {
        struct luna_reply *reply = NULL;
        if (!wants_ack(&batch->items[i])) {
            batch->report->accounts_dead += is_dead(&batch->items[i]) ? 1 : 0;
            continue;
        }
        enum luna_code taken = luna_redis_take(
            batch->booker->counters, luna_booker_redis_deadline(batch->booker), &reply, batch->err);
        if (taken != LUNA_OK)
            return taken;
        if (luna_reply_blames_key(reply)) {
            luna_batch_refuse(batch, &batch->items[i], luna_reply_error(reply));
        } else if (luna_reply_error(reply) != NULL && code == LUNA_OK) {
            /* A lost script means a new incarnation: the fence comes first. */
            batch->booker->ack_sha[0] = '\0';
            code = luna_error_set(batch->err, LUNA_ECONFLICT, "Redis: acknowledging: %s",
                                  luna_reply_error(reply));
        }
        luna_reply_free(reply);
    }
    return code;
}

/* PostgreSQL did not follow: a clock of Redis's was wrong when the period ended there. */
static bool ended_too_early(const struct snapshot *item)
{
    return luna_batch_accepted(item) && !item->pending && item->ended_no >= item->period_no;
}

static enum luna_code drop(struct batch *batch, const struct snapshot *item)
{
    bool dropped = false;
    /* Redis's counters are deleted: PostgreSQL has them. */
    assert(luna_batch_accepted(item) && !item->pending);
    enum luna_code code = luna_booker_drop(batch->booker, item->account_id, item->epoch,
                                           item->booked_c, item->booked_r, &dropped, batch->err);
    batch->report->accounts_reset += code == LUNA_OK && dropped ? 1 : 0;
    return code;
}

static enum luna_code drop_early(struct batch *batch)
{
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count && code == LUNA_OK && batch->booker->clocks_agree; i++)
        if (ended_too_early(&batch->items[i]))
            code = drop(batch, &batch->items[i]);
    return code;
}

static enum luna_code run_batch(struct batch *batch)
{
    /* What another incarnation counted must not be booked. */
    assert(batch->incarnation == batch->booker->incarnation);
    enum luna_code code = luna_booker_check(batch->booker, batch->err);
    if (code == LUNA_OK && batch->booker->ack_sha[0] == '\0')
        code = luna_booker_load_script(batch->booker, LUNA_SCRIPT_ACK, 0, batch->booker->ack_sha,
                                       batch->err);
    if (code == LUNA_OK)
        code = luna_batch_snapshots(batch);
    batch->report->accounts_seen += (int64_t)batch->count;
    if (code == LUNA_OK && batch->booker->durability == LUNA_DURABILITY_DEFAULT)
        code = luna_journal_sync(batch->booker->journal_dir, batch->err);
    if (code == LUNA_OK)
        code = luna_batch_book(batch);
    if (code == LUNA_OK)
        code = send_acks(batch);
    if (code == LUNA_OK)
        code = take_acks(batch);
    if (code == LUNA_OK && batch->has_rolls)
        code = drop_early(batch);
    batch->count = 0;
    return code;
}

static enum luna_code scan(struct batch *batch, char cursor[32])
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(batch->count < (size_t)batch->booker->batch_accounts_max); /* else it is run first */
    luna_redis_begin(&command, "SSCAN");
    luna_redis_arg(&command, LUNA_KEY_DIRTY);
    luna_redis_arg(&command, cursor);
    luna_redis_arg(&command, "COUNT");
    luna_redis_arg_int(&command, batch->booker->batch_accounts_max);
    enum luna_code code =
        luna_redis_run(batch->booker->counters, &command, luna_booker_redis_deadline(batch->booker),
                       &reply, batch->err);
    if (code != LUNA_OK)
        return code;
    const struct luna_reply *names = luna_reply_at(reply, 1);
    for (size_t i = 0; i < luna_reply_count(names) && code == LUNA_OK; i++) {
        int64_t account_id = 0;
        if (luna_quota_keys_parse(luna_reply_text(luna_reply_at(names, i)), &account_id))
            code = luna_batch_add(batch, account_id);
    }
    snprintf(cursor, 32, "%s", luna_reply_text(luna_reply_at(reply, 0)));
    luna_reply_free(reply);
    return code;
}

static enum luna_code walk(struct batch *batch)
{
    char cursor[32] = "0";
    size_t enough = (size_t)batch->booker->batch_accounts_max;
    assert(enough > 0 && batch->count == 0);
    do {
        enum luna_code code = scan(batch, cursor);
        bool last = strcmp(cursor, "0") == 0 || cursor[0] == '\0';
        if (code == LUNA_OK && batch->count > 0 && (last || batch->count >= enough)) {
            code = run_batch(batch);
            if (code == LUNA_OK && !last)
                batch->report->stopped = !luna_booker_between_batches(batch->booker);
        }
        if (code != LUNA_OK)
            return code;
        if (last)
            break;
    } while (!batch->report->stopped);
    return LUNA_OK;
}

enum luna_code luna_booking_pass(struct luna_booker *booker, struct luna_booking_report *ret_report,
                                 struct luna_error *err)
{
    struct luna_booking_report report = {.accounts_seen = 0};
    struct batch batch;
    int64_t started_ns = luna_clock_mono_ns();
    enum luna_code code = luna_booker_check(booker, err);
    if (code == LUNA_OK && booker->incarnation == 0)
        code = luna_error_set(err, LUNA_ECONFLICT, "the fence has not been checked yet");
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_BOOK);
    luna_batch_init(&batch, booker, &report, err);
    batch.incarnation = booker->incarnation;
    batch.reap = booker->durability == LUNA_DURABILITY_STRICT
                     ? luna_script_word(LUNA_WORD_REAP_EXPIRED)
                     : NULL;
    code = walk(&batch);
    luna_batch_done(&batch);
    if (code != LUNA_OK)
        return code;
    report.lag_ms = (luna_clock_mono_ns() - started_ns) / 1000000;
    if (!report.stopped)
        booker->last_pass_ns = started_ns;
    *ret_report = report;
    return LUNA_OK;
}
