#include "http/cors.h"

#include <string.h>

static bool any_allowed(const char *origins)
{
    return strcmp(origins, "*") == 0;
}

static bool is_allowed(const char *origins, const char *origin)
{
    size_t len = strlen(origin);
    if (any_allowed(origins))
        return len > 0;
    while (*origins != '\0') {
        origins += strspn(origins, ", ");
        size_t item_len = strcspn(origins, ", ");
        if (item_len > 0 && item_len == len && memcmp(origins, origin, len) == 0)
            return true;
        origins += item_len;
    }
    return false;
}

bool cors_is_on(const char *origins)
{
    return origins != NULL && *origins != '\0';
}

void cors_headers_add(const char *origins, const char *origin, struct http_response *response)
{
    if (!cors_is_on(origins) || !is_allowed(origins, origin))
        return;
    /* Identical to one of the list, so no text of the client's own. */
    http_header_add(response, "Access-Control-Allow-Origin", "%s",
                    any_allowed(origins) ? "*" : origin);
    http_header_add(
        response, "Access-Control-Expose-Headers",
        "X-Request-Id, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, "
        "X-RateLimit-Reset, Retry-After, Server-Timing, Idempotent-Replayed, Location, Link, ETag, "
        "Luna-Fit, Luna-Input, Allow, Accept, Accept-Encoding, WWW-Authenticate, Deprecation, "
        "Sunset");
}

void cors_preflight_add(const char *origins, const char *origin, const char *methods,
                        struct http_response *response)
{
    if (!cors_is_on(origins) || !is_allowed(origins, origin))
        return;
    http_header_add(response, "Access-Control-Allow-Methods", "%s", methods);
    http_header_add(
        response, "Access-Control-Allow-Headers",
        "Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-None-Match, "
        "X-API-Key, X-Request-Id, traceparent, tracestate");
    http_header_add(response, "Access-Control-Max-Age", "600");
}
