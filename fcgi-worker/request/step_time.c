/* Has the request run out of time: in the queue, or while it was worked on? */
#include "luna/modelling/run.h"
#include "request/steps.h"

enum { NS_PER_MS = 1000000 };

enum step_outcome step_queue(struct exchange *exchange)
{
    const struct worker_config *config = exchange->pipeline->config;
    if (exchange->timing.wait_ns <= config->queue_wait_max_ms * NS_PER_MS &&
        !luna_deadline_passed(exchange->timing.deadline))
        return STEP_ON;
    exchange->notes.was_shed = true;
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_OVERLOADED, NULL);
}

/* Was it the computation itself that took most of the time? Sent again, it would do so again. */
static bool is_too_much_work(const struct exchange *exchange)
{
    const struct exchange_timing *timing = &exchange->timing;
    int64_t spent_ns = timing->phase_ns[PHASE_MODEL];
    if (timing->phase == PHASE_MODEL)
        spent_ns += luna_clock_mono_ns() - timing->phase_since_ns;
    return 2 * spent_ns > exchange->pipeline->config->request_timeout_ms * NS_PER_MS;
}

/* The estimate that was made before the fit, where that was longer than the limit. */
static const char *say_expected(struct exchange *exchange)
{
    double expected_s = exchange->computation.expected_s, ms_per_s = 1000;
    if (!(expected_s * ms_per_s > (double)exchange->pipeline->config->request_timeout_ms))
        return NULL;
    struct luna_arena *arena = &exchange->pipeline->arena;
    const char *seconds = luna_run_seconds_text(arena, expected_s);
    if (seconds == NULL)
        return NULL;
    return luna_arena_printf(arena,
                             "The fit was expected to take about %s, more than a request may take. "
                             "It was stopped.",
                             seconds);
}

enum step_outcome step_overrun(struct exchange *exchange)
{
    if (is_too_much_work(exchange))
        return exchange_refuse(exchange, PROBLEM_TOO_LONG, say_expected(exchange));
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
}

enum step_outcome step_in_time(struct exchange *exchange)
{
    return luna_deadline_passed(exchange->timing.deadline) ? step_overrun(exchange) : STEP_ON;
}
