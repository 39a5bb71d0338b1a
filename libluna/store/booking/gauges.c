/*
 * gauges.c: does anything get lost or appear between Redis and PostgreSQL? The invariants I3, I4
 * and I5 per account; every fault count has to be 0 at any moment.
 *
 * PostgreSQL is read first, Redis afterwards, and not at one moment: what was booked in between
 * moved both sides of the sum by the same amount.
 */
#include "booking/booker.h"
#include "quota/quota_keys.h"

#include <assert.h>

enum { SAMPLE_MAX = 5000 };

struct ledger {
    int64_t account_id, epoch, sync_c, sync_r, period_no, used, base_sum;
};

static enum luna_code read_counters(struct luna_booker *booker, struct luna_conservation *gauges,
                                    struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "SCARD");
    luna_redis_arg(&command, LUNA_KEY_DIRTY);
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    gauges->dirty_accounts = luna_reply_int(reply, 0);
    luna_reply_free(reply);
    if (gauges->dirty_accounts > 0 && booker->last_pass_ns > 0)
        gauges->oldest_unbooked_ms = (luna_clock_mono_ns() - booker->last_pass_ns) / 1000000;
    int64_t *targets[LUNA_JOURNAL_COUNTERS] = {[LUNA_COUNT_ADMISSIONS] = &gauges->admissions,
                                               [LUNA_COUNT_COLD_LOADS] = &gauges->cold_loads,
                                               [LUNA_COUNT_LOAD_WAITS] = &gauges->load_waits,
                                               [LUNA_COUNT_VOIDED] = &gauges->voided,
                                               [LUNA_COUNT_RETRIES] = &gauges->retries};
    for (int i = 0; i < LUNA_JOURNAL_COUNTERS; i++)
        *targets[i] = (int64_t)atomic_load(&booker->page->counters[i]);
    return LUNA_OK;
}

/* Names in the dirty set, as an array of account ids. */
static enum luna_code list_dirty(struct luna_booker *booker, int count, struct luna_buf *ids,
                                 struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(count > 0 && count <= SAMPLE_MAX); /* Redis repeats names for a negative one */
    luna_redis_begin(&command, "SRANDMEMBER");
    luna_redis_arg(&command, LUNA_KEY_DIRTY);
    luna_redis_arg_int(&command, count);
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    luna_pg_array_begin(ids);
    for (size_t i = 0; i < luna_reply_count(reply); i++) {
        int64_t id = 0;
        if (luna_quota_keys_parse(luna_reply_text(luna_reply_at(reply, i)), &id))
            luna_pg_array_add(ids, id);
    }
    luna_reply_free(reply);
    return LUNA_OK;
}

static struct ledger ledger_of(const struct luna_pg_result *result, int row)
{
    return (struct ledger){.account_id = luna_pg_int(result, row, 0),
                           .epoch = luna_pg_int(result, row, 1),
                           .sync_c = luna_pg_int(result, row, 2),
                           .sync_r = luna_pg_int(result, row, 3),
                           .period_no = luna_pg_int(result, row, 4),
                           .used = luna_pg_int(result, row, 5),
                           .base_sum = luna_pg_int(result, row, 6)};
}

static enum luna_code send_inspect(struct luna_booker *booker, const char *sha, int64_t account_id,
                                   struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_quota_keys keys;
    luna_quota_keys_make(account_id, "", &keys);
    luna_redis_begin(&command, "EVALSHA");
    luna_redis_arg(&command, sha);
    luna_quota_keys_add(&keys, LUNA_SCRIPT_INSPECT, &command);
    return luna_redis_send(booker->counters, &command, luna_booker_redis_deadline(booker), err);
}

/* The reply of inspect.lua. A field that Redis does not have is INT64_MIN. */
struct inspected {
#define INSPECT_FIELD(name) int64_t name;
#include "quota/script_replies.def"
};

/* False: one of them is not a number that the scripts can have counted. */
static bool read_inspected(const struct luna_reply *reply, struct inspected *ret_inspected)
{
    bool sound = true;
    union {
        struct inspected fields;
        int64_t numbers[sizeof(struct inspected) / sizeof(int64_t)];
    } got;
    for (size_t i = 0; i < sizeof got.numbers / sizeof got.numbers[0]; i++) {
        got.numbers[i] = luna_reply_int(luna_reply_at(reply, i), INT64_MIN);
        sound = sound && luna_is_script_number(got.numbers[i]);
    }
    *ret_inspected = got.fields;
    return sound;
}

/* What Redis has left of the quota, by its counters. */
static int64_t left_of(const struct inspected *v)
{
    return v->quota_limit - v->base - (v->charged - v->period_charged) +
           (v->refunded - v->period_refunded);
}

static void compare(const struct luna_booker *booker, const struct ledger *ledger,
                    const struct luna_reply *reply, struct luna_conservation *gauges)
{
    struct inspected v;
    bool sound = read_inspected(reply, &v);
    int64_t faults = 0;
    assert(ledger->account_id > 0);
    gauges->accounts_checked++;
    if (ledger->used != ledger->base_sum) {
        gauges->database_local++;
        faults++;
    }
    if (luna_reply_blames_key(reply)) {
        gauges->redis_local++;
        faults++;
    }
    /* Cold, or of an incarnation or epoch that PostgreSQL has closed meanwhile: nothing can be
     * charged there. */
    if (v.epoch == INT64_MIN || v.incarnation != booker->incarnation)
        goto out;
    if (!sound) {
        gauges->redis_local++;
        faults++;
        goto out;
    }
    if (v.quota != left_of(&v) || v.delta != v.charged - v.acknowledged) {
        gauges->redis_local++;
        faults++;
    }
    if (v.epoch != ledger->epoch || v.period_no != ledger->period_no)
        goto out;
    int64_t unbooked = (v.charged - ledger->sync_c) - (v.refunded - ledger->sync_r);
    gauges->unbooked_units += unbooked;
    if (left_of(&v) + ledger->used + unbooked != v.quota_limit) {
        gauges->across++;
        faults++;
    }
out:
    if (faults > 0)
        gauges->example_account = ledger->account_id;
}

static enum luna_code compare_all(struct luna_booker *booker, const struct luna_pg_result *result,
                                  int turns_max, struct luna_conservation *gauges,
                                  struct luna_error *err)
{
    char sha[LUNA_SCRIPT_SHA_BYTES];
    enum luna_code code = luna_booker_load_script(booker, LUNA_SCRIPT_INSPECT, 0, sha, err);
    int rows = luna_pg_rows(result), turns = 0;
    assert(turns_max > 0);
    for (int row = 0; row < rows && code == LUNA_OK; row++)
        code = send_inspect(booker, sha, luna_pg_int(result, row, 0), err);
    for (int row = 0; row < rows && code == LUNA_OK; row++) {
        struct luna_reply *reply = NULL;
        const struct ledger ledger = ledger_of(result, row);
        code = luna_redis_take(booker->counters, luna_booker_redis_deadline(booker), &reply, err);
        if (code == LUNA_OK)
            compare(booker, &ledger, reply, gauges);
        luna_reply_free(reply);
        /* The next sample continues after the last account of the rotation. */
        if (luna_pg_bool(result, row, 7)) {
            booker->gauge_cursor = ledger.account_id;
            turns++;
        }
    }
    if (turns < turns_max) /* the rotation reached the last account: start again */
        booker->gauge_cursor = 0;
    return code;
}

static enum luna_code read_ledgers(struct luna_booker *booker, const char *dirty, int count,
                                   struct luna_pg_result **ret_result, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    assert(booker->gauge_cursor >= 0 && count > 0);
    luna_pg_param_text(&params, dirty);
    luna_pg_param_int(&params, booker->gauge_cursor);
    luna_pg_param_int(&params, count);
    return luna_pg_query(
        booker->database, luna_pg_deadline(booker->database),
        "WITH chosen AS (SELECT id, bool_or(turn) AS turn FROM (SELECT unnest($1::int[]) AS "
        "id, false AS turn UNION ALL "
        "(SELECT id, true FROM accounts WHERE epoch_open AND id > $2::int ORDER BY id LIMIT "
        "$3::int)) u GROUP BY id) "
        "SELECT a.id, a.quota_epoch, a.sync_c, a.sync_r, a.period_no, a.quota_used, "
        "a.epoch_base + (a.sync_c - a.period_c) - (a.sync_r - a.period_r), chosen.turn "
        "FROM accounts a JOIN chosen USING (id) WHERE a.epoch_open ORDER BY a.id",
        &params, ret_result, err);
}

enum luna_code luna_booking_gauges(struct luna_booker *booker, int accounts_max,
                                   struct luna_conservation *ret_gauges, struct luna_error *err)
{
    struct luna_conservation gauges = {.accounts_checked = 0};
    struct luna_pg_result *result = NULL;
    struct luna_buf ids;
    int count = accounts_max < 2            ? 1
                : accounts_max < SAMPLE_MAX ? accounts_max / 2
                                            : SAMPLE_MAX / 2;
    luna_buf_init(&ids, 1 << 20);
    luna_booker_purpose(booker, LUNA_PURPOSE_CHECK);
    enum luna_code code = read_counters(booker, &gauges, err);
    if (code == LUNA_OK)
        code = list_dirty(booker, count, &ids, err);
    if (code == LUNA_OK) {
        const char *dirty = luna_pg_array_end(&ids);
        code = dirty != NULL ? read_ledgers(booker, dirty, count, &result, err)
                             : luna_error_set(err, LUNA_ENOMEM, "no memory for a sample");
    }
    if (code == LUNA_OK) {
        code = compare_all(booker, result, count, &gauges, err);
        luna_pg_result_free(result);
    }
    luna_buf_done(&ids);
    if (code == LUNA_OK)
        *ret_gauges = gauges;
    return code;
}
