#include "request/steps.h"

#include "http/cors.h"
#include "luna/base/clock.h"
#include "request/deprecation.h"

#include <assert.h>
#include <string.h>

/* Allow is there already; this adds what a page of another origin may send. */
static enum step_outcome answer_options(struct exchange *exchange, const char *allow)
{
    struct http_response *response = &exchange->pipeline->response;
    cors_preflight_add(exchange->pipeline->config->cors_origins, exchange->request.origin, allow,
                       response);
    response->status = 204;
    return STEP_ANSWERED;
}

enum step_outcome step_route(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    /* The web server drops the body of an answer to HEAD itself. */
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    char allow[64];
    const struct route_table *routes = exchange->pipeline->routes;
    switch (route_find(routes, method, request->path, request->path_len, &exchange->route,
                       &exchange->ids)) {
    case ROUTE_FOUND:
        exchange->price.units = exchange->route->cost;
        if (exchange->route->deprecation != NULL)
            deprecation_headers_add(exchange->route->deprecation, &exchange->pipeline->response);
        return STEP_ON;
    case ROUTE_WRONG_METHOD:
        route_allow(routes, exchange->route, allow, sizeof allow);
        http_header_add(&exchange->pipeline->response, "Allow", "%s", allow);
        if (strcmp(method, "OPTIONS") == 0)
            return answer_options(exchange, allow);
        return exchange_refuse(exchange, PROBLEM_METHOD, NULL);
    case ROUTE_UNKNOWN:
        break;
    }
    return exchange_refuse(exchange, PROBLEM_NOT_FOUND, NULL);
}

/* Without a store: a forged token costs no round trip. */
static enum step_outcome check_token(struct exchange *exchange, const char *text)
{
    struct token_claims *claims = &exchange->token;
    assert(claims->account_id == 0 && exchange->route != NULL);
    const struct token_keys *keys = &exchange->pipeline->config->token_keys;
    if (!token_verify(keys, text, luna_clock_wall_ms() / 1000, claims) ||
        claims->account_id != exchange->ids.account_id)
        return exchange_refuse(exchange, PROBLEM_KEY_INVALID,
                               "This token is malformed, forged, expired or another account's.");
    if (exchange->route->scope != 0 && (claims->scopes & exchange->route->scope) == 0)
        return exchange_refuse(exchange, PROBLEM_SCOPE_MISSING,
                               "This token lacks the scope that the request needs.");
    return STEP_ON;
}

static bool is_credential(const char *header)
{
    return strcmp(header, "x-api-key") == 0 || strcmp(header, "authorization") == 0;
}

/* A comma: later versions of nginx join headers that are sent twice. */
static bool has_one_credential(const struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    if (*request->api_key != '\0' && exchange_has_bearer(exchange))
        return false;
    return !is_credential(request->repeated_header) &&
           strchr(exchange_api_key(exchange), ',') == NULL;
}

enum step_outcome step_check_credential(struct exchange *exchange)
{
    const char *key = exchange_api_key(exchange);
    const char *repeated = exchange->request.repeated_header;
    if (!has_one_credential(exchange))
        return exchange_refuse(exchange, PROBLEM_CREDENTIAL_REPEATED, NULL);
    if (*repeated != '\0')
        return exchange_refuse(exchange, PROBLEM_HEADER_REPEATED,
                               luna_arena_printf(&exchange->pipeline->arena,
                                                 "The header %s was sent more than once. Send it "
                                                 "once.",
                                                 repeated));
    if (*key == '\0')
        return exchange_refuse(exchange, PROBLEM_KEY_MISSING, NULL);
    return token_shaped(key) ? check_token(exchange, key) : STEP_ON;
}
