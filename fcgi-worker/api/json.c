#include "api/json.h"

#include <string.h>
#include <time.h>

void json_put_text(struct luna_buf *out, const char *name, const char *text)
{
    luna_buf_printf(out, "\"%s\":", name);
    luna_buf_put_json_string(out, text, strlen(text));
}

void json_put_bare_time(struct luna_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[32];
    if (ms <= 0 || gmtime_r(&seconds, &utc) == NULL)
        return;
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    luna_buf_append(out, text, len);
    luna_buf_printf(out, ".%03dZ", (int)(ms % 1000));
}

void json_put_time(struct luna_buf *out, const char *name, int64_t ms)
{
    luna_buf_printf(out, ms > 0 ? "\"%s\":\"" : "\"%s\":null", name);
    json_put_bare_time(out, ms);
    if (ms > 0)
        luna_buf_putc(out, '"');
}

void json_put_quota(struct luna_buf *out, const struct luna_usage *usage)
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

void json_put_compute(struct luna_buf *out, const struct luna_admission *admission)
{
    int64_t remaining_ms = admission->compute_remaining_ms;
    if (admission->compute_ms_per_s == 0) {
        luna_buf_puts(out, "\"compute\":null");
        return;
    }
    luna_buf_printf(out,
                    "\"compute\":{\"ms_per_second\":%lld,\"burst_ms\":%lld,\"remaining_ms\":%lld}",
                    (long long)admission->compute_ms_per_s, (long long)admission->compute_burst_ms,
                    (long long)(remaining_ms > 0 ? remaining_ms : 0));
}

struct luna_buf *json_begin(struct http_response *response)
{
    response->status = 200;
    response->content_type = "application/json";
    luna_buf_clear(&response->body);
    return &response->body;
}
