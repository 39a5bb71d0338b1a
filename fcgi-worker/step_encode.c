#include "exchange.h"

#include "luna/modelling/encode.h"

enum { SHORTEST = 0 };

enum step_outcome step_encode(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = exchange->csv_out ? "text/csv; charset=utf-8" : "application/json";
    (exchange->csv_out ? luna_encode_csv : luna_encode_json)(&exchange->model, &exchange->result, SHORTEST,
                                                             &response->body);
    if (response->body.overflow)
        return exchange_refuse(
            exchange, PROBLEM_BODY_TOO_LARGE,
            "The answer would be larger than this service sends. Send fewer points, or ask for less.");
    if (luna_deadline_passed(exchange->deadline)) {
        http_header_add(response, "Retry-After", "1");
        return exchange_refuse(exchange, PROBLEM_DEADLINE, NULL);
    }
    return STEP_ON;
}
