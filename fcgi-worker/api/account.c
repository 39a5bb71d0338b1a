#include "api/api.h"

#include "api/input.h"
#include "api/json.h"
#include "api/stores.h"
#include "luna/store/usage.h"

enum step_outcome api_account_read(struct exchange *exchange)
{
    input_read_no_query(exchange);
    return STEP_ON;
}

static void put_limits(const struct luna_admission *admission, struct luna_buf *out)
{
    luna_buf_printf(
        out, "\"limits\":{\"requests_per_second\":%lld,\"burst\":%lld,\"points_per_request\":",
        (long long)admission->rate_per_s, (long long)admission->rate_burst);
    if (admission->points_max > 0)
        luna_buf_printf(out, "%lld}", (long long)admission->points_max);
    else
        luna_buf_puts(out, "null}");
}

static void put_account(const struct exchange *exchange, const struct luna_usage *usage,
                        struct luna_buf *out)
{
    luna_buf_printf(out, "{\"id\":%lld,", (long long)exchange->ids.account_id);
    json_put_text(out, "account_name", usage->account.name);
    luna_buf_putc(out, ',');
    json_put_text(out, "plan", usage->account.plan);
    luna_buf_putc(out, ',');
    json_put_quota(out, usage);
    luna_buf_putc(out, ',');
    put_limits(&exchange->admission, out);
    luna_buf_putc(out, ',');
    json_put_compute(out, &exchange->admission);
    luna_buf_putc(out, ',');
    json_put_time(out, "created_at", usage->account.created_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "updated_at", usage->account.updated_ms);
    luna_buf_puts(out, "}\n");
}

enum step_outcome api_account_answer(struct exchange *exchange)
{
    struct luna_usage *usage = luna_arena_alloc(&exchange->pipeline->arena, sizeof *usage);
    struct luna_error err = {0};
    if (usage == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    if (luna_usage_get(api_database(exchange), api_counters(exchange), exchange->ids.account_id, 0,
                       usage, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    put_account(exchange, usage, json_begin(&exchange->pipeline->response));
    return STEP_ON;
}
