#include "accounts/config_push.h"

#include "booking/booker.h"
#include "client/scripts.h"
#include "quota/config_keys.h"
#include "quota/quota_keys.h"

enum { PUSH_BATCH = 200 };

/* The columns that send_row() reads, in its order; the query names account_config as c. */
#define CONFIG_COLUMNS                                                                             \
    "c.account_id, c.config_version, c.quota_limit, c.period_no, c.period_end_ms, c.next_end_ms, " \
    "c.disabled::int, c.rate_per_s, c.rate_burst, c.points_max, c.concurrent_max, "                \
    "c.quota_period, c.keys"

/* Sends the row, which begins at `column`; the answer is the caller's to take, and says nothing. */
static enum luna_code send_row(struct luna_cache *cache, const struct luna_pg_result *result,
                               int row, int column, struct luna_deadline deadline,
                               struct luna_error *err)
{
    static const char *const fields[] = {"off", "rate", "burst", "points", "conc"};
    struct luna_redis_command command;
    struct luna_quota_keys keys;
    struct luna_config_keys config_keys;
    int64_t account_id = luna_pg_int(result, row, column);
    if (!luna_config_keys_parse(luna_pg_text(result, row, column + 12), &config_keys))
        return luna_error_set(err, LUNA_ELIMIT, "account %lld has more than %d live keys",
                              (long long)account_id, LUNA_CONFIG_KEYS_MAX);
    luna_quota_keys_make(account_id, "", &keys);
    luna_redis_begin(&command, "EVAL");
    luna_redis_arg(&command, luna_script_unfenced(LUNA_SCRIPT_PUSH));
    luna_redis_arg(&command, "4");
    luna_redis_arg(&command, keys.m);
    luna_redis_arg(&command, keys.quota);
    luna_redis_arg(&command, keys.load);
    luna_redis_arg(&command, keys.absent);
    for (int i = 1; i <= 5; i++)
        luna_redis_arg(&command, luna_pg_text(result, row, column + i));
    for (int i = 0; i < 5; i++) {
        luna_redis_arg(&command, fields[i]);
        luna_redis_arg(&command, luna_pg_text(result, row, column + 6 + i));
    }
    luna_redis_arg(&command, "kind");
    luna_redis_arg(&command, luna_config_period(luna_pg_text(result, row, column + 11)));
    luna_config_keys_add(&config_keys, &command);
    return luna_redis_send(cache, &command, deadline, err);
}

static enum luna_code take_answer(struct luna_cache *cache, struct luna_deadline deadline,
                                  struct luna_error *err)
{
    struct luna_reply *reply = NULL;
    enum luna_code code = luna_redis_take(cache, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) != NULL)
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s", luna_reply_error(reply));
    luna_reply_free(reply);
    return code;
}

enum luna_code luna_config_push_account(struct luna_database *database, struct luna_cache *cache,
                                        int64_t account_id, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    enum luna_code code =
        luna_pg_query(database, luna_pg_deadline(database),
                      "SELECT " CONFIG_COLUMNS " FROM account_config c WHERE c.account_id = $1",
                      &params, &result, err);
    if (code != LUNA_OK)
        return code;
    struct luna_deadline deadline = luna_deadline_in_ms(luna_redis_timeout_ms(cache));
    if (luna_pg_rows(result) != 1)
        code =
            luna_error_set(err, LUNA_ENOTFOUND, "there is no account %lld", (long long)account_id);
    if (code == LUNA_OK)
        code = send_row(cache, result, 0, 0, deadline, err);
    if (code == LUNA_OK)
        code = take_answer(cache, deadline, err);
    luna_pg_result_free(result);
    return code;
}

static enum luna_code push_rows(struct luna_booker *booker, const struct luna_pg_result *result,
                                struct luna_buf *ids, struct luna_error *err)
{
    enum luna_code code = LUNA_OK;
    int sent = 0;
    luna_pg_array_begin(ids);
    for (; sent < luna_pg_rows(result) && code == LUNA_OK; sent++) {
        code = send_row(booker->cache, result, sent, 1, luna_booker_redis_deadline(booker), err);
        luna_pg_array_add(ids, luna_pg_int(result, sent, 0));
    }
    for (int i = 0; i < sent && code == LUNA_OK; i++)
        code = take_answer(booker->cache, luna_booker_redis_deadline(booker), err);
    /* Answers that were not taken would be taken for others. */
    if (code != LUNA_OK)
        luna_redis_drop(booker->cache);
    return code;
}

static enum luna_code mark_done(struct luna_booker *booker, struct luna_buf *ids,
                                struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    const char *text = luna_pg_array_end(ids);
    if (text == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the outbox");
    luna_pg_param_text(&params, text);
    enum luna_code code = luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                                        "SELECT luna_outbox_done($1)", &params, &result, err);
    if (code == LUNA_OK)
        luna_pg_result_free(result);
    return code;
}

static enum luna_code push_batch(struct luna_booker *booker, int *ret_count, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    struct luna_buf ids;
    luna_pg_param_int(&params, PUSH_BATCH);
    enum luna_code code =
        luna_pg_query(booker->database, luna_pg_deadline(booker->database),
                      "SELECT o.id, " CONFIG_COLUMNS " FROM config_outbox o "
                      "JOIN account_config c USING (account_id) ORDER BY o.id LIMIT $1",
                      &params, &result, err);
    if (code != LUNA_OK)
        return code;
    luna_buf_init(&ids, 1 << 20);
    int count = luna_pg_rows(result);
    if (count > 0)
        code = push_rows(booker, result, &ids, err);
    if (code == LUNA_OK && count > 0)
        code = mark_done(booker, &ids, err);
    luna_buf_done(&ids);
    luna_pg_result_free(result);
    if (code == LUNA_OK)
        *ret_count = count;
    return code;
}

enum luna_code luna_booking_push(struct luna_booker *booker, struct luna_deadline until,
                                 int64_t *ret_pushed, struct luna_error *err)
{
    int64_t pushed = 0;
    int count = 0;
    enum luna_code code = luna_booker_check(booker, err);
    if (code != LUNA_OK)
        return code;
    luna_booker_purpose(booker, LUNA_PURPOSE_PUSH);
    do {
        code = push_batch(booker, &count, err);
        if (code != LUNA_OK)
            return code;
        pushed += count;
    } while (count == PUSH_BATCH && luna_booker_goes_on(booker) && !luna_deadline_passed(until));
    *ret_pushed = pushed;
    return LUNA_OK;
}
