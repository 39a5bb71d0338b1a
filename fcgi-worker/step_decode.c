#include "exchange.h"

#include "luna/modelling/decode.h"
#include "luna/modelling/run.h"

#include <strings.h>

enum { NESTING_MAX = 32 };

static bool content_type_known(struct exchange *exchange)
{
    const char *type = exchange->request.content_type;
    exchange->csv_in = http_media_named(type, "text/csv");
    if (exchange->csv_in || http_media_named(type, "application/json"))
        return true;
    exchange_complain(
        exchange, PROBLEM_MEDIA_TYPE,
        *type == '\0' ? "There is no Content-Type. Send Content-Type: application/json or text/csv." : NULL);
    return false;
}

static bool content_encoding_known(struct exchange *exchange)
{
    const char *encoding = exchange->request.content_encoding;
    if (*encoding == '\0' || strcasecmp(encoding, "identity") == 0)
        return true;
    exchange_complain(exchange, PROBLEM_ENCODING, NULL);
    return false;
}

/* CSV comes back as CSV, JSON as JSON, unless Accept names the other one alone. */
static bool answer_as_csv(const struct exchange *exchange)
{
    bool csv = http_media_named(exchange->request.accept, "text/csv");
    bool json = http_media_named(exchange->request.accept, "application/json");
    return csv != json ? csv : exchange->csv_in;
}

static enum luna_decode_status decode(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    const struct luna_request_limits limits = {.points_max = (size_t)pipeline->config->points_max,
                                               .nesting_max = NESTING_MAX};
    luna_faults_init(&exchange->faults, &pipeline->arena);
    return (exchange->csv_in ? luna_decode_csv
                             : luna_decode_json)(exchange->request.body, exchange->request.body_len, &limits,
                                                 &pipeline->arena, &exchange->model, &exchange->faults);
}

/* Faults of the body, or of the model that it asks for. */
static void complain_about_content(struct exchange *exchange)
{
    enum luna_decode_status status = decode(exchange);
    if (status == LUNA_DECODE_MEMORY) {
        exchange_complain(exchange, PROBLEM_BODY_TOO_LARGE, NULL);
        return;
    }
    if (status == LUNA_DECODE_OK && luna_run_check(&exchange->model, &exchange->faults) == LUNA_RUN_OK) {
        exchange->sample.points = exchange->model.n;
        return;
    }
    exchange_complain(exchange, PROBLEM_VALIDATION, NULL);
    exchange->complaint.faults = &exchange->faults;
}

enum step_outcome step_decode(struct exchange *exchange)
{
    if (exchange->complaint.id == PROBLEM_NONE && content_type_known(exchange) &&
        content_encoding_known(exchange))
        complain_about_content(exchange);
    exchange->csv_out = answer_as_csv(exchange);
    return STEP_ON;
}
