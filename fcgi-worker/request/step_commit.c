#include "http/rate_headers.h"
#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "request/steps.h"

#include <assert.h>

static enum step_outcome refuse_void(struct exchange *exchange)
{
    luna_log(LUNA_LOG_WARNING, "charge_void", LUNA_LOG_S("request_id", exchange->request_id),
             LUNA_LOG_I("account_id", exchange->ids.account_id),
             LUNA_LOG_S("reason", exchange->admission.error.msg));
    if (exchange->admission.error.code == LUNA_EJOURNAL)
        scoreboard_worker_unjournalled(exchange->pipeline->slot, luna_clock_mono_ns());
    retry_after_add(&exchange->pipeline->response, exchange->admission.retry_after_ms);
    return exchange_refuse(exchange, PROBLEM_UNAVAILABLE,
                           "The charge could not be confirmed, so the answer is withheld. Nothing "
                           "was charged; try again.");
}

/* They said what was left before. The other headers stay. */
static void restate_limits(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    struct luna_buf *headers = &response->headers;
    assert(exchange->limits_end <= headers->len);
    if (exchange->limits_end == 0)
        return;
    size_t after_len = headers->len - exchange->limits_end;
    const char *after = luna_arena_strndup(&exchange->pipeline->arena,
                                           headers->data + exchange->limits_end, after_len);
    if (after == NULL)
        return;
    luna_buf_cut(headers, exchange->limits_at);
    rate_headers_add(response, &exchange->admission);
    exchange->limits_end = headers->len;
    luna_buf_append(headers, after, after_len);
}

enum step_outcome step_commit(struct exchange *exchange)
{
    struct luna_admission *admission = &exchange->admission;
    if (luna_admission_commit(exchange->pipeline->admitter, admission) != LUNA_COMMIT_OK)
        return refuse_void(exchange);
    return STEP_ON;
}

enum step_outcome step_reduce(struct exchange *exchange, int64_t units)
{
    struct luna_admission *admission = &exchange->admission;
    assert(units >= 0);
    if (units >= admission->cost)
        return STEP_ON;
    if (luna_admission_reduce(exchange->pipeline->admitter, admission, units) != LUNA_COMMIT_OK)
        return refuse_void(exchange);
    restate_limits(exchange);
    return STEP_ON;
}
