#include "accounts/config_push.h"

#include "client/scripts.h"
#include "quota/config_keys.h"
#include "quota/period.h"
#include "quota/quota_keys.h"
#include "quota/script_words.h"

#include <assert.h>

enum luna_code luna_config_push_send(struct luna_counters *counters, const char *sha,
                                     const struct luna_pg_result *result, int row, int column,
                                     struct luna_deadline deadline, struct luna_error *err)
{
    static const size_t args[] = {LUNA_ARG(PUSH, config_version), LUNA_ARG(PUSH, quota_limit),
                                  LUNA_ARG(PUSH, period_no), LUNA_ARG(PUSH, period_end_ms),
                                  LUNA_ARG(PUSH, next_end_ms)};
    static const enum luna_m_field fields[] = {LUNA_M_off, LUNA_M_rate_per_s, LUNA_M_rate_burst,
                                               LUNA_M_points_max, LUNA_M_concurrent_max};
    struct luna_redis_command command;
    struct luna_quota_keys keys;
    struct luna_config_keys config_keys;
    int64_t account_id = luna_pg_int(result, row, column);
    assert(row >= 0 && row < luna_pg_rows(result));
    assert(account_id > 0); /* the columns are those of LUNA_CONFIG_COLUMNS, from `column` on */
    enum luna_period period;
    enum luna_code code = luna_period_read(luna_pg_text(result, row, column + 11), &period, err);
    if (code != LUNA_OK)
        return code;
    if (!luna_config_keys_parse(luna_pg_text(result, row, column + 12), &config_keys)) {
        luna_config_keys_done(&config_keys);
        return luna_error_set(err, LUNA_ELIMIT, "account %lld has more than %d live keys",
                              (long long)account_id, LUNA_CONFIG_KEYS_MAX);
    }
    luna_quota_keys_make(account_id, "", &keys);
    luna_redis_begin(&command, sha != NULL ? "EVALSHA" : "EVAL");
    luna_redis_arg(&command, sha != NULL ? sha : luna_script_unfenced(LUNA_SCRIPT_PUSH));
    luna_quota_keys_add(&keys, LUNA_SCRIPT_PUSH, &command);
    for (int i = 0; i < 5; i++)
        luna_redis_arg_at(&command, args[i], luna_pg_text(result, row, column + 1 + i));
    luna_redis_args_from(&command, LUNA_ARG(PUSH, fields));
    for (int i = 0; i < 5; i++) {
        luna_redis_arg(&command, luna_m_field(fields[i]));
        luna_redis_arg(&command, luna_pg_text(result, row, column + 6 + i));
    }
    luna_redis_arg(&command, luna_m_field(LUNA_M_compute_ms_per_s));
    luna_redis_arg(&command, luna_pg_text(result, row, column + 13));
    luna_redis_arg(&command, luna_m_field(LUNA_M_period_kind));
    luna_redis_arg_int(&command, (int64_t)period);
    luna_config_keys_add(&config_keys, &command);
    code = luna_redis_send(counters, &command, deadline, err);
    luna_config_keys_done(&config_keys);
    return code;
}

enum luna_code luna_config_push_take(struct luna_counters *counters, struct luna_deadline deadline,
                                     struct luna_error *err)
{
    struct luna_reply *reply = NULL;
    assert(counters != NULL);
    enum luna_code code = luna_redis_take(counters, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) != NULL)
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s", luna_reply_error(reply));
    luna_reply_free(reply);
    return code;
}

enum luna_code luna_config_push_account(struct luna_database *database,
                                        struct luna_counters *counters, const char *sha,
                                        int64_t account_id, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    luna_pg_param_int(&params, account_id);
    enum luna_code code = luna_pg_query(database, luna_pg_deadline(database),
                                        "SELECT " LUNA_CONFIG_COLUMNS
                                        " FROM account_config c WHERE c.account_id = $1",
                                        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    struct luna_deadline deadline = luna_deadline_in_ms(luna_redis_timeout_ms(counters));
    if (luna_pg_rows(result) != 1)
        code =
            luna_error_set(err, LUNA_ENOTFOUND, "there is no account %lld", (long long)account_id);
    if (code == LUNA_OK)
        code = luna_config_push_send(counters, sha, result, 0, 0, deadline, err);
    if (code == LUNA_OK)
        code = luna_config_push_take(counters, deadline, err);
    luna_pg_result_free(result);
    return code;
}
