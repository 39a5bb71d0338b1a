#include "luna/store/usage.h"

#include "accounts/account_row.h"
#include "client/pg.h"
#include "client/redis.h"
#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>

static enum luna_code read_days(struct luna_database *database, int64_t account_id, int days,
                                struct luna_usage *usage, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    luna_pg_param_int(&params, days);
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT day, units FROM quota_daily WHERE account_id = $1::int "
        "AND day > (now() AT TIME ZONE 'UTC')::date - $2::int ORDER BY day DESC LIMIT $2::int",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    usage->day_count = luna_pg_rows(result);
    assert(usage->day_count <= days && days <= LUNA_USAGE_DAYS_MAX); /* by the LIMIT */
    for (int row = 0; row < usage->day_count; row++) {
        snprintf(usage->days[row].day, sizeof usage->days[row].day, "%s",
                 luna_pg_text(result, row, 0));
        usage->days[row].units = luna_pg_int(result, row, 1);
    }
    luna_pg_result_free(result);
    return LUNA_OK;
}

struct booked {
    int64_t epoch, sync_c, sync_r, period_no;
};

static enum luna_code read_account(struct luna_database *database, int64_t account_id,
                                   struct luna_account *account, struct booked *booked,
                                   struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT " LUNA_ACCOUNT_COLUMNS ", a.quota_epoch, a.sync_c, a.sync_r, a.period_no "
        "FROM accounts a JOIN plans p ON p.name = a.plan WHERE a.id = $1::bigint",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    if (luna_pg_rows(result) == 1) {
        code = luna_account_from_row(result, 0, account, err);
        *booked =
            (struct booked){.epoch = luna_pg_int(result, 0, LUNA_ACCOUNT_COLUMN_COUNT),
                            .sync_c = luna_pg_int(result, 0, LUNA_ACCOUNT_COLUMN_COUNT + 1),
                            .sync_r = luna_pg_int(result, 0, LUNA_ACCOUNT_COLUMN_COUNT + 2),
                            .period_no = luna_pg_int(result, 0, LUNA_ACCOUNT_COLUMN_COUNT + 3)};
    } else {
        code =
            luna_error_set(err, LUNA_ENOTFOUND, "there is no account %lld", (long long)account_id);
    }
    luna_pg_result_free(result);
    return code;
}

/* What Redis has counted beyond the watermark. Without Redis only the booked figures are
 * reported. */
static void add_unbooked(struct luna_counters *counters, const struct booked *booked,
                         struct luna_usage *usage)
{
    static const enum luna_m_field fields[] = {
        LUNA_M_epoch,          LUNA_M_charged,         LUNA_M_refunded, LUNA_M_period_no,
        LUNA_M_period_charged, LUNA_M_period_refunded, LUNA_M_base,     LUNA_M_period_end_ms};
    enum { E, C, R, PN, PC, PR, BASE, PEND, FIELDS };
    struct luna_redis_command command;
    struct luna_quota_keys keys;
    struct luna_reply *reply = NULL;
    struct luna_error ignored;
    int64_t v[FIELDS];
    static_assert(sizeof fields / sizeof fields[0] == FIELDS, "one number of each field");
    assert(usage->account.id > 0);
    luna_quota_keys_make(usage->account.id, "", &keys);
    luna_redis_begin(&command, "HMGET");
    luna_redis_arg(&command, keys.m);
    for (size_t i = 0; i < FIELDS; i++)
        luna_redis_arg(&command, luna_m_field(fields[i]));
    if (luna_redis_run(counters, &command, luna_deadline_in_ms(luna_redis_timeout_ms(counters)),
                       &reply, &ignored) != LUNA_OK)
        return;
    bool sound = true;
    for (size_t i = 0; i < FIELDS; i++) {
        v[i] = luna_reply_int(luna_reply_at(reply, i), -1);
        sound = sound && luna_is_script_number(v[i]);
    }
    luna_reply_free(reply);
    /* If the scripts cannot have counted a number, the conservation check reports it. */
    if (!sound || v[E] != booked->epoch)
        return;
    usage->live = true;
    usage->unbooked = (v[C] - booked->sync_c) - (v[R] - booked->sync_r);
    usage->used = v[BASE] + (v[C] - v[PC]) - (v[R] - v[PR]);
    /* Redis has started the next period, which is not booked yet */
    if (v[PN] > booked->period_no) {
        usage->account.period_start_ms = usage->account.period_end_ms;
        usage->account.period_end_ms = v[PEND];
    }
}

/* A period without a request so far exists neither in Redis nor in PostgreSQL. */
static enum luna_code enter_current_period(struct luna_database *database, struct luna_usage *usage,
                                           struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_account *account = &usage->account;
    if (account->period_end_ms == 0 || account->period_end_ms > luna_clock_wall_ms())
        return LUNA_OK;
    luna_pg_param_text(&params, luna_period_kind(account->period));
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT luna_ms(date_trunc($1, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'), "
        "luna_ms(luna_period_end($1, now()))",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    account->period_start_ms = luna_pg_int(result, 0, 0);
    account->period_end_ms = luna_pg_int(result, 0, 1);
    usage->used = 0;
    luna_pg_result_free(result);
    return LUNA_OK;
}

enum luna_code luna_usage_get(struct luna_database *database, struct luna_counters *counters,
                              int64_t account_id, int days, struct luna_usage *ret_usage,
                              struct luna_error *err)
{
    struct luna_usage usage = {.used = 0};
    struct booked booked = {.epoch = -1};
    if (days < 0 || days > LUNA_USAGE_DAYS_MAX)
        return luna_error_set(err, LUNA_EINVAL, "%d days are outside the range 0 to %d", days,
                              LUNA_USAGE_DAYS_MAX);
    enum luna_code code = read_account(database, account_id, &usage.account, &booked, err);
    if (code != LUNA_OK)
        return code;
    usage.quota_limit = usage.account.quota_limit;
    usage.used = usage.account.quota_used;
    if (counters != NULL)
        add_unbooked(counters, &booked, &usage);
    code = enter_current_period(database, &usage, err);
    if (code == LUNA_OK && days > 0)
        code = read_days(database, account_id, days, &usage, err);
    if (code != LUNA_OK)
        return code;
    usage.remaining = usage.quota_limit > usage.used ? usage.quota_limit - usage.used : 0;
    *ret_usage = usage;
    return LUNA_OK;
}
