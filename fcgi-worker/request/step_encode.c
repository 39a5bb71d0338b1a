#include "request/steps.h"

#include "luna/modelling/encode.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/octets.h"
#include "request/send.h"

static void encode_octets(const struct luna_request *request, const struct luna_result *result,
                          int precision, struct luna_buf *out)
{
    (void)request;
    (void)precision; /* all of it, always */
    luna_encode_octets(result, out);
}

static void (*const encoders[FORMAT_COUNT])(const struct luna_request *request,
                                            const struct luna_result *result, int precision,
                                            struct luna_buf *out) = {
    [FORMAT_JSON] = luna_encode_json,
    [FORMAT_CSV] = luna_encode_csv,
    [FORMAT_NDJSON] = luna_encode_ndjson,
    [FORMAT_OCTETS] = encode_octets,
};

enum step_outcome step_in_time(struct exchange *exchange)
{
    if (!luna_deadline_passed(exchange->deadline))
        return STEP_ON;
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
}

/* After the commit: a long answer begins to leave while the rest of it is still being written. */
enum step_outcome step_encode(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = format_content_type(exchange->format_out);
    send_in_parts(exchange);
    encoders[exchange->format_out](&exchange->model, &exchange->result, exchange->precision,
                                   &response->body);
    return response->body.overflow ? STEP_ANSWERED : STEP_ON;
}
