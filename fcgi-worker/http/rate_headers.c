#include "http/rate_headers.h"

#include <assert.h>

enum { DAY_S = 86400 };

const char *quota_policy_name(enum luna_period period)
{
    switch (period) {
    case LUNA_PERIOD_DAY:
        return "daily";
    case LUNA_PERIOD_MONTH:
        return "monthly";
    case LUNA_PERIOD_NONE:
        break;
    }
    return "quota";
}

static int64_t at_least_zero(int64_t value)
{
    return value > 0 ? value : 0;
}

static void put(struct luna_buf *headers, const char *before, int64_t number)
{
    luna_buf_puts(headers, before);
    luna_buf_put_int(headers, number);
}

static void put_policy(struct luna_buf *headers, const struct luna_admission *admission)
{
    luna_buf_puts(headers, "RateLimit-Policy: \"");
    luna_buf_puts(headers, quota_policy_name(admission->quota_period));
    put(headers, "\";q=", admission->quota_limit);
    /* months differ in length, so theirs is not named */
    if (admission->quota_period == LUNA_PERIOD_DAY)
        put(headers, ";w=", DAY_S);
    put(headers, ", \"burst\";q=", admission->rate_burst);
    if (admission->rate_per_s > 0) /* how long an empty bucket takes to fill */
        put(headers,
            ";w=", (admission->rate_burst + admission->rate_per_s - 1) / admission->rate_per_s);
}

static void put_state(struct luna_buf *headers, const struct luna_admission *admission)
{
    luna_buf_puts(headers, "\r\nRateLimit: \"");
    luna_buf_puts(headers, quota_policy_name(admission->quota_period));
    put(headers, "\";r=", at_least_zero(admission->quota_remaining));
    if (admission->quota_period != LUNA_PERIOD_NONE)
        put(headers, ";t=", at_least_zero(admission->quota_reset_s));
    put(headers, ", \"burst\";r=", at_least_zero(admission->rate_remaining));
    put(headers, ";t=", at_least_zero(admission->rate_reset_s));
}

/* Not by http_header_add(): every answer has these headers, and its formatting took most of their
 * time. */
void rate_headers_add(struct http_response *response, const struct luna_admission *admission)
{
    struct luna_buf *headers = &response->headers;
    put_policy(headers, admission);
    put_state(headers, admission);
    put(headers, "\r\nX-RateLimit-Limit: ", admission->quota_limit);
    put(headers, "\r\nX-RateLimit-Remaining: ", at_least_zero(admission->quota_remaining));
    if (admission->quota_period != LUNA_PERIOD_NONE)
        put(headers, "\r\nX-RateLimit-Reset: ", at_least_zero(admission->quota_reset_s));
    luna_buf_puts(headers, "\r\n");
}

void retry_after_add(struct http_response *response, int64_t retry_after_ms)
{
    assert(retry_after_ms < INT64_MAX - 999);
    int64_t seconds = (retry_after_ms + 999) / 1000;
    http_header_add(response, "Retry-After", "%lld", (long long)(seconds > 1 ? seconds : 1));
}
