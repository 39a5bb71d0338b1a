/*
 * batch.c: accounts on their way from Redis's counters to PostgreSQL's watermark.
 */
#include "booking/batch.h"

#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROLLS_PER_ACCOUNT_MAX = 64 };

void luna_batch_init(struct batch *batch, struct luna_booker *booker,
                     struct luna_booking_report *report, struct luna_error *err)
{
    assert(booker->term > 0); /* nobody but the leader books */
    *batch = (struct batch){.booker = booker, .report = report, .err = err};
    for (int i = 0; i < COLUMNS; i++)
        luna_buf_init(&batch->columns[i], (size_t)64 << 20);
}

void luna_batch_done(struct batch *batch)
{
    for (int i = 0; i < COLUMNS; i++)
        luna_buf_done(&batch->columns[i]);
    free(batch->items);
}

enum luna_code luna_batch_add(struct batch *batch, int64_t account_id)
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
    batch->items[batch->count++] =
        (struct snapshot){.account_id = account_id,
                          .ended_no = -1,
                          .status = LUNA_BOOK_EPOCH_CLOSED}; /* unless luna_book() says otherwise */
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

static void name_snapshot(const struct batch *batch, const struct luna_quota_keys *keys,
                          struct luna_redis_command *command)
{
    static const enum luna_m_field fields[] = {
        [LUNA_REAP_AT_incarnation] = LUNA_M_incarnation,
        [LUNA_REAP_AT_epoch] = LUNA_M_epoch,
        [LUNA_REAP_AT_charged] = LUNA_M_charged,
        [LUNA_REAP_AT_refunded] = LUNA_M_refunded,
        [LUNA_REAP_AT_rolls] = LUNA_M_rolls,
    };
    static_assert(sizeof fields / sizeof fields[0] == 5, "a field without a name");
    if (batch->reap != NULL) {
        assert(batch->booker->reap_sha[0] != '\0'); /* load_reap() */
        luna_redis_begin(command, "EVALSHA");
        luna_redis_arg(command, batch->booker->reap_sha);
        luna_quota_keys_add(keys, LUNA_SCRIPT_REAP, command);
        luna_redis_arg_at(command, LUNA_ARG(REAP, which), batch->reap);
        return;
    }
    luna_redis_begin(command, "HMGET");
    luna_redis_arg(command, keys->m);
    for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++)
        luna_redis_arg(command, luna_m_field(fields[j]));
}

static enum luna_code send_snapshots(struct batch *batch)
{
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count && code == LUNA_OK; i++) {
        struct luna_redis_command command;
        struct luna_quota_keys keys;
        /* take_row() finds an item by a binary search. */
        assert(i == 0 || batch->items[i - 1].account_id < batch->items[i].account_id);
        luna_quota_keys_make(batch->items[i].account_id, "", &keys);
        name_snapshot(batch, &keys, &command);
        code = luna_redis_send(batch->booker->counters, &command,
                               luna_booker_redis_deadline(batch->booker), batch->err);
    }
    return code;
}

void luna_batch_refuse(struct batch *batch, struct snapshot *item, const char *reason)
{
    assert(item >= batch->items && item < batch->items + batch->count);
    item->refused = true;
    batch->report->accounts_refused++;
    batch->report->refused_account = item->account_id;
    snprintf(batch->report->refused_reason, sizeof batch->report->refused_reason, "%s", reason);
}

/* A field without a value is 0. False: not a number that the scripts can have counted. */
static bool read_field(const struct luna_reply *reply, enum luna_reap_field field,
                       int64_t *ret_value)
{
    const struct luna_reply *text = luna_reply_at(reply, (size_t)field);
    int64_t value = luna_reply_int(text, -1);
    if (value < 0 && luna_reply_len(text) == 0)
        value = 0;
    *ret_value = value;
    return value >= 0 && value <= LUNA_SCRIPT_NUMBER_MAX;
}

static bool read_fields(const struct luna_reply *reply, struct snapshot *item,
                        int64_t *ret_incarnation)
{
    int64_t pending = 0, strict = 0;
    bool sound = read_field(reply, LUNA_REAP_AT_incarnation, ret_incarnation) &&
                 read_field(reply, LUNA_REAP_AT_epoch, &item->epoch) &&
                 read_field(reply, LUNA_REAP_AT_charged, &item->c) &&
                 read_field(reply, LUNA_REAP_AT_refunded, &item->r) &&
                 read_field(reply, LUNA_REAP_AT_pending, &pending) &&
                 read_field(reply, LUNA_REAP_AT_strict, &strict);
    item->gone = sound && *ret_incarnation == 0;
    item->pending = pending > 0;
    item->strict = strict == 1;
    return sound && item->r <= item->c;
}

struct rolls {
    int64_t parts[ROLLS_PER_ACCOUNT_MAX][LUNA_ROLL_PARTS];
    int count; /* what is beyond is read in the next pass */
};

/* A row of rolls as script_texts.def has them. */
static bool read_rolls(const char *text, struct rolls *ret_rolls)
{
    static const char *const formats[] = {
#define ROLL_PART(name, pattern, format) format,
#include "quota/script_texts.def"
    };
    ret_rolls->count = 0;
    while (*text != '\0' && ret_rolls->count < ROLLS_PER_ACCOUNT_MAX) {
        int64_t *parts = ret_rolls->parts[ret_rolls->count];
        for (int i = 0; i < LUNA_ROLL_PARTS; i++) {
            char *end = NULL;
            parts[i] = strtoll(text, &end, 10);
            if (end == text || parts[i] < 0 || parts[i] > LUNA_SCRIPT_NUMBER_MAX ||
                *end != formats[i][strlen(formats[i]) - 1])
                return false;
            text = end + 1;
        }
        ret_rolls->count++;
    }
    return true;
}

static void add_item(struct batch *batch, struct snapshot *item, const struct rolls *rolls)
{
    assert(item->account_id > 0 && item->epoch >= 0);
    luna_pg_array_add(&batch->columns[ACCOUNTS], item->account_id);
    luna_pg_array_add(&batch->columns[EPOCHS], item->epoch);
    luna_pg_array_add(&batch->columns[CS], item->c);
    luna_pg_array_add(&batch->columns[RS], item->r);
    for (int n = 0; n < rolls->count; n++) {
        luna_pg_array_add(&batch->columns[ROLL_ACCOUNTS], item->account_id);
        luna_pg_array_add(&batch->columns[ROLL_EPOCHS], item->epoch);
        for (int i = 0; i < LUNA_ROLL_PARTS; i++)
            luna_pg_array_add(&batch->columns[ROLL_PARTS + i], rolls->parts[n][i]);
    }
    if (rolls->count > 0) {
        item->ended_no = rolls->parts[0][LUNA_ROLL_AT_pn];
        batch->has_rolls = true;
    }
}

static void take_snapshot(struct batch *batch, struct snapshot *item,
                          const struct luna_reply *reply)
{
    int64_t incarnation = 0;
    struct rolls rolls;
    assert(item->c == 0 && item->r == 0); /* each is read once */
    if (!read_fields(reply, item, &incarnation)) {
        luna_batch_refuse(batch, item, "its counters in Redis are invalid");
        return;
    }
    if (incarnation != batch->incarnation || (batch->strict_only && !item->strict))
        return;
    if (!read_rolls(luna_reply_text(luna_reply_at(reply, LUNA_REAP_AT_rolls)), &rolls))
        luna_batch_refuse(batch, item, "the end times of its periods in Redis cannot be read");
    else
        add_item(batch, item, &rolls);
}

static enum luna_code load_reap(struct batch *batch)
{
    struct luna_booker *booker = batch->booker;
    if (batch->reap == NULL || booker->reap_sha[0] != '\0')
        return LUNA_OK;
    return luna_booker_load_script(booker, LUNA_SCRIPT_REAP, 0, booker->reap_sha, batch->err);
}

static enum luna_code take_snapshots(struct batch *batch)
{
    enum luna_code code = LUNA_OK;
    for (size_t i = 0; i < batch->count && code == LUNA_OK; i++) {
        struct luna_reply *reply = NULL;
        enum luna_code taken = luna_redis_take(
            batch->booker->counters, luna_booker_redis_deadline(batch->booker), &reply, batch->err);
        if (taken != LUNA_OK)
            return taken;
        if (luna_reply_blames_key(reply)) {
            luna_batch_refuse(batch, &batch->items[i], luna_reply_error(reply));
        } else if (luna_reply_error(reply) != NULL) {
            luna_redis_drop(batch->booker->counters); /* with the replies that are still to come */
            batch->booker->reap_sha[0] = '\0';
            code = luna_error_set(batch->err, LUNA_ECONFLICT, "Redis: reading an account: %s",
                                  luna_reply_error(reply));
        } else {
            take_snapshot(batch, &batch->items[i], reply);
        }
        luna_reply_free(reply);
    }
    return code;
}

enum luna_code luna_batch_snapshots(struct batch *batch)
{
    assert(batch->count > 0 && batch->incarnation > 0);
    sort_unique(batch);
    for (int i = 0; i < COLUMNS; i++)
        luna_pg_array_begin(&batch->columns[i]);
    batch->has_rolls = false;
    enum luna_code code = load_reap(batch);
    if (code == LUNA_OK)
        code = send_snapshots(batch);
    return code == LUNA_OK ? take_snapshots(batch) : code;
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
    enum luna_code code = add_columns(batch, ROLL_ACCOUNTS, ROLL_LAST_PART, &params);
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

bool luna_batch_accepted(const struct snapshot *item)
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
    assert(!luna_batch_accepted(item) || (item->booked_c >= item->c && item->booked_r >= item->r));
    if (item->status == LUNA_BOOK_BOOKED) {
        batch->report->accounts_booked++;
        batch->report->units_booked += luna_pg_int(result, row, 4);
    } else if (item->status == LUNA_BOOK_OUT_OF_RANGE) {
        luna_batch_refuse(batch, item,
                          "its usage would overflow an INTEGER; move it to a plan with a period "
                          "(luna account set-plan)");
    }
}

enum luna_code luna_batch_book(struct batch *batch)
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
