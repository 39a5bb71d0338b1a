#include "http/rate_headers.h"

#include "luna/base/digits.h"

#include <assert.h>
#include <string.h>

/* All of them: less than 400 characters, and fourteen numbers. */
enum { DAY_S = 86400, HEADERS_BYTES_MAX = 400 + 14 * LUNA_DECIMAL_BYTES };

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

/* Where the next character is written. */
static inline void put(char **at, const char *text)
{
    size_t len = strlen(text); /* known when this is compiled, for a literal */
    memcpy(*at, text, len);
    *at += len;
}

static inline void put_number(char **at, const char *before, int64_t number)
{
    put(at, before);
    *at += luna_decimal_print(number, *at);
}

static void put_policy(char **at, const struct luna_admission *admission)
{
    put(at, "RateLimit-Policy: \"");
    put(at, quota_policy_name(admission->quota_period));
    put_number(at, "\";q=", admission->quota_limit);
    /* months differ in length, so theirs is not named */
    if (admission->quota_period == LUNA_PERIOD_DAY)
        put_number(at, ";w=", DAY_S);
    put_number(at, ", \"burst\";q=", admission->rate_burst);
    if (admission->rate_per_s > 0) /* how long an empty bucket takes to fill */
        put_number(
            at, ";w=", (admission->rate_burst + admission->rate_per_s - 1) / admission->rate_per_s);
    if (admission->compute_ms_per_s > 0) {
        put_number(at, ", \"compute\";q=", admission->compute_burst_ms);
        put_number(at,
                   ";qu=\"cpu-ms\";w=", admission->compute_burst_ms / admission->compute_ms_per_s);
    }
}

static void put_state(char **at, const struct luna_admission *admission)
{
    put(at, "\r\nRateLimit: \"");
    put(at, quota_policy_name(admission->quota_period));
    put_number(at, "\";r=", at_least_zero(admission->quota_remaining));
    if (admission->quota_period != LUNA_PERIOD_NONE)
        put_number(at, ";t=", at_least_zero(admission->quota_reset_s));
    put_number(at, ", \"burst\";r=", at_least_zero(admission->rate_remaining));
    put_number(at, ";t=", at_least_zero(admission->rate_reset_s));
    if (admission->compute_ms_per_s > 0) {
        put_number(at, ", \"compute\";r=", at_least_zero(admission->compute_remaining_ms));
        put_number(at, ";t=", at_least_zero(admission->compute_reset_s));
    }
}

/* Not by http_header_add(), nor piece by piece into the buffer: every answer has these headers, and
 * most of their time went there. */
void rate_headers_add(struct http_response *response, const struct luna_admission *admission)
{
    char *start = luna_buf_reserve(&response->headers, HEADERS_BYTES_MAX), *at = start;
    if (start == NULL)
        return;
    put_policy(&at, admission);
    put_state(&at, admission);
    put_number(&at, "\r\nX-RateLimit-Limit: ", admission->quota_limit);
    put_number(&at, "\r\nX-RateLimit-Remaining: ", at_least_zero(admission->quota_remaining));
    if (admission->quota_period != LUNA_PERIOD_NONE)
        put_number(&at, "\r\nX-RateLimit-Reset: ", at_least_zero(admission->quota_reset_s));
    put(&at, "\r\n");
    assert(at - start <= HEADERS_BYTES_MAX);
    luna_buf_advance(&response->headers, (size_t)(at - start));
}

void retry_after_add(struct http_response *response, int64_t retry_after_ms)
{
    assert(retry_after_ms < INT64_MAX - 999);
    int64_t seconds = (retry_after_ms + 999) / 1000;
    http_header_add(response, "Retry-After", "%lld", (long long)(seconds > 1 ? seconds : 1));
}

static int64_t later(int64_t wait_s, int64_t remaining, int64_t reset_s)
{
    return remaining <= 0 && reset_s > wait_s ? reset_s : wait_s;
}

void rate_headers_retry_add(struct http_response *response, const struct luna_admission *admission,
                            bool is_charged)
{
    enum { MS_PER_S = 1000 };
    bool quota_is_short = admission->outcome == LUNA_ADMIT_QUOTA_EXHAUSTED ||
                          (is_charged && admission->quota_remaining <= 0);
    if (quota_is_short && admission->quota_period == LUNA_PERIOD_NONE)
        return;
    int64_t wait_s = later((admission->retry_after_ms + MS_PER_S - 1) / MS_PER_S,
                           admission->rate_remaining, admission->rate_reset_s);
    if (is_charged && admission->compute_ms_per_s > 0)
        wait_s = later(wait_s, admission->compute_remaining_ms, admission->compute_reset_s);
    if (is_charged)
        wait_s = later(wait_s, admission->quota_remaining, admission->quota_reset_s);
    retry_after_add(response, wait_s * MS_PER_S);
}
