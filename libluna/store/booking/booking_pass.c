/*
 * booking_pass.c: from Redis's counters to PostgreSQL's watermark, and the acknowledgement back.
 *
 * Per batch:
 *   1. Redis: a snapshot of each account, one HMGET each: epoch, c, r and the ends of periods
 *      belong to one moment.
 *   2. Journals to the disk, so that a recovery cannot know less than what is booked now (I1).
 *   3. PostgreSQL, one transaction: first the ends of periods (I9), then the rest. The watermark
 *      moves to the snapshot and never back, even if it is repeated or reordered (I4, I6, I10).
 *   4. Redis: acknowledge. The delta shrinks by what was newly booked (I3, I11), and an account
 *      leaves the dirty set only when nothing is left to book. What PostgreSQL refused is not
 *      acknowledged.
 *
 * The dirty set is walked by SSCAN, never emptied: a stop anywhere leaves every account in it.
 */
#include "booking/booker.h"
#include "journal/segment.h"
#include "quota/quota_keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROLLS_PER_ACCOUNT_MAX = 64 };

enum book_status {
#define X(symbol, number) symbol = (number),
#include "booking/book_status.def"
#undef X
};

struct snapshot {
    int64_t account_id;
    int64_t epoch, c, r;
    bool gone; /* Redis does not have it any more */
    enum book_status status;
    int64_t booked_c, booked_r, period_no, next_end_ms;
};

enum column {
    ACCOUNTS,
    EPOCHS,
    CS,
    RS,
    ROLL_ACCOUNTS,
    ROLL_EPOCHS,
    ROLL_NOS,
    ROLL_CS,
    ROLL_RS,
    ROLL_STARTS,
    ROLL_ENDS,
    COLUMNS
};

struct batch {
    struct luna_booker *booker;
    struct snapshot *items; /* batch_accounts_max of them, and what the last SSCAN had beyond */
    size_t count, room;
    struct luna_buf columns[COLUMNS];
    bool has_rolls;
    struct luna_booking_report *report;
    struct luna_error *err;
};

static void batch_init(struct batch *batch, struct luna_booker *booker,
                       struct luna_booking_report *report, struct luna_error *err)
{
    *batch = (struct batch){.booker = booker, .report = report, .err = err};
    for (int i = 0; i < COLUMNS; i++)
        luna_buf_init(&batch->columns[i], (size_t)64 << 20);
}

static void batch_done(struct batch *batch)
{
    for (int i = 0; i < COLUMNS; i++)
        luna_buf_done(&batch->columns[i]);
    free(batch->items);
}

static enum luna_code batch_add(struct batch *batch, int64_t account_id)
{
    if (batch->count == batch->room) {
        size_t room = batch->room == 0 ? 1024 : batch->room * 2;
        void *items = realloc(batch->items, room * sizeof *batch->items);
        if (items == NULL)
            return luna_error_set(batch->err, LUNA_ENOMEM, "no memory for a batch of %zu accounts",
                                  room);
        batch->items = items;
        batch->room = room;
    }
    assert(account_id > 0 && batch->count < batch->room);
    batch->items[batch->count++] = (struct snapshot){.account_id = account_id};
    return LUNA_OK;
}

static int compare(const void *left, const void *right)
{
    const struct snapshot *a = left, *b = right;
    return (a->account_id > b->account_id) - (a->account_id < b->account_id);
}

/* SSCAN may return an element twice; and batches lock rows in one order, or two daemons could wait
 * for each other. */
static void sort_unique(struct batch *batch)
{
    size_t kept = 0;
    qsort(batch->items, batch->count, sizeof *batch->items, compare);
    for (size_t i = 0; i < batch->count; i++)
        if (kept == 0 || batch->items[kept - 1].account_id != batch->items[i].account_id)
            batch->items[kept++] = batch->items[i];
    assert(kept > 0 && kept <= batch->count);
    batch->count = kept;
}

static enum luna_code send_snapshots(struct batch *batch)
{
    static const char *const fields[] = {"I", "e", "c", "r", "rolls"};
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count && code == LUNA_OK; i++) {
        struct luna_redis_command command;
        struct luna_quota_keys keys;
        luna_quota_keys_make(batch->items[i].account_id, "", &keys);
        luna_redis_begin(&command, "HMGET");
        luna_redis_arg(&command, keys.m);
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++)
            luna_redis_arg(&command, fields[j]);
        code = luna_redis_send(batch->booker->counters, &command,
                               luna_booker_redis_deadline(batch->booker), batch->err);
    }
    return code;
}

/* "pn c r start_ms end_ms;" … */
static void add_rolls(struct batch *batch, const struct snapshot *item, const char *rolls)
{
    for (int n = 0; *rolls != '\0' && n < ROLLS_PER_ACCOUNT_MAX; n++) {
        int64_t v[5];
        for (int i = 0; i < 5; i++) {
            char *end = NULL;
            v[i] = strtoll(rolls, &end, 10);
            if (end == rolls || *end != (i < 4 ? ' ' : ';'))
                return;
            rolls = end + 1;
        }
        assert(item->account_id > 0);
        luna_pg_array_add(&batch->columns[ROLL_ACCOUNTS], item->account_id);
        luna_pg_array_add(&batch->columns[ROLL_EPOCHS], item->epoch);
        for (int i = 0; i < 5; i++)
            luna_pg_array_add(&batch->columns[ROLL_NOS + i], v[i]);
        batch->has_rolls = true;
    }
}

static enum luna_code take_snapshots(struct batch *batch)
{
    assert(batch->booker->incarnation > 0);
    for (int i = 0; i < COLUMNS; i++)
        luna_pg_array_begin(&batch->columns[i]);
    batch->has_rolls = false;
    for (size_t i = 0; i < batch->count; i++) {
        struct snapshot *item = &batch->items[i];
        struct luna_reply *reply = NULL;
        enum luna_code code = luna_redis_take(
            batch->booker->counters, luna_booker_redis_deadline(batch->booker), &reply, batch->err);
        if (code != LUNA_OK)
            return code;
        int64_t incarnation = luna_reply_int(luna_reply_at(reply, 0), 0);
        item->gone = incarnation == 0;
        item->epoch = luna_reply_int(luna_reply_at(reply, 1), 0);
        item->c = luna_reply_int(luna_reply_at(reply, 2), 0);
        item->r = luna_reply_int(luna_reply_at(reply, 3), 0);
        item->status = LUNA_BOOK_EPOCH_CLOSED; /* unless luna_book() says otherwise */
        if (incarnation == batch->booker->incarnation) {
            luna_pg_array_add(&batch->columns[ACCOUNTS], item->account_id);
            luna_pg_array_add(&batch->columns[EPOCHS], item->epoch);
            luna_pg_array_add(&batch->columns[CS], item->c);
            luna_pg_array_add(&batch->columns[RS], item->r);
            add_rolls(batch, item, luna_reply_text(luna_reply_at(reply, 4)));
        }
        luna_reply_free(reply);
    }
    return LUNA_OK;
}

static enum luna_code add_columns(struct batch *batch, enum column from, enum column to,
                                  struct luna_pg_params *params)
{
    assert(batch->booker->term > 0);
    luna_pg_param_int(params, batch->booker->term);
    luna_pg_param_text(params, batch->booker->actor);
    for (int i = (int)from; i <= (int)to; i++) {
        const char *text = luna_pg_array_end(&batch->columns[i]);
        if (text == NULL)
            return luna_error_set(batch->err, LUNA_ENOMEM, "no memory for a batch");
        luna_pg_param_text(params, text);
    }
    return LUNA_OK;
}

static enum luna_code book_periods(struct batch *batch)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(batch->has_rolls);
    enum luna_code code = add_columns(batch, ROLL_ACCOUNTS, ROLL_ENDS, &params);
    if (code == LUNA_OK)
        code = luna_pg_query(batch->booker->database, luna_pg_deadline(batch->booker->database),
                             "SELECT luna_book_periods($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                             &params, &result, batch->err);
    if (code != LUNA_OK)
        return code;
    batch->report->periods_closed += luna_pg_int(result, 0, 0);
    luna_pg_result_free(result);
    return LUNA_OK;
}

static bool is_accepted(const struct snapshot *item)
{
    return item->status == LUNA_BOOK_BOOKED || item->status == LUNA_BOOK_NOTHING_NEW;
}

static void take_row(struct batch *batch, const struct luna_pg_result *result, int row)
{
    const struct snapshot key = {.account_id = luna_pg_int(result, row, 0)};
    struct snapshot *item =
        bsearch(&key, batch->items, batch->count, sizeof *batch->items, compare);
    if (item == NULL)
        return;
    item->status = (enum book_status)luna_pg_int(result, row, 1);
    item->booked_c = luna_pg_int(result, row, 2);
    item->booked_r = luna_pg_int(result, row, 3);
    item->period_no = luna_pg_int(result, row, 5);
    item->next_end_ms = luna_pg_int(result, row, 6);
    /* The watermark is never behind a snapshot that PostgreSQL accepted: the acknowledgement would
     * leave booked units in the delta (I11). */
    assert(!is_accepted(item) || (item->booked_c >= item->c && item->booked_r >= item->r));
    if (item->status == LUNA_BOOK_BOOKED) {
        batch->report->accounts_booked++;
        batch->report->units_booked += luna_pg_int(result, row, 4);
    } else if (item->status == LUNA_BOOK_OUT_OF_RANGE) {
        batch->report->accounts_refused++;
        batch->report->refused_account = item->account_id;
    }
}

static enum luna_code book(struct batch *batch)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    enum luna_code code = batch->has_rolls ? book_periods(batch) : LUNA_OK;
    if (code == LUNA_OK)
        code = add_columns(batch, ACCOUNTS, RS, &params);
    if (code == LUNA_OK)
        code = luna_pg_query(
            batch->booker->database, luna_pg_deadline(batch->booker->database),
            "SELECT account_id, status, booked_c, booked_r, delta, period_no, next_end_ms "
            "FROM luna_book($1, $2, $3, $4, $5, $6)",
            &params, &result, batch->err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result); row++)
        take_row(batch, result, row);
    luna_pg_result_free(result);
    return LUNA_OK;
}

/* What PostgreSQL did not accept is not acknowledged. An account that Redis does not have any more
 * leaves the dirty set. */
static bool wants_ack(const struct snapshot *item)
{
    return item->gone || is_accepted(item);
}

/* Its counters belong to no epoch that is open in PostgreSQL. */
static bool is_dead(const struct snapshot *item)
{
    return item->status == LUNA_BOOK_EPOCH_CLOSED || item->status == LUNA_BOOK_ACCOUNT_UNKNOWN;
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
        luna_redis_arg(&command, "4");
        luna_redis_arg(&command, keys.m);
        luna_redis_arg(&command, keys.delta);
        luna_redis_arg(&command, LUNA_KEY_DIRTY);
        luna_redis_arg(&command, keys.quota);
        luna_redis_arg_int(&command, item->gone ? 0 : item->epoch);
        luna_redis_arg_int(&command, item->booked_c);
        luna_redis_arg_int(&command, item->booked_r);
        luna_redis_arg_int(&command, item->next_end_ms);
        luna_redis_arg_int(&command, item->period_no);
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
        if (luna_reply_error(reply) != NULL && code == LUNA_OK) {
            /* A lost script means a new incarnation: the fence comes first. */
            batch->booker->ack_sha[0] = '\0';
            code = luna_error_set(batch->err, LUNA_ECONFLICT, "Redis: acknowledging: %s",
                                  luna_reply_error(reply));
        }
        luna_reply_free(reply);
    }
    return code;
}

static enum luna_code run_batch(struct batch *batch)
{
    assert(batch->count > 0);
    sort_unique(batch);
    batch->report->accounts_seen += (int64_t)batch->count;
    enum luna_code code = luna_booker_check(batch->booker, batch->err);
    if (code == LUNA_OK && batch->booker->ack_sha[0] == '\0')
        code = luna_booker_load_script(batch->booker, LUNA_SCRIPT_ACK, 0, batch->booker->ack_sha,
                                       batch->err);
    if (code == LUNA_OK)
        code = send_snapshots(batch);
    if (code == LUNA_OK)
        code = take_snapshots(batch);
    if (code == LUNA_OK)
        code = luna_journal_sync(batch->booker->journal_dir, batch->err);
    if (code == LUNA_OK)
        code = book(batch);
    if (code == LUNA_OK)
        code = send_acks(batch);
    if (code == LUNA_OK)
        code = take_acks(batch);
    batch->count = 0;
    return code;
}

static enum luna_code scan(struct batch *batch, char cursor[32])
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
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
            code = batch_add(batch, account_id);
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
    int64_t started_ms = luna_clock_wall_ms(), started_ns = luna_clock_mono_ns();
    enum luna_code code = luna_booker_check(booker, err);
    if (code == LUNA_OK && booker->incarnation == 0)
        code = luna_error_set(err, LUNA_ECONFLICT, "the fence has not been checked yet");
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_BOOK);
    batch_init(&batch, booker, &report, err);
    code = walk(&batch);
    batch_done(&batch);
    if (code != LUNA_OK)
        return code;
    report.lag_ms = (luna_clock_mono_ns() - started_ns) / 1000000;
    if (!report.stopped)
        booker->last_pass_at_ms = started_ms;
    *ret_report = report;
    return LUNA_OK;
}
