/*
 * deprecation.h: a route that is going to end, as its answers say.
 *
 * The policy is web/pages/versioning.md. A row of the table of routes (api/routes.c) points to its
 * deprecation; the description marks the operation as deprecated, which a test compares.
 */
#ifndef FCGI_WORKER_DEPRECATION_H
#define FCGI_WORKER_DEPRECATION_H

#include "http/http.h"

#include <stdint.h>

struct deprecation { /* in seconds since 1970 UTC */
    int64_t deprecated_s;
    int64_t sunset_s; /* when the route may be gone; 0: not decided yet */
};

/* Adds Deprecation (RFC 9745), Sunset (RFC 8594), and a Link to the policy. */
void deprecation_headers_add(const struct deprecation *deprecation, struct http_response *response);

#endif
