#include "request/steps.h"

#include "luna/base/clock.h"

static int client_left(void *ctx)
{
    return exchange_client_left(ctx);
}

static enum run_outcome outcome_of(enum luna_run_status status, const struct luna_result *result)
{
    switch (status) {
    case LUNA_RUN_OK:
        return result->not_converged ? RUN_NOT_CONVERGED : RUN_DONE;
    case LUNA_RUN_FAULTS:
        return RUN_REFUSED;
    case LUNA_RUN_CANCELLED:
        return RUN_CANCELLED;
    case LUNA_RUN_MEMORY:
        break;
    }
    return RUN_NO_MEMORY;
}

enum luna_run_status exchange_run(struct exchange *exchange, const struct luna_request *request,
                                  bool in_place, int (*cancelled)(void *exchange),
                                  struct luna_arena *arena, struct luna_result *ret_result,
                                  struct luna_faults *faults)
{
    const struct luna_run_control control = {.deadline = exchange->deadline,
                                             .cancelled = cancelled,
                                             .ctx = exchange,
                                             .in_place = in_place};
    int64_t began_ns = luna_clock_mono_ns();
    enum luna_run_status status = luna_run(request, &control, arena, ret_result, faults);
    const struct scoreboard_run run = {.model = luna_model_number(request->model_name),
                                       .outcome = outcome_of(status, ret_result),
                                       .points = request->n,
                                       .duration_ns = luna_clock_mono_ns() - began_ns};
    scoreboard_worker_run(exchange->pipeline->slot, &run);
    return status;
}

/* Does the answer repeat the observations from their numbers? JSON repeats the body's own bytes
 * where it can, octets nothing. */
static bool answer_needs_values(const struct exchange *exchange)
{
    if (exchange->format_out == FORMAT_JSON)
        return exchange->model.input == NULL;
    return exchange->format_out != FORMAT_OCTETS;
}

enum step_outcome step_model(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    switch (exchange_run(exchange, &exchange->model, !answer_needs_values(exchange), client_left,
                         &pipeline->arena, &exchange->result, &exchange->faults)) {
    case LUNA_RUN_OK:
        return STEP_ON;
    case LUNA_RUN_FAULTS:
        return exchange_answer(exchange, &(struct problem_report){.id = PROBLEM_VALIDATION,
                                                                  .faults = &exchange->faults});
    case LUNA_RUN_CANCELLED:
        http_header_add(&pipeline->response, "Retry-After", "1");
        return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
    case LUNA_RUN_MEMORY:
        return exchange_refuse(exchange, PROBLEM_BODY_TOO_LARGE,
                               "The model needs more memory for this series than one request may "
                               "use. Send fewer points.");
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
}
