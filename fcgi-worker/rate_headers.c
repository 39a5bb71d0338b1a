#include "rate_headers.h"

#include <stdio.h>

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

void rate_headers_add(struct http_response *response, const struct luna_admission *admission)
{
    const char *name = quota_policy_name(admission->quota_period);
    char window[16] = "";
    char reset[32] = "";
    char burst_window[32] = "";
    if (admission->quota_period == LUNA_PERIOD_DAY) /* a month has no one length, so it names none */
        (void)snprintf(window, sizeof window, ";w=%d", DAY_S);
    if (admission->quota_period != LUNA_PERIOD_NONE)
        (void)snprintf(reset, sizeof reset, ";t=%lld", (long long)at_least_zero(admission->quota_reset_s));
    if (admission->rate_per_s > 0) /* how long an empty bucket takes to fill */
        (void)snprintf(
            burst_window, sizeof burst_window, ";w=%lld",
            (long long)((admission->rate_burst + admission->rate_per_s - 1) / admission->rate_per_s));
    http_header_add(response, "RateLimit-Policy", "\"%s\";q=%lld%s, \"burst\";q=%lld%s", name,
                    (long long)admission->quota_limit, window, (long long)admission->rate_burst,
                    burst_window);
    http_header_add(response, "RateLimit", "\"%s\";r=%lld%s, \"burst\";r=%lld;t=%lld", name,
                    (long long)at_least_zero(admission->quota_remaining), reset,
                    (long long)at_least_zero(admission->rate_remaining),
                    (long long)at_least_zero(admission->rate_reset_s));
    http_header_add(response, "X-RateLimit-Limit", "%lld", (long long)admission->quota_limit);
    http_header_add(response, "X-RateLimit-Remaining", "%lld",
                    (long long)at_least_zero(admission->quota_remaining));
    if (admission->quota_period != LUNA_PERIOD_NONE)
        http_header_add(response, "X-RateLimit-Reset", "%lld",
                        (long long)at_least_zero(admission->quota_reset_s));
}

void retry_after_add(struct http_response *response, int64_t retry_after_ms)
{
    int64_t seconds = (retry_after_ms + 999) / 1000;
    http_header_add(response, "Retry-After", "%lld", (long long)(seconds > 1 ? seconds : 1));
}
