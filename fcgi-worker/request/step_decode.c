#include "request/steps.h"

#include "http/content_coding.h"
#include "http/query_options.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/octets.h"
#include "luna/modelling/run.h"

enum { NESTING_MAX = 32 };

static enum luna_decode_status (*const decoders[FORMAT_COUNT])(
    const char *body, size_t len, const struct luna_request_limits *limits,
    struct luna_arena *arena, struct luna_request *ret_request, struct luna_faults *faults) = {
    [FORMAT_JSON] = luna_decode_json,
    [FORMAT_CSV] = luna_decode_csv,
    [FORMAT_NDJSON] = luna_decode_ndjson,
    [FORMAT_OCTETS] = luna_decode_octets,
};

bool exchange_content_known(struct exchange *exchange)
{
    const char *type = exchange->request.content_type;
    if (format_of_content(type, &exchange->format_in))
        return true;
    exchange_complain(exchange, PROBLEM_MEDIA_TYPE,
                      *type == '\0' ? "There is no Content-Type. Send Content-Type: "
                                      "application/json, or another of those read here."
                                    : NULL);
    return false;
}

bool exchange_body_unpacked(struct exchange *exchange)
{
    struct pipeline *pipeline = exchange->pipeline;
    struct http_request *request = &exchange->request;
    switch (content_decode(request->content_encoding, request->body, request->body_len,
                           &pipeline->arena, &pipeline->unpacked)) {
    case CODING_NONE:
        return true;
    case CODING_DECODED:
        request->body = pipeline->unpacked.data;
        request->body_len = pipeline->unpacked.len;
        return true;
    case CODING_UNKNOWN:
        exchange_complain(exchange, PROBLEM_ENCODING, NULL);
        return false;
    case CODING_CORRUPT:
        exchange_complain(exchange, PROBLEM_BODY_CORRUPT, NULL);
        return false;
    case CODING_TOO_LARGE:
    case CODING_MEMORY:
        break;
    }
    exchange_complain(
        exchange, PROBLEM_BODY_TOO_LARGE,
        "Unpacked, the body is larger than this service takes. Send fewer points in one request.");
    return false;
}

void exchange_complain_of_faults(struct exchange *exchange, enum luna_decode_status status)
{
    if (status == LUNA_DECODE_MEMORY) {
        exchange_complain(exchange, PROBLEM_BODY_TOO_LARGE, NULL);
        return;
    }
    exchange_complain(exchange, PROBLEM_VALIDATION, NULL);
    exchange->complaint.faults = &exchange->faults;
}

bool exchange_query_read(struct exchange *exchange)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    bool valid = query_parse(exchange->request.query, arena, &exchange->query, &exchange->faults);
    exchange->precision = query_precision(&exchange->query, &exchange->faults);
    return valid && exchange->faults.count == 0;
}

struct luna_request_limits exchange_limits(const struct exchange *exchange)
{
    return (struct luna_request_limits){
        .points_max = (size_t)exchange->pipeline->config->points_max, .nesting_max = NESTING_MAX};
}

/* The body, then what the query says besides; both tell all of their faults. */
static enum luna_decode_status decode(struct exchange *exchange)
{
    struct luna_arena *arena = &exchange->pipeline->arena;
    const struct luna_request_limits limits = exchange_limits(exchange);
    struct luna_faults in_query;
    enum luna_decode_status status =
        decoders[exchange->format_in](exchange->request.body, exchange->request.body_len, &limits,
                                      arena, &exchange->model, &exchange->faults);
    bool body_has_options = exchange->format_in == FORMAT_JSON;
    luna_faults_init(&in_query, arena);
    enum luna_decode_status laid = query_options_apply(
        &exchange->query, !body_has_options, NESTING_MAX, arena, &exchange->model, &in_query);
    luna_faults_join(&exchange->faults, &in_query);
    return status != LUNA_DECODE_OK ? status : laid;
}

/* Faults of the query, of the body, or of the model that they ask for. */
static void complain_about_content(struct exchange *exchange)
{
    luna_faults_init(&exchange->faults, &exchange->pipeline->arena);
    bool query_read = exchange_query_read(exchange);
    enum luna_decode_status status = query_read ? decode(exchange) : LUNA_DECODE_FAULTS;
    if (status == LUNA_DECODE_OK &&
        luna_run_check(&exchange->model, &exchange->faults) == LUNA_RUN_OK)
        exchange->sample.points = exchange->model.n;
    else
        exchange_complain_of_faults(exchange,
                                    status == LUNA_DECODE_OK ? LUNA_DECODE_FAULTS : status);
}

enum step_outcome step_decode(struct exchange *exchange)
{
    if (exchange->complaint.id == PROBLEM_NONE && exchange_content_known(exchange) &&
        exchange_body_unpacked(exchange))
        complain_about_content(exchange);
    exchange->format_out = format_accepted(exchange->request.accept, exchange->format_in);
    return STEP_ON;
}
