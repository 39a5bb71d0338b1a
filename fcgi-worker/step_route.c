#include "exchange.h"

#include <string.h>
#include <strings.h>

enum step_outcome step_queue(struct exchange *exchange)
{
    const struct worker_config *config = exchange->pipeline->config;
    if (exchange->sample.wait_ns <= config->queue_wait_max_ms * 1000000 &&
        !luna_deadline_passed(exchange->deadline))
        return STEP_ON;
    exchange->sample.shed = true;
    http_header_add(&exchange->pipeline->response, "Retry-After", "1");
    return exchange_refuse(exchange, PROBLEM_OVERLOADED, NULL);
}

enum step_outcome step_route(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    char allow[64];
    switch (routes_find(request->method, request->path, request->path_len, &exchange->route,
                        &exchange->account_id)) {
    case ROUTE_FOUND:
        return STEP_ON;
    case ROUTE_WRONG_METHOD:
        route_allow(exchange->route, allow, sizeof allow);
        http_header_add(&exchange->pipeline->response, "Allow", "%s", allow);
        return exchange_refuse(exchange, PROBLEM_METHOD, NULL);
    case ROUTE_UNKNOWN:
        break;
    }
    return exchange_refuse(exchange, PROBLEM_NOT_FOUND, NULL);
}

const char *exchange_api_key(const struct exchange *exchange)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = exchange->request.authorization;
    if (*exchange->request.api_key != '\0')
        return exchange->request.api_key;
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return "";
    authorization += sizeof scheme - 1;
    return authorization + strspn(authorization, " ");
}

enum step_outcome step_authenticate_shape(struct exchange *exchange)
{
    return *exchange_api_key(exchange) != '\0' ? STEP_ON
                                               : exchange_refuse(exchange, PROBLEM_KEY_MISSING, NULL);
}
