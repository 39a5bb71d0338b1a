/* Has the request run out of time: in the queue, or while it was worked on? */
#include "request/steps.h"

enum { NS_PER_MS = 1000000 };

enum step_outcome step_queue(struct exchange *exchange)
{
    const struct worker_config *config = exchange->pipeline->config;
    if (exchange->sample.wait_ns <= config->queue_wait_max_ms * NS_PER_MS &&
        !luna_deadline_passed(exchange->timing.deadline))
        return STEP_ON;
    exchange->sample.shed = true;
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_OVERLOADED, NULL);
}

enum step_outcome step_in_time(struct exchange *exchange)
{
    if (!luna_deadline_passed(exchange->timing.deadline))
        return STEP_ON;
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
}
