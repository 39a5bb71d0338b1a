#include "api/api.h"

#include "api/json.h"
#include "api/stores.h"
#include "luna/store/usage.h"

void api_read_query(struct exchange *exchange, const char *const *known)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    luna_faults_init(&exchange->faults, arena);
    (void)query_parse(exchange->request.query, arena, &exchange->query, &exchange->faults);
    query_forbid_others(&exchange->query, known, "", &exchange->faults);
    if (exchange->faults.count > 0)
        exchange_complain_of_faults(exchange, LUNA_DECODE_FAULTS);
}

enum step_outcome api_account_read(struct exchange *exchange)
{
    static const char *const none[] = {NULL};
    api_read_query(exchange, none);
    return STEP_ON;
}

void api_put_quota(const struct luna_usage *usage, struct luna_buf *out)
{
    luna_buf_printf(out,
                    "\"quota\":{\"limit\":%lld,\"used\":%lld,\"remaining\":%lld,\"period\":\"%s\",",
                    (long long)usage->quota_limit, (long long)usage->used,
                    (long long)usage->remaining, luna_period_kind(usage->account.period));
    json_put_time(out, "period_start", usage->account.period_start_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "period_end", usage->account.period_end_ms);
    luna_buf_putc(out, '}');
}

enum step_outcome api_account_answer(struct exchange *exchange)
{
    struct luna_usage *usage = luna_arena_alloc(&exchange->pipeline->arena, sizeof *usage);
    const struct luna_admission *admission = &exchange->admission;
    struct luna_error err = {0};
    if (usage == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    if (luna_usage_get(api_database(exchange), api_counters(exchange), exchange->account_id, 0,
                       usage, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    luna_buf_printf(out, "{\"id\":%lld,", (long long)exchange->account_id);
    json_put_text(out, "account_name", usage->account.name);
    luna_buf_putc(out, ',');
    json_put_text(out, "plan", usage->account.plan);
    luna_buf_putc(out, ',');
    api_put_quota(usage, out);
    luna_buf_printf(
        out, ",\"limits\":{\"requests_per_second\":%lld,\"burst\":%lld,\"points_per_request\":",
        (long long)admission->rate_per_s, (long long)admission->rate_burst);
    if (admission->points_max > 0)
        luna_buf_printf(out, "%lld},", (long long)admission->points_max);
    else
        luna_buf_puts(out, "null},");
    json_put_time(out, "created_at", usage->account.created_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "updated_at", usage->account.updated_ms);
    luna_buf_puts(out, "}\n");
    return STEP_ON;
}
