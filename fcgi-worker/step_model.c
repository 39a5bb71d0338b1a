#include "exchange.h"

#include "luna/modelling/run.h"

static int client_left(void *ctx)
{
    struct exchange *exchange = ctx;
    exchange->client_left = fcgi_io_client_left(exchange->pipeline->io);
    return exchange->client_left;
}

enum step_outcome step_model(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct luna_run_control control = {
        .deadline = exchange->deadline, .cancelled = client_left, .ctx = exchange};
    switch (luna_run(&exchange->model, &control, &pipeline->arena, &exchange->result, &exchange->faults)) {
    case LUNA_RUN_OK:
        return STEP_ON;
    case LUNA_RUN_FAULTS:
        return exchange_answer(
            exchange, &(struct problem_report){.id = PROBLEM_VALIDATION, .faults = &exchange->faults});
    case LUNA_RUN_CANCELLED:
        http_header_add(&pipeline->response, "Retry-After", "1");
        return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
    case LUNA_RUN_MEMORY:
        return exchange_refuse(
            exchange, PROBLEM_BODY_TOO_LARGE,
            "The model needs more memory for this series than one request may use. Send fewer points.");
    }
    return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
}
