#include "api/series.h"

#include "luna/base/clock.h"
#include "request/fair_share.h"

/* The plan's limit is known where the body was checked before it was read. */
static bool is_limited_by_plan(const struct exchange *exchange)
{
    int64_t of_plan = exchange->checked ? exchange->admission.points_max : 0;
    return of_plan > 0 && of_plan < exchange->pipeline->config->points_max;
}

static size_t points_max(const struct exchange *exchange)
{
    return (size_t)(is_limited_by_plan(exchange) ? exchange->admission.points_max
                                                 : exchange->pipeline->config->points_max);
}

struct luna_request_limits series_limits(const struct exchange *exchange)
{
    return (struct luna_request_limits){.points_max = points_max(exchange),
                                        .nesting_max = SERIES_NESTING_MAX};
}

bool series_read_format(struct exchange *exchange, enum format *ret_format)
{
    const char *type = exchange->request.content_type;
    if (format_of_content(type, ret_format))
        return true;
    exchange_complain_of_type(exchange, FORMATS_OF_SERIES,
                              *type == '\0' ? "There is no Content-Type. Send Content-Type: "
                                              "application/json, or another supported type."
                                            : NULL);
    return false;
}

bool series_read_query(struct exchange *exchange, struct query *ret_query, int *ret_precision)
{
    bool valid = query_parse(exchange->request.query, &exchange->pipeline->arena, ret_query,
                             &exchange->faults);
    *ret_precision = query_precision(ret_query, &exchange->faults);
    return valid && exchange->faults.count == 0;
}

void series_complain(struct exchange *exchange, enum luna_decode_status status)
{
    if (status == LUNA_DECODE_MEMORY)
        exchange_complain(exchange, PROBLEM_BODY_TOO_LARGE, NULL);
    else if (status == LUNA_DECODE_LONG && is_limited_by_plan(exchange))
        exchange_complain(
            exchange, PROBLEM_TOO_MANY_POINTS,
            luna_arena_printf(&exchange->pipeline->arena,
                              "The account's plan allows %zu points in one request, and this one "
                              "has more.",
                              points_max(exchange)));
    else
        exchange_complain_of_faults(exchange);
}

static enum run_outcome outcome_of(enum luna_run_status status, const struct luna_result *result)
{
    switch (status) {
    case LUNA_RUN_OK:
        return result->not_converged ? RUN_NOT_CONVERGED : RUN_DONE;
    case LUNA_RUN_FAULTS:
    case LUNA_RUN_LONG:
        return RUN_REFUSED;
    case LUNA_RUN_CANCELLED:
        return RUN_CANCELLED;
    case LUNA_RUN_MEMORY:
        break;
    }
    return RUN_NO_MEMORY;
}

static int poll_stop(void *ctx)
{
    struct exchange *exchange = ctx;
    if (fair_share_poll(exchange))
        return true;
    if (!exchange_poll_client_left(exchange) || exchange_owes_the_end(exchange))
        return false;
    exchange->computation.stop = STOP_CLIENT_LEFT;
    return true;
}

/* A fit that is expected to take more timeouts than these is not started: fits differ by a factor
 * of five, processors by two, and what could end is not refused. */
static const double timeouts_max = 10, ms_per_s = 1000;

static void note_expected(void *ctx, double seconds)
{
    struct exchange *exchange = ctx;
    exchange->computation.expected_s = seconds;
}

const char *series_too_long(struct exchange *exchange)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    const char *seconds = luna_run_seconds_text(arena, exchange->computation.expected_s);
    const char *detail = seconds == NULL
                             ? NULL
                             : luna_arena_printf(arena,
                                                 "This fit would take about %s, far more than a "
                                                 "request may take. It was not started.",
                                                 seconds);
    return detail != NULL ? detail
                          : "This fit would take far more time than a request may take. It was not "
                            "started.";
}

enum luna_run_status series_run(struct exchange *exchange, const struct luna_request *request,
                                bool in_place, struct luna_arena *arena,
                                struct luna_result *ret_result, struct luna_faults *faults)
{
    double timeout_ms = (double)exchange->pipeline->config->request_timeout_ms;
    const struct luna_run_control control = {.deadline = exchange->timing.deadline,
                                             .cancelled = poll_stop,
                                             .expected = note_expected,
                                             .fit_max_s = timeouts_max * timeout_ms / ms_per_s,
                                             .fit_long_s = timeout_ms / ms_per_s,
                                             .ctx = exchange,
                                             .in_place = in_place};
    int64_t started_ns = luna_clock_mono_ns();
    enum luna_run_status status = luna_run(request, &control, arena, ret_result, faults);
    const struct scoreboard_run run = {.model = luna_model_number(request->model_name),
                                       .outcome = outcome_of(status, ret_result),
                                       .points = request->n,
                                       .duration_ns = luna_clock_mono_ns() - started_ns};
    scoreboard_worker_run(exchange->pipeline->slot, &run);
    if (status == LUNA_RUN_CANCELLED && exchange->computation.stop == STOP_NONE)
        exchange->computation.stop = STOP_DEADLINE; /* which luna_run() polls itself */
    return status;
}
